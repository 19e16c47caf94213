/* SPDX-License-Identifier: BSD-3-Clause */
/* One public address for very many sessions: as many as there are ports, toward each destination.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#define PORTS 60417 /* 5117 to 65533 */

static struct endpoint numbered(uint32_t host, uint16_t port)
{
    return (struct endpoint){be32_of(host), be16_of(port)};
}

/* The i-th flow toward a server: hosts of a /16 with all kinds of source ports. */
static int make(struct rig *rig, uint32_t i, struct endpoint server)
{
    struct table_hit hit;
    struct endpoint src = numbered(0x0a000000 + i % 5000, (uint16_t)(1024 + i / 5000 * 1291));
    struct session_new want = flow_nat(rig, UDP, src, server);
    return create(rig, &want, &hit);
}

/* Four servers, 50,000 sessions each, behind one address: none is refused. */
static void many_servers(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, 262144, 64);
    for (uint32_t i = 0; i < 200000; i++) {
        struct endpoint server = numbered(0xc6336401 + i % 4, 443);
        assert_int_equal(make(&rig, i / 4, server), 0);
    }
    assert_int_equal(slots_used(&rig.ss.store.table), 400000);
    rig_close(&rig);
}

/* One server: none is refused while half of the ports are free, and the refusals at the end say
 * why; nearly every port is found. */
static void one_server(void **state)
{
    struct rig rig;
    uint32_t made = 0, at_first_refusal = 0;
    (void)state;
    rig_open(&rig, 131072, 64);
    for (uint32_t i = 0; i < 2 * PORTS; i++) {
        int result = make(&rig, i, numbered(0xc6336401, 443));
        if (result == 0) {
            made++;
            continue;
        }
        assert_int_equal(result, -EADDRNOTAVAIL);
        if (!at_first_refusal)
            at_first_refusal = made;
    }
    assert_in_range(at_first_refusal, PORTS / 2, PORTS + 4100);
    /* Ports from 1024 to 5116 and above 65533 are kept, though none is given. */
    assert_in_range(made, PORTS * 99 / 100, PORTS + 4100);
    print_message("first refusal with %u of %u ports in use, %u in the end\n", at_first_refusal,
                  PORTS, made);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_servers),
        cmocka_unit_test(one_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
