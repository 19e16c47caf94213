/* SPDX-License-Identifier: BSD-3-Clause */
#include "phones.h"

#include <stdio.h>

static const char *const methods[] = {"INVITE",   "ACK",     "BYE", "CANCEL",
                                      "REGISTER", "OPTIONS", NULL};

static size_t sdp_print(char *out, const char *host, unsigned port, unsigned version)
{
    return (size_t)snprintf(out, 512,
                            "v=0\r\no=- 1 %u IN IP4 %s\r\ns=call\r\ni=from %s\r\nc=IN IP4 %s\r\n"
                            "t=0 0\r\nm=audio %u RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n"
                            "a=rtcp:%u IN IP4 %s\r\na=sendrecv\r\n",
                            version, host, host, host, port, port + 1, host);
}

size_t phone_request(enum phone_request what, unsigned call, unsigned rtp, char *out)
{
    static const struct {
        const char *method, *to_tag, *extra;
        unsigned cseq, branch;
    } row[] = {
        [PHONE_INVITE] = {"INVITE", "", "Session-Expires: 1800\r\n", 1, 1},
        [PHONE_REINVITE] = {"INVITE", ";tag=answer", "", 2, 2},
        [PHONE_ACK] = {"ACK", ";tag=answer", "", 1, 3},
        [PHONE_BYE] = {"BYE", ";tag=answer", "", 3, 4},
        [PHONE_CANCEL] = {"CANCEL", "", "", 1, 1},
        [PHONE_REGISTER] = {"REGISTER", "", "Expires: 600\r\n", 1, 5},
        [PHONE_OPTIONS] = {"OPTIONS", "", "Accept: application/sdp\r\n", 1, 6},
    };
    char sdp[512];
    bool offers = what == PHONE_INVITE || what == PHONE_REINVITE;
    size_t n = offers ? sdp_print(sdp, PHONE_INSIDE, rtp, row[what].cseq) : 0;
    return (size_t)snprintf(out, PHONE_TEXT,
                            "%s sip:bob@" PHONE_OUTSIDE " SIP/2.0\r\n"
                            "Via: SIP/2.0/UDP " PHONE_INSIDE ":5060;branch=z9hG4bK%u-%u;rport\r\n"
                            "Max-Forwards: 70\r\n"
                            "From: \"Alice\" <sip:alice@" PHONE_INSIDE ">;tag=a%u\r\n"
                            "To: <sip:bob@" PHONE_OUTSIDE ">%s\r\n"
                            "Call-ID: %u@" PHONE_INSIDE "\r\n"
                            "CSeq: %u %s\r\n"
                            "Contact: <sip:alice@" PHONE_INSIDE ":5060>\r\n"
                            "%s%s"
                            "Content-Length: %zu\r\n\r\n%.*s",
                            row[what].method, call, row[what].branch, call, row[what].to_tag, call,
                            row[what].cseq, row[what].method, row[what].extra,
                            offers ? "Content-Type: application/sdp\r\n" : "", n, (int)n, sdp);
}

const char *phone_method(struct slice message)
{
    for (size_t i = 0; methods[i]; i++) {
        struct slice name = slice_str(methods[i]);
        if (message.n > name.n && slice_eq(slice_head(message, name.n), name) &&
            message.p[name.n] == ' ')
            return methods[i];
    }
    return "";
}

/* The first line that begins with `name`, without its end. */
static struct slice line_find(struct slice message, const char *name)
{
    while (message.n > 0) {
        size_t end = slice_find(message, '\n');
        struct slice line = slice_trim(slice_head(message, end));
        if (slice_istarts(line, slice_str(name)))
            return line;
        message = slice_skip(message, end + 1);
    }
    return SLICE_NONE;
}

size_t phone_answer(struct slice request, unsigned status, char *out)
{
    char sdp[512];
    const char *method = phone_method(request);
    if (method[0] == '\0' || strcmp(method, "ACK") == 0)
        return 0;
    size_t n = 0;
    if (strcmp(method, "INVITE") == 0 && status == 200)
        n = sdp_print(sdp, PHONE_OUTSIDE, 6000, 1);
    struct slice via = line_find(request, "Via:"), from = line_find(request, "From:"),
                 to = line_find(request, "To:"), id = line_find(request, "Call-ID:"),
                 cseq = line_find(request, "CSeq:"), contact = line_find(request, "Contact:");
    if (via.n + from.n + to.n + id.n + cseq.n + contact.n > PHONE_TEXT - 900)
        return 0;
    if (strcmp(method, "REGISTER") != 0)
        contact = SLICE_LIT("Contact: <sip:bob@" PHONE_OUTSIDE ":5060>");
    bool tagged = to.n && memmem(to.p, to.n, ";tag=", 5) != NULL;
    return (size_t)snprintf(out, PHONE_TEXT,
                            "SIP/2.0 %u Answer\r\n%.*s\r\n%.*s\r\n%.*s%s\r\n%.*s\r\n%.*s\r\n"
                            "%.*s%s\r\nServer: phones\r\n%sContent-Length: %zu\r\n\r\n%.*s",
                            status, SLICE_ARG(via), SLICE_ARG(from), SLICE_ARG(to),
                            tagged || status == 100 ? "" : ";tag=answer", SLICE_ARG(id),
                            SLICE_ARG(cseq), SLICE_ARG(contact),
                            strcmp(method, "REGISTER") == 0 ? ";expires=60" : "",
                            n ? "Content-Type: application/sdp\r\n" : "", n, (int)n, sdp);
}

uint16_t phone_media(struct slice message)
{
    struct slice line = line_find(message, "m=audio ");
    uint32_t port;
    line = slice_skip(line, 8);
    if (slice_u32(slice_head(line, slice_find(line, ' ')), 65535, &port) != 0)
        return 0;
    return (uint16_t)port;
}
