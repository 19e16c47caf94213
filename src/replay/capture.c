/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libpcap knows the formats; this file adds the merge. Each file holds its next frame ready, and
 * the earliest of these heads is the next of the stream, so a file is read once and never held in
 * memory. libpcap keeps a frame until the next one is read from the same file: the frame handed
 * out last is therefore replaced only when the stream is asked again.
 */
#include "replay/capture.h"

#include <assert.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#define NS_PER_S 1000000000u

struct capture_file {
    pcap_t *pcap;
    char *path;
    bool ended;
    struct capture_frame head;
};

struct captures {
    unsigned n;
    struct capture_file *taken; /* its head was handed out: read the next one first */
    struct capture_file file[CAPTURES_MAX];
};

struct captures *captures_create(void)
{
    struct captures *cs = calloc(1, sizeof *cs);
    assert(cs);
    return cs;
}

void captures_free(struct captures *cs)
{
    if (!cs)
        return;
    for (unsigned i = 0; i < cs->n; i++) {
        pcap_close(cs->file[i].pcap);
        free(cs->file[i].path);
    }
    free(cs);
}

/* Read the next head of one file. */
static int file_advance(struct capture_file *f, struct text *error)
{
    struct pcap_pkthdr *header;
    const unsigned char *bytes;
    int rc = pcap_next_ex(f->pcap, &header, &bytes);
    if (rc == PCAP_ERROR_BREAK) {
        f->ended = true;
        return 0;
    }
    if (rc != 1) {
        text_printf(error, "%s: %s", f->path, pcap_geterr(f->pcap));
        return -EIO;
    }
    /* What pcap files can hold; beyond it the file is damaged. */
    if (header->ts.tv_sec < 0 || header->ts.tv_sec > (time_t)UINT32_MAX || header->ts.tv_usec < 0 ||
        header->ts.tv_usec >= NS_PER_S) {
        text_printf(error, "%s: a frame has a time that cannot be", f->path);
        return -ERANGE;
    }
    f->head.time_ns = (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec;
    f->head.bytes = slice_of((const char *)bytes, header->caplen);
    f->head.cut = header->len > header->caplen ? header->len - header->caplen : 0;
    return 0;
}

int captures_add(struct captures *cs, const char *path, uint16_t ifindex, struct text *error)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    if (cs->n == CAPTURES_MAX) {
        text_printf(error, "%s: more than %d captures", path, CAPTURES_MAX);
        return -E2BIG;
    }
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (!pcap) {
        /* libpcap names the file where the system refused it, not where the content is wrong. */
        if (strncmp(reason, path, strlen(path)) == 0)
            text_printf(error, "%s", reason);
        else
            text_printf(error, "%s: %s", path, reason);
        return -EINVAL;
    }
    if (pcap_datalink(pcap) != DLT_EN10MB) {
        const char *name = pcap_datalink_val_to_description(pcap_datalink(pcap));
        text_printf(error, "%s: not a capture of Ethernet frames (%s)", path,
                    name ? name : "unknown link type");
        pcap_close(pcap);
        return -EPROTONOSUPPORT;
    }
    struct capture_file *f = &cs->file[cs->n++];
    *f = (struct capture_file){.pcap = pcap, .path = strdup(path)};
    assert(f->path);
    f->head.ifindex = ifindex;
    return file_advance(f, error);
}

/* 1 with the file whose head is next, 0 at the end, -errno. */
static int head_find(struct captures *cs, struct capture_file **out, struct text *error)
{
    if (cs->taken) {
        int rc = file_advance(cs->taken, error);
        if (rc != 0)
            return rc;
        cs->taken = NULL;
    }
    struct capture_file *first = NULL;
    for (unsigned i = 0; i < cs->n; i++) {
        struct capture_file *f = &cs->file[i];
        if (!f->ended && (!first || f->head.time_ns < first->head.time_ns))
            first = f;
    }
    *out = first;
    return first != NULL;
}

int captures_peek(struct captures *cs, uint64_t *time_ns, struct text *error)
{
    struct capture_file *f = NULL;
    int rc = head_find(cs, &f, error);
    if (rc == 1)
        *time_ns = f->head.time_ns;
    return rc;
}

int captures_next(struct captures *cs, struct capture_frame *out, struct text *error)
{
    struct capture_file *f = NULL;
    int rc = head_find(cs, &f, error);
    if (rc == 1) {
        *out = f->head;
        cs->taken = f;
    }
    return rc;
}

struct capture_writer {
    pcap_t *pcap;
    pcap_dumper_t *dumper;
};

struct capture_writer *capture_writer_open(const char *path, struct text *error)
{
    struct capture_writer *w = calloc(1, sizeof *w);
    assert(w);
    w->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO);
    assert(w->pcap);
    w->dumper = pcap_dump_open(w->pcap, path);
    if (!w->dumper) {
        text_printf(error, "%s", pcap_geterr(w->pcap));
        pcap_close(w->pcap);
        free(w);
        return NULL;
    }
    return w;
}

void capture_write(struct capture_writer *w, uint64_t time_ns, struct slice frame)
{
    struct pcap_pkthdr header = {
        .ts = {.tv_sec = (time_t)(time_ns / NS_PER_S),
               .tv_usec = (suseconds_t)(time_ns % NS_PER_S)},
        .caplen = (bpf_u_int32)frame.n,
        .len = (bpf_u_int32)frame.n,
    };
    pcap_dump((unsigned char *)w->dumper, &header, (const unsigned char *)frame.p);
}

int capture_writer_close(struct capture_writer *w)
{
    int rc = pcap_dump_flush(w->dumper) != 0 || ferror(pcap_dump_file(w->dumper)) ? -EIO : 0;
    pcap_dump_close(w->dumper);
    pcap_close(w->pcap);
    free(w);
    return rc;
}
