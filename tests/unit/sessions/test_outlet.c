/* SPDX-License-Identifier: BSD-3-Clause */
/* Outlets: what was opened is found while its mapping lives, and nothing else ever is. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

#define PHONE at("10.0.0.1", 6000)
#define WAYS  64

static struct outlet_way way_to(unsigned remote)
{
    return (struct outlet_way){.inside = ip_addr_of4(PHONE.ip),
                               .remote = ip_addr_of4(be32_of(0xc6336400 + remote)),
                               .port = be16_of(7000),
                               .zone = LAN,
                               .outside_ifindex = WAN};
}

static struct handle media(struct rig *rig, uint16_t port)
{
    struct mapping_want want = want_of(rig, at("10.0.0.1", port));
    struct handle h;
    want.outside_ifindex = WAN;
    assert_int_equal(mapping_open(&rig->ms, &rig->t, &want, &h), 0);
    return h;
}

static void found_while_it_lives(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle a = media(&rig, 6000), b = media(&rig, 6002);
    struct outlet_way way = way_to(1);
    assert_false(outlets_any(&rig.ms.outlets));
    assert_int_equal(outlet_find(&rig.ms, &way), INDEX_NONE);
    outlet_open(&rig.ms, &way, a);
    assert_true(outlets_any(&rig.ms.outlets));
    assert_int_equal(outlet_find(&rig.ms, &way), a.index);
    /* Two calls may have their media at one place: either will do. */
    outlet_open(&rig.ms, &way, a);
    outlet_open(&rig.ms, &way, b);
    outlet_close(&rig.ms, &way, a);
    assert_int_equal(outlet_find(&rig.ms, &way), b.index);
    outlet_close(&rig.ms, &way, a);
    mapping_release(&rig.ms, &rig.t, b, false);
    assert_int_equal(outlet_find(&rig.ms, &way), INDEX_NONE);
    rig_close(&rig);
}

/* Each field of a way counts. */
static void another_way(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle h = media(&rig, 6000);
    const struct outlet_way way = way_to(1);
    outlet_open(&rig.ms, &way, h);
    for (size_t byte = 0; byte < sizeof(way); byte++) {
        struct outlet_way other = way;
        ((uint8_t *)&other)[byte] ^= 0x40;
        assert_int_equal(outlet_find(&rig.ms, &other), INDEX_NONE);
    }
    assert_int_equal(outlet_find(&rig.ms, &way), h.index);
    rig_close(&rig);
}

/* A mapping that leads out elsewhere is no outlet here, whatever it was entered for. */
static void another_way_out(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct mapping_want want = want_of(&rig, PHONE);
    struct handle h;
    want.outside_ifindex = 7;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    struct outlet_way way = way_to(1);
    outlet_open(&rig.ms, &way, h);
    assert_int_equal(outlet_find(&rig.ms, &way), INDEX_NONE);
    rig_close(&rig);
}

/* SIP of an endpoint: what was said last, until it is taken back; beside media, and never as such.
 */
static void signalling(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    const struct handle call = {3, 1}, later = {3, 2}; /* records of calls, not mappings */
    struct outlet_way way = way_to(1), media_way = way_to(1);
    struct outlet_call how = {0}, got;
    struct handle m = media(&rig, 6000);
    way.inside_port = be16_of(5060);
    assert_false(outlet_find_call(&rig.ms, &way, &got));
    for (uint32_t policy = 0; policy < 3; policy++) {
        how = (struct outlet_call){policy * 0x7fffffffu, at("203.0.113.9", (uint16_t)policy)};
        assert_int_equal(outlet_open_call(&rig.ms, &way, call, &how), outlet_hash(&rig.ms, &way));
        assert_true(outlet_find_call(&rig.ms, &way, &got));
        assert_int_equal(got.policy_id, how.policy_id);
        assert_true(endpoint_eq(got.public_side, how.public_side));
    }
    assert_true(outlets_any(&rig.ms.outlets));
    assert_int_equal(outlet_find(&rig.ms, &way), INDEX_NONE);
    outlet_open(&rig.ms, &media_way, m);
    assert_false(outlet_find_call(&rig.ms, &media_way, &got));
    for (size_t byte = 0; byte < sizeof(way); byte++) {
        struct outlet_way else_way = way;
        ((uint8_t *)&else_way)[byte] ^= 0x40;
        assert_false(outlet_find_call(&rig.ms, &else_way, &got));
    }
    outlet_close_call(&rig.ms, outlet_hash(&rig.ms, &way), later);
    assert_true(outlet_find_call(&rig.ms, &way, &got));
    outlet_close_call(&rig.ms, outlet_hash(&rig.ms, &way), call);
    assert_false(outlet_find_call(&rig.ms, &way, &got));
    assert_int_equal(outlet_find(&rig.ms, &media_way), m.index);
    rig_close(&rig);
}

/* Against a list of what is open: found is open; with room in every bucket open is found. */
static void random_ways(void **state)
{
    (void)state;
    struct rig rig;
    struct rng rng = {20261120};
    struct handle h[8];
    bool open[WAYS][8] = {{false}};
    unsigned n_open = 0;
    rig_open(&rig, 10, 64);
    for (unsigned i = 0; i < 8; i++)
        h[i] = media(&rig, (uint16_t)(6000 + 2 * i));
    for (unsigned round = 0; round < 20000; round++) {
        unsigned w = (unsigned)(rng_next(&rng) % WAYS), m = (unsigned)(rng_next(&rng) % 8);
        struct outlet_way way = way_to(w);
        /* At most four at a time for the first half: no bucket can overflow. */
        bool room = round >= 10000 || n_open < OUTLET_BUCKET;
        if (open[w][m]) {
            outlet_close(&rig.ms, &way, h[m]);
            n_open--;
            open[w][m] = false;
        } else if (room) {
            outlet_open(&rig.ms, &way, h[m]);
            n_open++;
            open[w][m] = true;
        }
        for (unsigned k = 0; k < WAYS; k++) {
            struct outlet_way look = way_to(k);
            uint32_t index = outlet_find(&rig.ms, &look);
            bool any = false, right = index == INDEX_NONE;
            for (unsigned i = 0; i < 8; i++) {
                any |= open[k][i];
                right |= open[k][i] && h[i].index == index;
            }
            assert_true(right);
            if (round < 10000)
                assert_int_equal(index != INDEX_NONE, any);
        }
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_while_it_lives), cmocka_unit_test(another_way),
        cmocka_unit_test(another_way_out),      cmocka_unit_test(signalling),
        cmocka_unit_test(random_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
