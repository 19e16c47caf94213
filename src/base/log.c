/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

static bool use_syslog;

void log_to_syslog(const char *program)
{
    openlog(program, LOG_PID, LOG_DAEMON);
    use_syslog = true;
}

static void emit(int priority, const char *word, const char *format, va_list args)
{
    if (use_syslog) {
        vsyslog(priority, format, args);
        return;
    }
    char line[2048], stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
    vsnprintf(line, sizeof line, format, args);
    fprintf(stderr, "%s %s: %s\n", stamp, word, line);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(LOG_INFO, "info", format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(LOG_WARNING, "warning", format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(LOG_ERR, "error", format, args);
    va_end(args);
}
