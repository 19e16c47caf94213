/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operational commands (`diagnose`, `get`, `execute`) as table rows. The word matcher, `?` and Tab
 * work from the rows alone: a new command is one row and its function. Control thread, like the
 * login the functions are called for.
 */
#pragma once

#include "cli/backend.h"
#include "cli/cli.h"

struct cli_command {
    const char *path; /* every word in full: "diagnose sys session list" */
    const char *help; /* one line for `?` */
    const char *args; /* shown by `?` after the path, NULL when it takes none */
    unsigned min_args, max_args;
    /*
     * Called with the words after the path. Returns 0 done, 1 to be continued by `step`, or a
     * negative FortiOS return code after printing the reason (the caller prints the code line).
     * NULL: the path is only the beginning of others and the row gives it its help.
     */
    int (*start)(struct cli *cli, unsigned n_args, const struct slice *args);
    /* NULL unless start can return 1. Same returns; state lives in cli_scratch. */
    int (*step)(struct cli *cli);
    /* Candidates for argument `arg`: zero-terminated words, NULL ends. May be NULL. */
    const char *const *(*candidates)(unsigned arg);
};

/* Tables end with a row whose path is NULL. */
extern const struct cli_command cli_session_commands[];  /* diagnose_session.c */
extern const struct cli_command cli_sip_commands[];      /* diagnose_sip.c */
extern const struct cli_command cli_system_commands[];   /* get_system.c */
extern const struct cli_command cli_route_commands[];    /* get_route.c */
extern const struct cli_command cli_debug_commands[];    /* debug.c */
extern const struct cli_command cli_firewall_commands[]; /* diagnose_firewall.c */

const struct backend *cli_backend(const struct cli *cli);

/* The running configuration, for commands that read a setting. */
const struct config_tree *cli_running(const struct cli *cli);

/* The row whose start or step is being called: rows that share a function tell themselves apart. */
const struct cli_command *cli_command(const struct cli *cli);

/* State of filters that belong to this login; zero at cli_open, CLI_FILTER_SIZE bytes each. */
enum {
    CLI_FILTER_SESSION,
    CLI_FILTER_SESSION6,
    CLI_FILTER_SIP,
    CLI_FILTER_SIP_LOG,
    CLI_FILTERS
};
#define CLI_FILTER_SIZE 1024
void *cli_filter(struct cli *cli, int which);

/* State of the running listing; zeroed before each `start`. */
#define CLI_SCRATCH_SIZE 1024
void *cli_scratch(struct cli *cli);

/* What one step of a listing may do before it returns 1. */
enum {
    CLI_STEP_PRINTED = 64,  /* rows printed */
    CLI_STEP_EXAMINED = 512 /* rows looked at, printed or not */
};

/* FortiOS return codes that commands give (reference 1.12). */
enum {
    CLI_E_NOT_FOUND = -3,
    CLI_E_FULL = -4,
    CLI_E_ADDRESS = -8,
    CLI_E_INPUT = -61,
    CLI_E_INCOMPLETE = -160
};

/* `value parse error before '<word>'`; returns CLI_E_INPUT. */
int cli_bad_value(struct cli *cli, struct slice word);

/* Append what came from the network: bytes that are no printable ASCII become `.`. */
void cli_put_clean(struct text *out, const char *from_network);

/* "10.0.0.1:5060", and "2001:db8::1:5060" as FortiOS writes it. */
struct cli_end_text {
    char s[IPV6_TEXT_MAX + 6];
};
struct cli_end_text cli_end(struct ip_port e);

/* An address; a zero one is "::". */
struct cli_ip_text {
    char s[IPV6_TEXT_MAX];
};
struct cli_ip_text cli_ip(struct ip_addr ip);
bool cli_ip_is_zero(const struct ip_addr *ip);

/* "02:00:5e:00:53:20". */
struct cli_mac_text {
    char s[18];
};
struct cli_mac_text cli_mac(const uint8_t mac[6]);

/* Seconds in decimal, UINT32_MAX as `word`. */
struct cli_seconds_text {
    char s[12];
};
struct cli_seconds_text cli_seconds(uint32_t seconds, const char *word);

/* "udp", "tcp", "icmp", or the number in decimal. */
struct cli_seconds_text cli_protocol(uint8_t proto);
