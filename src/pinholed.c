/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon: reads a configuration, starts DPDK and the threads, runs the control loop until it is
 * told to end.
 *
 * Start-up can fail in many ways, all before anybody is told that it succeeded: without
 * --foreground the parent process waits until the child has everything running, and takes over its
 * exit status when it has not. DPDK is started in the child, since its threads would not survive a
 * fork.
 *
 * Threads: this one is control, on lcore 0; the ALG and the workers are lcores of DPDK. Where tasks
 * share a CPU, or sleep-on-idle is set, an idle one naps for NAP_US, offline for the grace periods
 * of the others meanwhile. Nobody wakes a napping thread: that would be a system call in a worker.
 *
 * The clock is read here alone, once per round (and while control waits for a commit): milliseconds
 * since the start. It is the kernel's coarse one, a few milliseconds fine, which is read from
 * shared memory whatever the machine's time source; the cycle counter would be finer, but how long
 * its cycles are is known to 0.2 % only.
 */
#include "base/log.h"
#include "base/text.h"
#include "config/load.h"
#include "config/rows.h"
#include "control/control.h"
#include "control/eal_args.h"
#include "fastpath/ports.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_pause.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/pinhole/pinhole.sock"
#define NAP_US         100
/* Empty rounds before a worker with sleep-on-idle naps: about as long as a nap takes. */
#define IDLE_ROUNDS 1000

struct options {
    const char *config_path;
    char socket_path[PATH_MAX]; /* absolute: a daemon leaves its folder */
    bool foreground;
    char **eal; /* the operator's, up to NULL */
};

/* One thread and its habits. */
struct task {
    unsigned reader; /* RCU reader id, or UINT_MAX for control */
    bool naps;
    unsigned patience; /* empty rounds before a nap */
    unsigned idle;     /* empty rounds so far */
};

struct pinholed {
    struct options options;
    struct config_rows *rows;
    struct config_tree *tree; /* until control takes it over */
    struct eal_args eal_args;
    struct dataplane *dp;
    struct alg_core *alg;
    struct control *control;
    struct task tasks[LCORE_FIRST_WORKER + MAX_WORKERS];
    bool eal; /* DPDK runs */
    uint64_t start_ms;
    char config_path[PATH_MAX];
};

static int stop;   /* atomic: a signal asked to end */
static int hangup; /* atomic: SIGHUP came */

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now_ms(const struct pinholed *d)
{
    return clock_ms() - d->start_ms;
}

static uint64_t control_clock(const void *d)
{
    return now_ms(d);
}

/* ---- threads ---- */

static void nap(const struct pinholed *d, struct task *task, unsigned found)
{
    const struct timespec length = {.tv_nsec = NAP_US * 1000};
    if (found > 0) {
        task->idle = 0;
        return;
    }
    if (!task->naps || ++task->idle < task->patience) {
        rte_pause();
        return;
    }
    if (task->reader != UINT_MAX)
        rte_rcu_qsbr_thread_offline(d->dp->qsbr, task->reader);
    nanosleep(&length, NULL);
    if (task->reader != UINT_MAX)
        rte_rcu_qsbr_thread_online(d->dp->qsbr, task->reader);
}

static bool going(void)
{
    return !__atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* Naps are short: without this the kernel adds 50 us to each. */
static void thread_begin(void)
{
    prctl(PR_SET_TIMERSLACK, 1000UL);
}

static int worker_main(void *arg)
{
    struct pinholed *d = arg;
    unsigned id = rte_lcore_id() - LCORE_FIRST_WORKER;
    struct task *task = &d->tasks[rte_lcore_id()];
    thread_begin();
    while (going())
        nap(d, task, worker_run_once(d->dp->workers[id], now_ms(d)));
    rte_rcu_qsbr_thread_offline(d->dp->qsbr, id);
    return 0;
}

static int alg_main(void *arg)
{
    struct pinholed *d = arg;
    thread_begin();
    while (going())
        nap(d, &d->tasks[LCORE_ALG], alg_core_run_once(d->alg, now_ms(d)));
    rte_rcu_qsbr_thread_offline(d->dp->qsbr, dataplane_alg_reader(d->dp));
    return 0;
}

static void control_main(struct pinholed *d)
{
    thread_begin();
    while (going()) {
        nap(d, &d->tasks[LCORE_CONTROL], control_run_once(d->control, now_ms(d)));
        if (__atomic_exchange_n(&hangup, 0, __ATOMIC_RELAXED))
            log_info("SIGHUP: nothing is read again; configure through the CLI, or restart");
    }
}

/* How many tasks a CPU has. */
static unsigned tasks_on(const struct row_dpdk *r, uint16_t cpu)
{
    unsigned n = (r->control_cpu == cpu) + (r->alg_cpu == cpu);
    for (uint16_t i = 0; i < r->n_worker_cpus; i++)
        n += r->worker_cpus[i] == cpu;
    return n;
}

static void tasks_plan(struct pinholed *d)
{
    const struct row_dpdk *r = &d->rows->dpdk;
    d->tasks[LCORE_CONTROL] = (struct task){.reader = UINT_MAX, .naps = true, .patience = 1};
    d->tasks[LCORE_ALG] = (struct task){.reader = dataplane_alg_reader(d->dp),
                                        .naps = r->sleep_on_idle || tasks_on(r, r->alg_cpu) > 1,
                                        .patience = 1};
    for (uint16_t i = 0; i < r->n_worker_cpus; i++) {
        bool shared = tasks_on(r, r->worker_cpus[i]) > 1;
        d->tasks[LCORE_FIRST_WORKER + i] = (struct task){
            .reader = i, .naps = r->sleep_on_idle || shared, .patience = shared ? 1 : IDLE_ROUNDS};
    }
}

static int threads_start(struct pinholed *d, struct text *error)
{
    tasks_plan(d);
    int result = rte_eal_remote_launch(alg_main, d, LCORE_ALG);
    for (unsigned i = 0; i < d->dp->n_workers && result == 0; i++)
        result = rte_eal_remote_launch(worker_main, d, LCORE_FIRST_WORKER + i);
    if (result != 0)
        text_printf(error, "a thread does not start: %s", strerror(-result));
    return result;
}

static void threads_end(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    rte_eal_mp_wait_lcore();
}

/* ---- parts ---- */

static int config_read(struct pinholed *d, struct text *error)
{
    struct text warnings = {0};
    if (!realpath(d->options.config_path, d->config_path)) {
        text_printf(error, "%s: %s", d->options.config_path, strerror(errno));
        return -errno;
    }
    int result = config_load_file(d->config_path, &d->tree, error, &warnings);
    if (warnings.n > 0)
        fwrite(warnings.p, 1, warnings.n, stderr);
    text_free(&warnings);
    if (result != 0)
        return result;
    d->rows = config_rows_make(d->tree, error);
    return d->rows ? 0 : -EINVAL;
}

/*
 * DPDK prints all its options when one is wrong, to standard output; what is wrong it says on
 * standard error. DPDK moves the words in argv about, which is why `words` are kept beside it.
 */
static int eal_init_quietly(struct eal_args *args)
{
    for (int i = 1; i < args->n; i++)
        if (strcmp(args->words[i], "-h") == 0 || strcmp(args->words[i], "--help") == 0)
            return rte_eal_init(args->n, args->argv);
    fflush(stdout);
    int before = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (before >= 0 && null >= 0)
        dup2(null, STDOUT_FILENO);
    int result = rte_eal_init(args->n, args->argv);
    fflush(stdout);
    if (before >= 0)
        dup2(before, STDOUT_FILENO);
    close(before);
    close(null);
    return result;
}

/* With lcores from the operator there may be others than our tasks need. */
static int lcores_check(const struct pinholed *d, struct text *error)
{
    unsigned n = LCORE_FIRST_WORKER + d->rows->dpdk.n_worker_cpus;
    for (unsigned i = 0; i < n; i++)
        if (!rte_lcore_is_enabled(i)) {
            text_printf(error,
                        "no lcore %u: --lcores must give control 0, ALG 1 and workers from "
                        "2 on, here up to %u",
                        i, n - 1);
            return -EINVAL;
        }
    if (rte_lcore_id() == LCORE_CONTROL)
        return 0;
    text_printf(error, "the main lcore must be %u, which is control", LCORE_CONTROL);
    return -EINVAL;
}

static int eal_start(struct pinholed *d, struct text *error)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) {
        text_printf(error, "CPUs: %s", strerror(errno));
        return -errno;
    }
    int result = eal_args_make(&d->eal_args, d->rows, &cpus, d->options.eal, error);
    if (result != 0)
        return result;
    if (eal_init_quietly(&d->eal_args) < 0) {
        text_printf(error,
                    "DPDK does not start: %s; its arguments were: ", rte_strerror(rte_errno));
        eal_args_print(&d->eal_args, error);
        return -rte_errno;
    }
    d->eal = true;
    d->start_ms = clock_ms();
    return lcores_check(d, error);
}

static int dataplane_start(struct pinholed *d, struct text *error)
{
    const struct row_dpdk *r = &d->rows->dpdk;
    const struct dataplane_options options = {.sessions = r->sessions,
                                              .mappings = r->mappings,
                                              .mbufs = r->mbufs,
                                              .n_workers = r->n_worker_cpus,
                                              .mtu = config_rows_mtu(d->rows),
                                              .huge = r->hugepages,
                                              .wire = ports_wire()};
    const struct alg_limits limits = {
        .dialogs = r->dialogs, .streams = r->sip_streams, .stream_buffers = r->sip_stream_buffers};
    struct hash_secret secret;
    d->dp = dataplane_create(&options, error);
    if (!d->dp)
        return -ENOMEM;
    int result = ports_open(d->rows, d->dp, error);
    if (result != 0)
        return result;
    hash_secret_random(&secret);
    d->alg = alg_core_create(d->dp, &limits, &secret, secret.k[2]);
    if (!d->alg) {
        text_printf(error, "no memory for the SIP core (%u dialogs)", r->dialogs);
        return -ENOMEM;
    }
    return 0;
}

/* The folder of the socket is often on a file system that begins empty. */
static void socket_folder_make(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n == 0 || n >= sizeof folder)
        return;
    memcpy(folder, path, n);
    folder[n] = '\0';
    (void)mkdir(folder, 0755); /* where that fails, the socket will say why */
}

static int control_start(struct pinholed *d, struct text *error)
{
    struct config_tree *tree = d->tree;
    d->tree = NULL;
    socket_folder_make(d->options.socket_path);
    d->control = control_create(
        d->dp, d->alg,
        &(struct control_options){.config_path = d->config_path,
                                  .socket_path = d->options.socket_path,
                                  .clock_ms = control_clock,
                                  .clock_ctx = d,
                                  .wall_s = (int64_t)time(NULL) - (int64_t)(now_ms(d) / 1000)},
        tree, now_ms(d), error);
    return d->control ? 0 : -EINVAL;
}

static int pinholed_start(struct pinholed *d, struct text *error)
{
    int result = eal_start(d, error);
    if (result == 0)
        result = dataplane_start(d, error);
    if (result == 0)
        result = control_start(d, error);
    if (result == 0)
        result = threads_start(d, error);
    return result;
}

static void pinholed_end(struct pinholed *d)
{
    if (d->eal)
        threads_end();
    control_destroy(d->control);
    alg_core_destroy(d->alg);
    if (d->dp) {
        ports_close();
        dataplane_destroy(d->dp);
    }
    tree_free(d->tree);
    config_rows_free(d->rows);
    if (d->eal)
        rte_eal_cleanup();
    eal_args_free(&d->eal_args);
}

/* ---- the process ---- */

static void on_signal(int number)
{
    __atomic_store_n(number == SIGHUP ? &hangup : &stop, 1, __ATOMIC_RELAXED);
}

/* Handlers set a flag; DPDK's threads, started later, inherit the mask and are never interrupted.
 */
static void signals_block(void)
{
    sigset_t set;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void signals_take(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * The child returns the pipe on which it says that it runs; the parent waits for that and exits:
 * with 0, or with the status of a child that failed and has said why on standard error.
 */
static int fork_away(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        close(ends[0]);
        setsid();
        return ends[1];
    }
    char byte;
    int status = 0;
    close(ends[1]);
    if (read(ends[0], &byte, 1) == 1)
        exit(0);
    waitpid(child, &status, 0);
    exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

static void let_parent_go(int pipe_end)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    log_to_syslog("pinholed");
    if (chdir("/") != 0)
        log_warn("chdir: %s", strerror(errno));
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    if (write(pipe_end, "", 1) != 1)
        log_warn("the starting process has gone");
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    close(pipe_end);
}

/* Instructions that this build uses and the machine may lack. */
static const char *cpu_lacks(void)
{
    __builtin_cpu_init();
#ifdef __AES__
    if (!__builtin_cpu_supports("aes"))
        return "AES";
#endif
#ifdef __AVX2__
    if (!__builtin_cpu_supports("avx2"))
        return "AVX2";
#endif
#ifdef __BMI2__
    if (!__builtin_cpu_supports("bmi2"))
        return "BMI2";
#endif
#ifdef __FMA__
    if (!__builtin_cpu_supports("fma"))
        return "FMA";
#endif
    return NULL;
}

static void usage(FILE *to)
{
    fputs("usage: pinholed -c FILE [--socket PATH] [--foreground] [-- EAL arguments]\n"
          "\n"
          "  -c, --config FILE   configuration in FortiOS syntax; commits are saved there\n"
          "      --socket PATH   where the CLI connects (" DEFAULT_SOCKET ")\n"
          "      --foreground    stay in the foreground, log to standard error\n"
          "      --help, --version\n"
          "\n"
          "What follows `--` goes to DPDK, in place of what `config dpdk` would give it for the\n"
          "same purpose: CPUs, memory, files, devices.\n",
          to);
}

static void socket_path_set(struct options *o, const char *path)
{
    char folder[PATH_MAX];
    bool relative = path[0] != '/' && getcwd(folder, sizeof folder);
    int n = snprintf(o->socket_path, sizeof o->socket_path, "%s%s%s", relative ? folder : "",
                     relative ? "/" : "", path);
    if (n < 0 || (size_t)n >= sizeof o->socket_path) {
        fprintf(stderr, "pinholed: the socket's path is too long: %s\n", path);
        exit(2);
    }
}

/* Exits on --help, --version and mistakes. */
static void options_parse(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"socket", required_argument, NULL, 's'},
        {"foreground", no_argument, NULL, 'f'},   {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {0}};
    int option;
    socket_path_set(o, DEFAULT_SOCKET);
    while ((option = getopt_long(argc, argv, "+c:h", longs, NULL)) != -1) {
        switch (option) {
        case 'c':
            o->config_path = optarg;
            break;
        case 's':
            socket_path_set(o, optarg);
            break;
        case 'f':
            o->foreground = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        case 'v':
            puts("pinholed " PINHOLE_VERSION);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    bool after_dashes = strcmp(argv[optind - 1], "--") == 0;
    if (!o->config_path || (optind < argc && !after_dashes)) {
        usage(stderr);
        exit(2);
    }
    o->eal = argv + optind;
}

static int fail(struct pinholed *d, struct text *error)
{
    fprintf(stderr, "pinholed: %s%s", error->p ? error->p : "cannot start",
            error->n > 0 && error->p[error->n - 1] == '\n' ? "" : "\n");
    text_free(error);
    pinholed_end(d);
    return 1;
}

int main(int argc, char **argv)
{
    static struct pinholed d;
    struct text error = {0};
    const char *lacks = cpu_lacks();
    int pipe_end = -1;

    options_parse(&d.options, argc, argv);
    if (lacks) {
        text_printf(&error, "this build needs %s, which this CPU does not have", lacks);
        return fail(&d, &error);
    }
    if (config_read(&d, &error) != 0)
        return fail(&d, &error);
    signals_block();
    if (!d.options.foreground && (pipe_end = fork_away()) < 0) {
        text_printf(&error, "cannot go to the background: %s", strerror(-pipe_end));
        return fail(&d, &error);
    }
    if (pinholed_start(&d, &error) != 0)
        return fail(&d, &error);
    text_free(&error);
    if (pipe_end >= 0)
        let_parent_go(pipe_end);
    signals_take();
    log_info("pinholed " PINHOLE_VERSION " runs: %u interfaces, %u workers", d.rows->n_interfaces,
             d.dp->n_workers);
    control_main(&d);
    log_info("pinholed ends");
    pinholed_end(&d);
    return 0;
}
