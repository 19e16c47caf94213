/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libedit draws what changed since it drew last and counts from where the prompt began, so the
 * cursor goes back there before anything else is printed. A terminal that cannot be cleared that
 * way keeps the old line, and the output begins on the next one.
 */
#include "pinhole_screen.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool terminal_clears(EditLine *edit)
{
    char *how = NULL;
    return el_get(edit, EL_GETTC, "cd", &how) == 0 && how && how[0] == '\x1b';
}

static void line_hide(EditLine *edit, size_t prompt)
{
    const LineInfo *line = el_line(edit);
    size_t column = prompt + (size_t)(line->cursor - line->buffer);
    int columns = 0;
    if (!terminal_clears(edit)) {
        fputs("\n", stdout);
        return;
    }
    if (el_get(edit, EL_GETTC, "co", &columns) == 0 && columns > 0 && column >= (size_t)columns)
        printf("\x1b[%zuA", column / (size_t)columns);
    fputs("\r\x1b[J", stdout);
}

void screen_print(struct screen *screen, size_t prompt, struct slice bytes)
{
    if (bytes.n == 0)
        return;
    if (screen->edit && !screen->hidden)
        line_hide(screen->edit, prompt);
    fwrite(bytes.p, 1, bytes.n, stdout);
    screen->hidden = screen->edit != NULL;
    screen->half = bytes.p[bytes.n - 1] != '\n';
}

void screen_restore(struct screen *screen)
{
    if (screen->half)
        fputs("\n", stdout);
    screen->hidden = screen->half = false;
    fflush(stdout);
    el_set(screen->edit, EL_REFRESH);
}

int screen_key(wchar_t *out)
{
    static mbstate_t state;
    char byte;
    ssize_t n = read(STDIN_FILENO, &byte, 1);
    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
    size_t took = mbrtowc(out, &byte, 1, &state);
    if (took == (size_t)-1)
        memset(&state, 0, sizeof(state)); /* such a byte is not typed on purpose */
    return took == (size_t)-1 || took == (size_t)-2 ? 0 : 1;
}
