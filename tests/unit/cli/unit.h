/* SPDX-License-Identifier: BSD-3-Clause */
/* What every test here includes: cmocka needs these four before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
