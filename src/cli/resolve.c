/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A path is followed word by word: the words that can come next, over all rows and objects that
 * agree with the full words so far, form a set; the typed word must be one of them or the beginning
 * of exactly one. The first word that is none of them begins the arguments.
 */
#include "cli/resolve.h"

#include "config/schema.h"

static const struct cli_command *const tables[] = {
    cli_session_commands, cli_sip_commands,      cli_system_commands,
    cli_route_commands,   cli_firewall_commands, cli_debug_commands,
};

enum {
    TABLES = sizeof(tables) / sizeof(tables[0])
};

static bool starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_head(s, prefix.n), prefix);
}

void candidates_add(struct candidates *set, struct slice word, const char *help)
{
    if (!starts(word, set->prefix))
        return;
    for (unsigned i = 0; i < set->n; i++) {
        if (!slice_eq(set->v[i].word, word))
            continue;
        if (!set->v[i].help)
            set->v[i].help = help;
        return;
    }
    if (set->n < CANDIDATES_MAX)
        set->v[set->n++] = (struct candidate){word, help};
}

/* Is it the IPv6 twin of `word`: the same with a 6 behind it? */
static bool is_twin(struct slice twin, struct slice word)
{
    return twin.n == word.n + 1 && starts(twin, word) && twin.p[word.n] == '6';
}

/*
 * The full word; else the only one that begins so, its IPv6 twin aside: `diag sys sess` is session
 * beside session6.
 */
enum match candidates_match(const struct candidates *set, struct slice typed, struct slice *full)
{
    const struct candidate *found = NULL;
    for (unsigned i = 0; i < set->n && typed.n > 0; i++)
        if (starts(set->v[i].word, typed) && (!found || set->v[i].word.n < found->word.n))
            found = &set->v[i];
    if (!found)
        return MATCH_NONE;
    for (unsigned i = 0; i < set->n && found->word.n > typed.n; i++) {
        struct slice other = set->v[i].word;
        if (&set->v[i] != found && starts(other, typed) && !is_twin(other, found->word))
            return MATCH_AMBIGUOUS;
    }
    *full = found->word;
    return MATCH_ONE;
}

/* Cut the next blank-separated word off *path. */
static struct slice word_take(struct slice *path)
{
    struct slice word = slice_head(*path, slice_find(*path, ' '));
    *path = slice_skip(*path, word.n + 1);
    return word;
}

/* Whether `path` begins with the full words of `at`; *rest is what follows them. */
static bool agrees(const struct resolved *at, struct slice path, struct slice *rest)
{
    for (unsigned i = 0; i < at->n; i++) {
        if (!slice_eq(word_take(&path), at->word[i]))
            return false;
    }
    *rest = path;
    return true;
}

static void rows_next(const struct resolved *at, struct candidates *out)
{
    for (unsigned t = 0; t < TABLES; t++) {
        for (const struct cli_command *row = tables[t]; row->path; row++) {
            struct slice rest;
            if (!agrees(at, slice_str(row->path), &rest) || rest.n == 0)
                continue;
            struct slice word = word_take(&rest);
            candidates_add(out, word, rest.n == 0 ? row->help : NULL);
        }
    }
}

static bool takes_objects(const struct resolved *at)
{
    return at->n > 0 &&
           (slice_eq(at->word[0], SLICE_LIT("get")) || slice_eq(at->word[0], SLICE_LIT("show")));
}

/* Words inside paths: the schema describes whole objects only. */
static const char *family_help(struct slice word)
{
    static const struct {
        const char *word, *help;
    } families[] = {
        {"system", "System settings."},
        {"firewall", "Policies and their objects."},
        {"service", "Services."},
        {"schedule", "Schedules."},
        {"voip", "VoIP profiles."},
        {"router", "Routing."},
        {"dpdk", "Cores, memory, devices."},
        {"log", "Logging."},
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (slice_eq(slice_str(families[i].word), word))
            return families[i].help;
    }
    return NULL;
}

void resolve_objects(const struct schema_node *parent, unsigned n, const struct slice *words,
                     struct candidates *out)
{
    struct schema_option option[64];
    unsigned count = schema_path_next(parent, n, words, SLICE_NONE, option, 64);
    for (unsigned i = 0; i < count; i++) {
        struct slice word = slice_str(option[i].word);
        candidates_add(out, word, option[i].help ? option[i].help : family_help(word));
    }
}

void resolve_next(const struct resolved *at, struct candidates *out)
{
    rows_next(at, out);
    if (takes_objects(at))
        resolve_objects(NULL, at->n - 1, at->word + 1, out);
}

void resolve_verbs(struct candidates *out)
{
    static const struct resolved nothing;
    rows_next(&nothing, out);
}

static const struct cli_command *row_of(const struct resolved *at)
{
    for (unsigned t = 0; t < TABLES; t++) {
        for (const struct cli_command *row = tables[t]; row->path; row++) {
            struct slice rest;
            if (agrees(at, slice_str(row->path), &rest) && rest.n == 0)
                return row;
        }
    }
    return NULL;
}

void resolve_path(unsigned n, const struct slice *words, struct resolved *out)
{
    *out = (struct resolved){.n = 1, .word = {words[0]}};
    while (out->n < n && out->n < RESOLVE_DEPTH) {
        struct candidates next = {0};
        resolve_next(out, &next);
        enum match match = candidates_match(&next, words[out->n], &out->word[out->n]);
        out->ambiguous = match == MATCH_AMBIGUOUS;
        if (match != MATCH_ONE)
            break;
        out->n++;
    }
    out->row = row_of(out);
}
