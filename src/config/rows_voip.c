/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks and limits of a VoIP profile. A check that only passes is not looked for, unless
 * violations are logged: then a message that breaks it shall be told of though it goes on.
 */
#include "config/rows_make.h"

#include "config/schema_tables.h"

#include <stdio.h>

static const char *const action_words[] = {
    [VOIP_PASS] = "pass", [VOIP_DISCARD] = "discard", [VOIP_RESPOND] = "respond"};
static const char *const track_words[] = {
    [VOIP_TRACK_NONE] = "none", [VOIP_TRACK_SRC] = "src-ip", [VOIP_TRACK_DST] = "dest-ip"};

static const char *const check_names[VOIP_CHECK_COUNT] = {
#define X(id, option, text) option,
    VOIP_CHECKS(X)
#undef X
};
static const char *const method_words[VOIP_METHOD_COUNT] = {
#define X(id, word) word,
    VOIP_METHODS(X)
#undef X
};

static void read_checks(const struct schema_node *node, const json_t *sip, struct voip_rules *r)
{
    bool logged = rows_enabled(node, sip, "log-violations");
    for (unsigned i = 0; i < VOIP_CHECK_COUNT; i++) {
        r->action[i] =
            (uint8_t)rows_choice(node, sip, check_names[i], action_words, COUNT(action_words));
        if (r->action[i] != VOIP_PASS || logged)
            r->checked |= UINT64_C(1) << i;
    }
}

static void read_methods(const struct schema_node *node, const json_t *sip, struct voip_rules *r)
{
    for (unsigned i = 0; i < VOIP_METHOD_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "block-%s", method_words[i]);
        if (rows_enabled(node, sip, name))
            r->blocked |= 1u << i;
        snprintf(name, sizeof(name), "%s-rate", method_words[i]);
        r->rate[i] = tree_u32(sip, node, name, 0);
        snprintf(name, sizeof(name), "%s-rate-track", method_words[i]);
        r->track[i] = (uint8_t)rows_choice(node, sip, name, track_words, COUNT(track_words));
    }
}

void rows_read_voip(const struct schema_node *node, const json_t *sip, struct voip_rules *rules)
{
    *rules = (struct voip_rules){
        .max_line_length = tree_u32(sip, node, "max-line-length", 0),
        .max_body_length = tree_u32(sip, node, "max-body-length", 0),
        .block_long_lines = rows_enabled(node, sip, "block-long-lines"),
        .block_unknown = rows_enabled(node, sip, "block-unknown"),
        .block_geo_red_options = rows_enabled(node, sip, "block-geo-red-options"),
        .rfc2543_branch = rows_enabled(node, sip, "rfc2543-branch"),
    };
    read_checks(node, sip, rules);
    read_methods(node, sip, rules);
}
