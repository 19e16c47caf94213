/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

void row_check(struct rig *r, const struct rig_phone *phone, const struct row *row)
{
    const char *want = strcmp(row->after, "-") == 0 ? row->before : row->after;
    rig_send(r, phone, row->way == OUT, slice_str(row->before));
    if (r->verdict == ALG_DROP || strcmp(r->out, want) != 0)
        fail_msg("%s: verdict %d reason %d\n--- got\n%s\n--- not\n%s", row->what, r->verdict,
                 r->reason, r->out, want);
}

void rows_check(struct rig *r, const struct rig_phone *phone, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row_check(r, phone, &rows[i]);
}

static const char *described(const char *start, const char *sdp)
{
    static char text[2][4096];
    static int which;
    which = !which;
    int n =
        snprintf(text[which], sizeof(text[0]),
                 "%s\r\n" VIA_OUT REST "CSeq: 1 INVITE\r\nc: application/sdp\r\nl:  %zu\r\n\r\n%s",
                 start, strlen(sdp), sdp);
    assert_true(n > 0 && (size_t)n < sizeof(text[0]));
    return text[which];
}

const char *row_invite(const char *sdp)
{
    return described("INVITE sip:b@example.net SIP/2.0", sdp);
}

const char *row_answer(const char *sdp)
{
    return described("SIP/2.0 200 OK", sdp);
}
