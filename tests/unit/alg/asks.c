/* SPDX-License-Identifier: BSD-3-Clause */
#include "asks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static char text[2048];

const char *message(struct asks *f, const char *start, const char *more)
{
    snprintf(text, sizeof(text),
             "%s\r\nVia: SIP/2.0/UDP h.lan;branch=z9hG4bK%u\r\nFrom: <sip:a@example.net>;tag=%s\r\n"
             "To: <%s>%s%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n%s\r\n",
             start, f->cseq, f->tag, f->to, f->to_tag ? ";tag=" : "", f->to_tag ? f->to_tag : "",
             f->call_id, f->cseq, f->method, more);
    return text;
}

void ask(struct asks *f, const char *more)
{
    char start[64];
    f->cseq++;
    snprintf(start, sizeof(start), "%s sip:example.net SIP/2.0", f->method);
    rig_send(&f->r, &f->phone, true, slice_str(message(f, start, more)));
    assert_int_not_equal(f->r.verdict, ALG_DROP);
}

void answer(struct asks *f, unsigned status, const char *more)
{
    char start[32];
    snprintf(start, sizeof(start), "SIP/2.0 %u X", status);
    rig_send(&f->r, &f->phone, false, slice_str(message(f, start, more)));
    assert_int_not_equal(f->r.verdict, ALG_DROP);
}

void set_up(struct asks *f)
{
    *f = (struct asks){.to = "sip:a@example.net", .tag = "1", .call_id = "r", .method = "REGISTER"};
    rig_init(&f->r, 64, 16);
    f->phone = rig_phone(&f->r, "10.0.0.1", 5060, 40000);
}

unsigned active(struct asks *f)
{
    return (unsigned)rig_stats(&f->r).registers_active;
}

unsigned owners(struct asks *f, uint16_t port)
{
    rig_reap(&f->r);
    return rig_owners(&f->r, "10.0.0.1", port);
}
