/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which interfaces have a link, looked at about once a second. What changes is published as a
 * snapshot of the same configuration without the routes of interfaces that have none, told as event
 * `link`, and what was known of the neighbours there is forgotten. Control thread.
 */
#pragma once

#include <stdint.h>

struct control;

/* Before the first snapshot: all count as up until they are looked at. */
void links_init(struct control *c);

/* Returns how many links came or went. */
unsigned links_run(struct control *c, uint64_t now_ms);
