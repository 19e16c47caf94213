/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output that comes while a line is edited: the line leaves the screen, the output takes its place,
 * the line is drawn again below. One thread, the client's.
 */
#pragma once

#include "base/slice.h"

#include <histedit.h>
#include <stdbool.h>
#include <wchar.h>

struct screen {
    EditLine *edit; /* NULL: no line is edited */
    bool hidden;    /* the line is off the screen */
    bool half;      /* the output so far does not end in a newline */
};

/* Print, instead of the line behind a prompt of so many columns. */
void screen_print(struct screen *screen, size_t prompt, struct slice bytes);

/* Is the line to be drawn again? Not while half a line of output stands there. */
static inline bool screen_waits(const struct screen *screen)
{
    return screen->hidden && !screen->half;
}

/* A byte of the keyboard: 1 it ends a character, 0 it does not, or -1: no more will come. */
int screen_key(wchar_t *out);

/* Draw it again, on a line of its own. */
void screen_restore(struct screen *screen);
