/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `diagnose sys sip-proxy config list`: each VoIP profile with the policies that use it and the
 * settings that do something here, with their values. Those that are kept for the configuration's
 * sake alone are left out: what is listed is what the ALG obeys.
 */
#include "cli/diagnose_sip.h"
#include "config/print.h"
#include "config/rows.h"

struct progress {
    uint32_t profile;
};

static void policies_print(const struct config_rows *rows, uint16_t profile, struct text *out)
{
    bool any = false;
    text_puts(out, "    policies:");
    for (uint32_t i = 0; i < rows->n_policies; i++) {
        const struct row_policy *p = &rows->policies[i];
        bool plain = p->voip_profile == ROW_NONE && rows->global.voip_alg_proxy && profile == 0;
        if (!p->accept || p->id == 0 || (p->voip_profile != profile && !plain))
            continue;
        text_printf(out, " %u", p->id);
        any = true;
    }
    text_puts(out, any ? "\n" : " none\n");
}

static void settings_print(const struct config_tree *tree, const char *name, struct text *out)
{
    const struct schema_node *node = schema_child(schema_root("voip profile"), "sip");
    struct tree_path path = tree_path_root("voip profile", name);
    const json_t *sip = json_object_get(tree_at(tree, &path), "sip");
    for (unsigned i = 0; i < node->n_attrs; i++) {
        const struct schema_attr *attr = &node->attrs[i];
        if (attr->flags & SCHEMA_INERT)
            continue;
        json_t *value = tree_value(sip, attr);
        text_printf(out, "    %s: ", attr->name);
        print_value(attr, value, out);
        text_puts(out, "\n");
        json_decref(value);
    }
}

int sip_config_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    const struct config_rows *rows = backend->rows(backend->ctx);
    struct progress *progress = cli_scratch(cli);
    struct text *out = cli_output(cli);
    if (progress->profile >= rows->n_voip_profiles)
        return 0;
    uint16_t at = (uint16_t)progress->profile++;
    text_printf(out, "  vdom 0 (root) voip-profile \"%s\"\n", rows->voip_profiles[at].name);
    policies_print(rows, at, out);
    settings_print(cli_running(cli), rows->voip_profiles[at].name, out);
    return 1;
}

int sip_config_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip config\n");
    return sip_config_step(cli);
}
