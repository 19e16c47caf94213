/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `diagnose sys sip-proxy meters list` (reference 6.6): what each policy that has carried SIP has
 * seen of each method, and its limits.
 */
#include "cli/diagnose_sip.h"
#include "cli/sip_filter.h"
#include "config/rows.h"

#include <errno.h>
#include <inttypes.h>

struct progress {
    uint32_t cursor;
};

static const struct row_policy *policy_find(const struct config_rows *rows, uint32_t id)
{
    for (unsigned i = 0; i < rows->n_policies; i++)
        if (rows->policies[i].id == id)
            return &rows->policies[i];
    return NULL;
}

/* A policy of both families is told of as one of IPv4. */
static const char *policy_type(const struct row_policy *policy)
{
    return policy && policy->n_srcaddr6 && !policy->n_srcaddr ? "IPv6" : "IPv4";
}

static void meter_print(const struct backend_sip_meter *meter, const char *type, struct text *out)
{
    static const char *const method[BACKEND_SIP_METHODS] = {BACKEND_SIP_METHOD_NAMES};
    text_printf(out,
                "sip vd: 0\nsip policy: %u\nsip identity-policy: 0\nsip policy-type: %s\n"
                "sip profile-group:\nsip dialogs: %u\nsip dialog-limit: %u\n",
                meter->policy_id, type, meter->dialogs, meter->dialog_limit);
    for (unsigned i = 0; i < BACKEND_SIP_METHODS; i++)
        text_printf(out, "sip %s: rate %u peak %u max %u count %" PRIu64 " drop %" PRIu64 "\n",
                    method[i], meter->method[i].rate, meter->method[i].peak, meter->method[i].max,
                    meter->method[i].count, meter->method[i].drop);
    /* Nobody sends it; what says so is counted with the unknown ones. */
    text_puts(out, "sip YAHOOREF: rate 0 peak 0 max 0 count 0 drop 0\n");
}

int sip_meters_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    const struct config_rows *rows = backend->rows(backend->ctx);
    struct progress *progress = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_sip_meter meter;
        int rc = backend->sip_meter_next(backend->ctx, &progress->cursor, &meter);
        if (rc != 1)
            return rc == -EAGAIN;
        const struct row_policy *policy = policy_find(rows, meter.policy_id);
        const char *profile = policy && policy->voip_profile != ROW_NONE
                                  ? rows->voip_profiles[policy->voip_profile].name
                                  : NULL;
        if (sip_filter_passes_policy(cli_filter(cli, CLI_FILTER_SIP), meter.policy_id,
                                     policy_type(policy), profile))
            meter_print(&meter, policy_type(policy), cli_output(cli));
    }
    return 1;
}

int sip_meters_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip\n");
    return sip_meters_step(cli);
}
