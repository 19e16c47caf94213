/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/mem.h"

#include <sys/mman.h>

#define HUGE ((size_t)2 << 20)

/* Both kinds of page need the length rounded alike, so that mem_unmap need not know which it was.
 */
static size_t round_up(size_t size)
{
    return (size + HUGE - 1) & ~(HUGE - 1);
}

void *mem_map(size_t size, bool huge)
{
    size = round_up(size);
    if (huge) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
        if (p != MAP_FAILED)
            return p;
    }
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, size, MADV_HUGEPAGE);
    return p;
}

void *mem_map_sparse(size_t size)
{
    size = round_up(size);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, size, MADV_NOHUGEPAGE);
    return p;
}

void mem_unmap(void *p, size_t size)
{
    if (p)
        munmap(p, round_up(size));
}
