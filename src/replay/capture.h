/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture files of Ethernet frames: several read as one stream in the order of their times, and
 * one written per interface. Times are nanoseconds since 1970. One owner thread each.
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

/* Capture files of one replay. */
#define CAPTURES_MAX 64

struct captures;

struct capture_frame {
    uint64_t time_ns;
    uint16_t ifindex;   /* as given to captures_add */
    struct slice bytes; /* valid until the next captures_next */
    uint32_t cut;       /* bytes of the frame that the capture does not hold */
};

/* An empty stream; running out of memory ends the process. */
struct captures *captures_create(void);
void captures_free(struct captures *cs);

/*
 * Add the file at `path` (pcap or pcapng, microseconds or nanoseconds) as what arrived on interface
 * `ifindex`. 0, or -errno with the reason in `error`: no such file, not a capture, not Ethernet.
 */
int captures_add(struct captures *cs, const char *path, uint16_t ifindex, struct text *error);

/*
 * The earliest frame left; of equal times the one whose file was added first, and within a file
 * the order it has there. Returns 1 with *out, 0 at the end, or -errno with the reason in `error`
 * when a file is damaged: nothing can be read after that.
 */
int captures_next(struct captures *cs, struct capture_frame *out, struct text *error);

/* Look at the time of what captures_next will return. Same returns. */
int captures_peek(struct captures *cs, uint64_t *time_ns, struct text *error);

struct capture_writer;

/* A new pcap file with nanoseconds. NULL with the reason in `error`. */
struct capture_writer *capture_writer_open(const char *path, struct text *error);
void capture_write(struct capture_writer *w, uint64_t time_ns, struct slice frame);

/* Close; 0, or -EIO when something could not be written. */
int capture_writer_close(struct capture_writer *w);
