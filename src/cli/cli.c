/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line becomes words (config/words.h), words become statements, and each statement goes by its
 * verb: configuration verbs to the edit contexts (config/edit.h), `show` and `get` to the printers,
 * the rest to the command rows. A statement that fails ends the line, so that a pasted line never
 * runs on in the wrong context.
 *
 * Life of a listing: start fills cli->out and returns 1; cli->row stays set and cli_step calls its
 * step until it returns something else. With `| grep` the text that a step appended is cut off
 * again and fed through the filter, so that commands know nothing of filters.
 */
#include "cli/cli.h"

#include "cli/backend.h"
#include "cli/login.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static int commit_to_backend(void *ctx, const struct config_tree *candidate, struct text *error)
{
    const struct backend *backend = ctx;
    return backend->commit(backend->ctx, candidate, error);
}

struct cli *cli_open(struct config_tree *running, const struct backend *backend)
{
    struct cli *cli = calloc(1, sizeof(*cli));
    if (!cli)
        abort();
    cli->running = running;
    cli->backend = backend;
    cli->edit = edit_open(running, commit_to_backend, (void *)(uintptr_t)backend);
    return cli;
}

static void listing_drop(struct cli *cli)
{
    cli->row = NULL;
    grep_close(cli->grep);
    cli->grep = NULL;
}

void cli_close(struct cli *cli)
{
    if (!cli)
        return;
    listing_drop(cli);
    debug_end(cli);
    edit_close(cli->edit);
    words_free(&cli->words);
    text_free(&cli->line);
    text_free(&cli->out);
    free(cli);
}

bool cli_show_debug(struct cli *cli)
{
    return debug_show(cli);
}

void cli_interrupt(struct cli *cli)
{
    if (!cli->row)
        return;
    listing_drop(cli);
    cli->status = CLI_INTERRUPTED;
}

void cli_abandon(struct cli *cli)
{
    if (cli->line.n > 0)
        text_clear(&cli->line);
    else
        edit_reset(cli->edit);
    cli->status = 0;
}

void cli_reset(struct cli *cli)
{
    listing_drop(cli);
    text_clear(&cli->line);
    edit_reset(cli->edit);
    cli->status = 0;
}

/* ---- what commands ask of their login ---- */

struct text *cli_output(struct cli *cli)
{
    return &cli->out;
}

int cli_status(const struct cli *cli)
{
    return cli->status;
}

const struct backend *cli_backend(const struct cli *cli)
{
    return cli->backend;
}

const struct config_tree *cli_running(const struct cli *cli)
{
    return cli->running;
}

const struct cli_command *cli_command(const struct cli *cli)
{
    assert(cli->row);
    return cli->row;
}

void *cli_filter(struct cli *cli, int which)
{
    assert(which >= 0 && which < CLI_FILTERS);
    return cli->filter[which];
}

void *cli_scratch(struct cli *cli)
{
    return cli->scratch;
}

int cli_bad_value(struct cli *cli, struct slice word)
{
    text_printf(&cli->out, "value parse error before '%.*s'\n", SLICE_ARG(word));
    return CLI_E_INPUT;
}

int cli_bad_word(struct cli *cli, struct slice word)
{
    text_printf(&cli->out, "command parse error before '%.*s'\n", SLICE_ARG(word));
    return CLI_E_INPUT;
}

int cli_ambiguous(struct cli *cli, struct slice word)
{
    text_printf(&cli->out, "ambiguous command before '%.*s'\n", SLICE_ARG(word));
    return CLI_E_INPUT;
}

int cli_incomplete(struct cli *cli)
{
    text_puts(&cli->out, "incomplete command in the end\n");
    return CLI_E_INCOMPLETE;
}

void cli_put_clean(struct text *out, const char *from_network)
{
    for (const char *p = from_network; *p; p++) {
        char c = *p >= ' ' && *p <= '~' ? *p : '.';
        text_put(out, slice_of(&c, 1));
    }
}

struct cli_end_text cli_end(struct ip_port e)
{
    struct cli_end_text t;
    size_t n = ip_addr_print(&e.ip, t.s);
    snprintf(t.s + n, sizeof(t.s) - n, ":%u", be16_host(e.port));
    return t;
}

struct cli_ip_text cli_ip(struct ip_addr ip)
{
    struct cli_ip_text t;
    ip_addr_print(&ip, t.s);
    return t;
}

bool cli_ip_is_zero(const struct ip_addr *ip)
{
    return (ip->half[0] | ip->half[1]) == 0;
}

struct cli_mac_text cli_mac(const uint8_t mac[6])
{
    static const char hex[] = "0123456789abcdef";
    struct cli_mac_text t;
    for (int i = 0; i < 6; i++) {
        t.s[3 * i] = hex[mac[i] >> 4];
        t.s[3 * i + 1] = hex[mac[i] & 15];
        t.s[3 * i + 2] = ':';
    }
    t.s[17] = '\0';
    return t;
}

struct cli_seconds_text cli_seconds(uint32_t seconds, const char *word)
{
    struct cli_seconds_text t;
    if (seconds == UINT32_MAX)
        snprintf(t.s, sizeof(t.s), "%s", word);
    else
        snprintf(t.s, sizeof(t.s), "%u", seconds);
    return t;
}

struct cli_seconds_text cli_protocol(uint8_t proto)
{
    struct cli_seconds_text t;
    const char *name = proto == 17 ? "udp"
                                   : (proto == 6 ? "tcp"
                                                 : (proto == 1    ? "icmp"
                                                    : proto == 58 ? "icmp6"
                                                                  : NULL));
    if (name)
        snprintf(t.s, sizeof(t.s), "%s", name);
    else
        snprintf(t.s, sizeof(t.s), "%u", proto);
    return t;
}

/* ---- verbs ---- */

static void verbs_of_top(struct candidates *out)
{
    resolve_verbs(out);
    candidates_add(out, SLICE_LIT("get"), "Get dynamic and system information.");
    candidates_add(out, SLICE_LIT("show"), "Show configuration.");
    candidates_add(out, SLICE_LIT("exit"), "Exit the CLI.");
    candidates_add(out, SLICE_LIT("quit"), "Exit the CLI.");
}

void cli_verbs(const struct cli *cli, struct candidates *out)
{
    for (const struct schema_option *verb = edit_verbs(cli->edit); verb->word; verb++)
        candidates_add(out, slice_str(verb->word), verb->help);
    candidates_add(out, SLICE_LIT("show"), "Show configuration.");
    candidates_add(out, SLICE_LIT("get"), "Get dynamic and system information.");
    if (cli_at_top(cli))
        verbs_of_top(out);
}

enum match cli_verb(const struct cli *cli, struct slice typed, struct slice *full)
{
    struct candidates verbs = {0};
    cli_verbs(cli, &verbs);
    enum match match = candidates_match(&verbs, typed, full);
    if (match != MATCH_NONE || cli_at_top(cli))
        return match;
    verbs = (struct candidates){0};
    verbs_of_top(&verbs);
    return candidates_match(&verbs, typed, full);
}

/* ---- running ---- */

/* End a statement: its code line and status. */
static enum cli_state finish(struct cli *cli, int code)
{
    if (code != 0 && code != EDIT_NO_CODE)
        text_printf(&cli->out, "Command fail. Return code %d\n", code);
    cli->status = code == EDIT_NO_CODE ? CLI_E_INPUT : code;
    return CLI_DONE;
}

/* What start or step returned, and the text since `before`, on their way out. */
static enum cli_state advance(struct cli *cli, int rc, size_t before)
{
    if (cli->grep && rc >= 0 && cli->out.n > before) {
        struct text printed = {0};
        text_put(&printed, slice_skip(text_slice(&cli->out), before));
        cli->out.n = before;
        cli->out.p[before] = '\0';
        grep_feed(cli->grep, text_slice(&printed), &cli->out);
        text_free(&printed);
    }
    if (cli->grep && rc == 0)
        grep_finish(cli->grep, &cli->out);
    if (rc > 0)
        return CLI_MORE;
    listing_drop(cli);
    return finish(cli, rc);
}

enum cli_state cli_step(struct cli *cli)
{
    if (!cli->row)
        return CLI_DONE;
    size_t before = cli->out.n;
    return advance(cli, cli->row->step(cli), before);
}

/* Abbreviated arguments where the row knows its words. */
static void arguments_expand(const struct cli_command *row, unsigned n, struct slice *args)
{
    for (unsigned i = 0; row->candidates && i < n; i++) {
        struct candidates set = {0};
        const char *const *word = row->candidates(i);
        for (; word && *word; word++)
            candidates_add(&set, slice_str(*word), NULL);
        candidates_match(&set, args[i], &args[i]);
    }
}

static int row_run(struct cli *cli, const struct cli_command *row, unsigned n, struct slice *args)
{
    if (n > row->max_args)
        return cli_bad_word(cli, args[row->max_args]);
    if (n < row->min_args)
        return cli_incomplete(cli);
    arguments_expand(row, n, args);
    memset(cli->scratch, 0, sizeof(cli->scratch));
    cli->row = row;
    int rc = row->start(cli, n, args);
    assert(rc <= 0 || row->step);
    return rc;
}

/* One of `diagnose`, `execute`, `get`, `show`. */
static int operation_run(struct cli *cli, unsigned n, struct slice *words)
{
    struct resolved at;
    if (slice_eq(words[0], SLICE_LIT("show")))
        return show_run(cli, n, words);
    resolve_path(n, words, &at);
    if (at.row && at.row->start && !at.ambiguous)
        return row_run(cli, at.row, n - at.n, words + at.n);
    bool get = slice_eq(words[0], SLICE_LIT("get"));
    if (at.ambiguous && (!get || cli_at_top(cli)))
        return cli_ambiguous(cli, words[at.n]);
    if (get)
        return get_run(cli, n, words);
    return at.n == n ? cli_incomplete(cli) : cli_bad_word(cli, words[at.n]);
}

/* Words before an unquoted `|`; what follows it opens the filter. */
static int filter_take(struct cli *cli, unsigned first, unsigned *n)
{
    struct words *words = &cli->words;
    for (unsigned i = first; i < *n; i++) {
        if (words->quoted[i] || words->w[i].n == 0 || words->w[i].p[0] != '|')
            continue;
        unsigned rest = i + 1;
        if (words->w[i].n > 1) {
            words->w[i] = slice_skip(words->w[i], 1);
            rest = i;
        }
        unsigned total = *n;
        *n = i;
        return grep_open(total - rest, words->w + rest, &cli->grep, &cli->out);
    }
    return 0;
}

static enum cli_state operation_start(struct cli *cli, unsigned first)
{
    unsigned n = cli->words.n;
    int code = filter_take(cli, first, &n);
    if (code != 0)
        return finish(cli, code);
    size_t before = cli->out.n;
    return advance(cli, operation_run(cli, n - first, cli->words.w + first), before);
}

static enum cli_state leave(struct cli *cli, unsigned extra)
{
    if (extra > 0)
        return finish(cli, cli_bad_word(cli, cli->words.w[cli->words.n - extra]));
    if (cli_at_top(cli))
        return CLI_EXIT;
    text_puts(&cli->out, "please use 'end' to return to root shell\n");
    return finish(cli, EDIT_NO_CODE);
}

static bool is_edit_verb(const struct cli *cli, struct slice full)
{
    for (const struct schema_option *verb = edit_verbs(cli->edit); verb->word; verb++) {
        if (slice_eq(slice_str(verb->word), full))
            return true;
    }
    return false;
}

/* A verb in capitals is a mistyped word, not an action that this place lacks. */
static bool is_verb_in_capitals(const struct cli *cli, struct slice typed)
{
    char lower[16] = {0};
    struct slice full;
    if (typed.n > sizeof(lower))
        return false;
    for (size_t i = 0; i < typed.n; i++)
        lower[i] = ascii_lower(typed.p[i]);
    struct slice word = slice_of(lower, typed.n);
    return !slice_eq(word, typed) && cli_verb(cli, word, &full) == MATCH_ONE;
}

static enum cli_state verb_refuse(struct cli *cli, enum match match, struct slice typed)
{
    if (match == MATCH_AMBIGUOUS)
        return finish(cli, cli_ambiguous(cli, typed));
    if (is_verb_in_capitals(cli, typed)) {
        int code = cli_bad_word(cli, typed);
        return finish(cli, cli_at_top(cli) ? EDIT_NO_CODE : code);
    }
    text_puts(&cli->out, "Unknown action 0\n");
    return finish(cli, EDIT_NO_CODE);
}

static enum cli_state words_run(struct cli *cli)
{
    struct words *words = &cli->words;
    for (unsigned i = 0; i < words->n && cli->status == 0;) {
        struct slice verb;
        enum match match = words->quoted[i] ? MATCH_NONE : cli_verb(cli, words->w[i], &verb);
        if (match != MATCH_ONE)
            return verb_refuse(cli, match, words->w[i]);
        words->w[i] = verb;
        if (slice_eq(verb, SLICE_LIT("exit")) || slice_eq(verb, SLICE_LIT("quit")))
            return leave(cli, words->n - i - 1);
        if (!is_edit_verb(cli, verb))
            return operation_start(cli, i);
        unsigned n = edit_statement(cli->edit, words->n - i, words->w + i, words->quoted + i);
        finish(cli, edit_run(cli->edit, n, words->w + i, &cli->out));
        i += n;
    }
    return CLI_DONE;
}

static enum cli_state line_refuse(struct cli *cli, struct slice line)
{
    size_t from = cli->words.offset < line.n ? cli->words.offset : line.n;
    char piece[40] = {0};
    for (size_t i = 0; i < sizeof(piece) - 1 && from + i < line.n; i++) {
        char c = line.p[from + i];
        if (i > 0 && (ascii_blank(c) || c == '\n'))
            break;
        piece[i] = c;
    }
    text_printf(&cli->out, "%s\ncommand parse error before '", cli->words.reason);
    cli_put_clean(&cli->out, piece);
    text_puts(&cli->out, "'\n");
    return finish(cli, CLI_E_INPUT);
}

enum cli_state cli_line(struct cli *cli, struct slice line)
{
    enum cli_state state = CLI_DONE;
    listing_drop(cli);
    cli->status = 0;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (cli->line.n > 0)
        text_puts(&cli->line, "\n");
    text_put(&cli->line, line);
    switch (words_read(&cli->words, text_slice(&cli->line))) {
    case WORDS_MORE:
        return CLI_DONE;
    case WORDS_BAD:
        state = line_refuse(cli, text_slice(&cli->line));
        break;
    case WORDS_DONE:
        state = words_run(cli);
        break;
    }
    text_clear(&cli->line);
    return state;
}

void cli_prompt(const struct cli *cli, struct text *out)
{
    if (cli->line.n > 0) {
        text_puts(out, "> ");
        return;
    }
    struct tree_path global = tree_path_root("system global", NULL);
    const char *name = edit_context_name(cli->edit);
    text_puts(out,
              tree_str(tree_at(cli->running, &global), schema_root("system global"), "hostname"));
    if (name[0] != '\0')
        text_printf(out, " (%s)", name);
    text_puts(out, " # ");
}
