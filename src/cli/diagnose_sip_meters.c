/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `diagnose sys sip-proxy meters list` (reference 6.6): what each policy that has carried SIP has
 * seen of each method, and its limits.
 */
#include "cli/diagnose_sip.h"

#include <errno.h>
#include <inttypes.h>

struct progress {
    uint32_t cursor;
};

static void meter_print(const struct backend_sip_meter *meter, struct text *out)
{
    static const char *const method[BACKEND_SIP_METHODS] = {BACKEND_SIP_METHOD_NAMES};
    text_printf(out,
                "sip vd: 0\nsip policy: %u\nsip identity-policy: 0\nsip policy-type: IPv4\n"
                "sip profile-group:\nsip dialogs: %u\nsip dialog-limit: %u\n",
                meter->policy_id, meter->dialogs, meter->dialog_limit);
    for (unsigned i = 0; i < BACKEND_SIP_METHODS; i++)
        text_printf(out, "sip %s: rate %u peak %u max %u count %" PRIu64 " drop %" PRIu64 "\n",
                    method[i], meter->method[i].rate, meter->method[i].peak, meter->method[i].max,
                    meter->method[i].count, meter->method[i].drop);
}

int sip_meters_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct progress *progress = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_sip_meter meter;
        int rc = backend->sip_meter_next(backend->ctx, &progress->cursor, &meter);
        if (rc != 1)
            return rc == -EAGAIN;
        meter_print(&meter, cli_output(cli));
    }
    return 1;
}

int sip_meters_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip\n");
    return sip_meters_step(cli);
}
