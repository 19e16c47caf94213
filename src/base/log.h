/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three verbs for what a person should read. Lines go to standard error with a time stamp, or to
 * syslog once log_to_syslog was called. Control, start-up and tools only; workers count instead.
 */
#pragma once

void log_to_syslog(const char *program);

__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
