/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The texts and return codes of FortiOS (reference 1.12), each in one place. Every function appends
 * its lines to `out` and returns the code to hand up. Values are cut at 255 bytes: they come from
 * whoever types. Inside config/ only.
 */
#pragma once

#include "base/text.h"
#include "config/schema.h"

enum error_code {
    ERROR_LENGTH = -1,
    ERROR_NOT_FOUND = -3,
    ERROR_TOO_MANY = -4,
    ERROR_DUPLICATE = -5,
    ERROR_SYSTEM = -7,
    ERROR_IP = -8,
    ERROR_MASK = -9,
    ERROR_IN_USE = -23,
    ERROR_VIP_MAPPING = -36,
    ERROR_VIP_IS_INTERFACE = -43,
    ERROR_MAC = -33,
    ERROR_RANGE_REVERSED = -45,
    ERROR_SAME_SUBNET = -54,
    ERROR_EMPTY = -56,
    ERROR_WORD = -61,
    ERROR_END_BEFORE_START = -73,
    ERROR_NUMBER = -89,
    ERROR_POOL_OVERLAP = -156,
    ERROR_INCOMPLETE = -160,
    ERROR_SERVICE_NAME = -162,
    ERROR_ADDRESS_NAME = -163,
    ERROR_ADDRESS_VIP_NAME = -164,
    ERROR_GROUP_VIP_NAME = -165,
    ERROR_CHARACTERS = -173,
    ERROR_POOL_IN_USE = -176,
    ERROR_ADDRESS_VIPGRP_NAME = -310,
    ERROR_GROUP_VIPGRP_NAME = -311,
    ERROR_VIP_VIPGRP_NAME = -312,
    ERROR_PORT_REVERSED = -363,
    ERROR_INTERFACE_NAME = -553,
    ERROR_PORTRANGE = -650,
    ERROR_VALUE = -651,
    ERROR_REFUSED = 1, /* of an entry at next/end */
};

/* "command parse error before '<word>'" */
int error_word(struct text *out, struct slice word);
/* "ambiguous command before '<word>'" */
int error_ambiguous(struct text *out, struct slice word);
/* "incomplete command in the end" */
int error_incomplete(struct text *out);
/* `reason`, a blank line, "value parse error before '<value>'" */
int error_value(struct text *out, const char *reason, struct slice value, int code);
/* "string value is too long. the size is <n>, the limit is <m>" and the value */
int error_too_long(struct text *out, struct slice value, size_t limit);
/* "node_check_object fail! for <name> <value>", a blank line, the value */
int error_check(struct text *out, const char *name, struct slice value, int code);
/* `reason`, "object check operator error, <code>, discard the setting"; returns ERROR_REFUSED */
int error_object(struct text *out, const char *reason, int code);
