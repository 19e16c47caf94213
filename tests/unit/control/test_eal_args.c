/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/eal_args.h"

#include "base/text.h"
#include "config/rows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *const nothing[] = {NULL};

static cpu_set_t four_cpus(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (int i = 0; i < 4; i++)
        CPU_SET(i, &cpus);
    return cpus;
}

static bool has(const struct eal_args *a, const char *word)
{
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->argv[i], word) == 0)
            return true;
    return false;
}

static void test_small_machine(void **state)
{
    (void)state;
    struct eal_args a;
    struct text error = {0};
    cpu_set_t cpus = four_cpus();
    struct row_interface lan = {.name = "lan", .device = "net_af_packet0,iface=veth1"};
    struct config_rows rows = {
        .dpdk = {.memory_mib = 256, .n_worker_cpus = 2, .worker_cpus = {1, 3}},
        .n_interfaces = 1,
        .interfaces = &lan};
    assert_int_equal(eal_args_make(&a, &rows, &cpus, nothing, &error), 0);
    assert_true(has(&a, "--lcores=0@0,1@0,2@1,3@3"));
    assert_true(has(&a, "--main-lcore=0"));
    assert_true(has(&a, "--no-huge"));
    assert_true(has(&a, "--no-shconf"));
    assert_true(has(&a, "-m256"));
    assert_true(has(&a, "--no-pci"));
    assert_true(has(&a, "--file-prefix=pinhole"));
    assert_null(a.argv[a.n]);
    eal_args_free(&a);
    text_free(&error);
}

static void test_huge_pages_and_a_nic(void **state)
{
    (void)state;
    struct eal_args a;
    struct text error = {0};
    cpu_set_t cpus = four_cpus();
    struct row_interface ports[] = {{.name = "a", .device = "0000:3b:00.1"},
                                    {.name = "b", .device = ""},
                                    {.name = "c", .device = "net_memif0,role=client"}};
    struct config_rows rows = {.dpdk = {.hugepages = true,
                                        .memory_mib = 1024,
                                        .n_worker_cpus = 1,
                                        .worker_cpus = {2},
                                        .alg_cpu = 1},
                               .n_interfaces = 3,
                               .interfaces = ports};
    assert_int_equal(eal_args_make(&a, &rows, &cpus, nothing, &error), 0);
    assert_true(has(&a, "--in-memory"));
    assert_false(has(&a, "--no-huge"));
    assert_false(has(&a, "--no-pci"));
    assert_true(has(&a, "--allow=0000:3b:00.1"));
    assert_true(has(&a, "--lcores=0@0,1@1,2@2"));
    eal_args_free(&a);
}

static void test_missing_cpu(void **state)
{
    (void)state;
    struct eal_args a;
    cpu_set_t cpus = four_cpus();
    struct config_rows rows[3] = {
        {.dpdk = {.n_worker_cpus = 2, .worker_cpus = {1, 4}}},
        {.dpdk = {.n_worker_cpus = 1, .worker_cpus = {1}, .alg_cpu = 1023}},
        {.dpdk = {.n_worker_cpus = 1, .worker_cpus = {1}, .control_cpu = 65535}},
    };
    const char *said[3] = {"worker-cpus: 4:", "alg-cpu: 1023:", "control-cpu: 65535:"};
    for (int i = 0; i < 3; i++) {
        struct text error = {0};
        assert_int_equal(eal_args_make(&a, &rows[i], &cpus, nothing, &error), -EINVAL);
        assert_non_null(strstr(error.p, said[i]));
        assert_non_null(strstr(error.p, "may use: 0 1 2 3"));
        eal_args_free(&a);
        text_free(&error);
    }
}

/* How many words begin like that? */
static int count(const struct eal_args *a, const char *begin)
{
    int n = 0;
    for (int i = 0; i < a->n; i++)
        n += strncmp(a->argv[i], begin, strlen(begin)) == 0;
    return n;
}

static void test_operator_replaces_ours(void **state)
{
    (void)state;
    static const struct {
        char *word[3];
        const char *gone; /* of ours */
    } rows[] = {{{"--lcores=0@0,1@0,2@1"}, "--lcores=0@0,1@0,2@0"},
                {{"--lcore", "0@0,1@0,2@1"}, "--lcores"},
                {{"-l", "0-2"}, "--lcores"},
                {{"-l0-2"}, "--lcores"},
                {{"-c7"}, "--lcores"},
                {{"--main-lcore=0"}, "--main-lcore=00"},
                {{"-m", "64"}, "-m512"},
                {{"--socket-mem=64"}, "-m512"},
                {{"--in-memory"}, "--no-huge"},
                {{"--huge-dir=/mnt"}, "--no-huge"},
                {{"--file-prefix=mine"}, "--file-prefix=pinhole"},
                {{"--file-pre=mine"}, "--file-prefix"},
                {{"-b", "0000:01:00.0"}, "--no-pci"},
                {{"--allow=0000:01:00.0"}, "--no-pci"},
                {{"--log-level=8"}, "--none"},
                {{"--no-hpet"}, "--none"}};
    cpu_set_t cpus = four_cpus();
    struct config_rows config = {.dpdk = {.memory_mib = 512, .n_worker_cpus = 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct eal_args plain, a;
        struct text error = {0};
        assert_int_equal(eal_args_make(&plain, &config, &cpus, nothing, &error), 0);
        assert_int_equal(eal_args_make(&a, &config, &cpus, rows[i].word, &error), 0);
        assert_int_equal(count(&a, rows[i].gone), 0);
        assert_string_equal(a.argv[a.n - 1], rows[i].word[1] ? rows[i].word[1] : rows[i].word[0]);
        assert_null(a.argv[a.n]);
        assert_true(a.n <= plain.n + 2);
        assert_true(a.n >= plain.n - 1);
        eal_args_free(&plain);
        eal_args_free(&a);
    }
}

/* CPUs of the rows are not used then, and need not be there. */
static void test_operators_cpus_count(void **state)
{
    (void)state;
    struct eal_args a;
    struct text error = {0};
    cpu_set_t cpus = four_cpus();
    char *more[] = {"--no-huge", "--lcores=0@0,1@0,2@0", NULL};
    struct config_rows rows = {
        .dpdk = {.memory_mib = 64, .n_worker_cpus = 1, .worker_cpus = {9}, .hugepages = true}};
    assert_int_equal(eal_args_make(&a, &rows, &cpus, more, &error), 0);
    assert_int_equal(count(&a, "--lcores"), 1);
    assert_int_equal(count(&a, "--no-huge"), 1);
    assert_int_equal(count(&a, "--in-memory"), 0);
    assert_true(has(&a, "--no-shconf"));
    eal_args_print(&a, &error);
    assert_string_equal(error.p, "--main-lcore=0 --no-shconf -m64 --file-prefix=pinhole "
                                 "--no-telemetry --log-level=*:error --no-pci --no-huge "
                                 "--lcores=0@0,1@0,2@0");
    text_free(&error);
    eal_args_free(&a);
}

static void test_too_many(void **state)
{
    (void)state;
    struct eal_args a;
    struct text error = {0};
    cpu_set_t cpus = four_cpus();
    struct config_rows rows = {.dpdk = {.n_worker_cpus = 1}};
    char *more[EAL_ARGS_MAX + 1] = {0};
    for (int i = 0; i < EAL_ARGS_MAX; i++)
        more[i] = "x";
    assert_int_equal(eal_args_make(&a, &rows, &cpus, more, &error), -E2BIG);
    assert_non_null(strstr(error.p, "more than 256"));
    assert_null(a.argv[EAL_ARGS_MAX]);
    text_free(&error);
    eal_args_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_machine),        cmocka_unit_test(test_huge_pages_and_a_nic),
        cmocka_unit_test(test_missing_cpu),          cmocka_unit_test(test_operator_replaces_ours),
        cmocka_unit_test(test_operators_cpus_count), cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
