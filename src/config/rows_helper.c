/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SIP session helper: where it looks, and what it does. It is the ALG with a profile that no
 * operator writes: it tracks dialogs, translates headers and session descriptions and opens
 * pinholes as `default` does, but it checks, limits and logs nothing. Pinholes of registrations
 * admit registrars and parties of calls only, as with `strict-register`: a helper has no setting by
 * which an operator could have asked for more, other than `sip-expectation`.
 */
#include "config/rows_make.h"

#include <netinet/in.h>
#include <string.h>

static void make_profile(struct rows_maker *maker)
{
    struct row_voip_profile *row = &maker->rows->helper_profile;
    const struct schema_node *settings = schema_root("system settings");
    const json_t *object = json_object_get(maker->tree->root, settings->path);
    rows_read_profile(maker, ROW_HELPER_NAME, NULL, row);
    row->nat_trace = rows_enabled(settings, object, "sip-nat-trace");
    row->log_violations = row->log_call_summary = false;
    row->rules = (struct voip_rules){0};
}

static bool is_wanted(const struct rows_maker *maker)
{
    const struct schema_node *settings = schema_root("system settings");
    return rows_enabled(settings, json_object_get(maker->tree->root, settings->path), "sip-helper");
}

int rows_make_helper(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "system session-helper");
    struct row_helper_port *rows = rows_alloc(maker, table.n, sizeof(*rows));
    uint32_t n = 0;
    for (unsigned i = 0; i < table.n && is_wanted(maker); i++) {
        const json_t *entry = rows_entry(&table, i);
        uint32_t proto = rows_number(table.node, entry, "protocol");
        if (!tree_is(entry, table.node, "name", "sip") ||
            (proto != IPPROTO_TCP && proto != IPPROTO_UDP))
            continue;
        rows[n++] = (struct row_helper_port){(uint8_t)proto,
                                             (uint16_t)rows_number(table.node, entry, "port")};
    }
    maker->rows->helper_ports = rows;
    maker->rows->n_helper_ports = n;
    rows_close(&table);
    make_profile(maker);
    return 0;
}
