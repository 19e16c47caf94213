/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large zeroed memory for tables, straight from the kernel: 2 MiB pages where it gives them.
 * Start-up only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * `size` bytes of zeroed memory, aligned to a page, or NULL. With `huge`, reserved huge pages are
 * tried first; otherwise (or when there are none) transparent huge pages are asked for. Pages are
 * taken when first touched.
 */
void *mem_map(size_t size, bool huge);

/*
 * The same in small pages that nobody reserves: what is never touched costs nothing. For what few
 * records have beside those that all have.
 */
void *mem_map_sparse(size_t size);

/* What either gave; NULL is nothing. */
void mem_unmap(void *p, size_t size);
