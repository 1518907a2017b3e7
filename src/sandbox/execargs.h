/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few words between a caged program that waits for its argument list and
 * the unprivileged process that plans it. A stream socket:
 *
 *   child -> planner   one report with code 0: the cage stands
 *   planner -> child   the argument list, once
 *   child -> planner   a report with the reason, or end of file: the program runs
 */
#ifndef CORDON_SANDBOX_EXECARGS_H
#define CORDON_SANDBOX_EXECARGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define EXECARGS_COUNT_MAX 4096u          /* arguments without argv[0] */
#define EXECARGS_BYTES_MAX (1u << 20)     /* of all strings, NULs counted */
#define EXECARGS_HEAD 8                   /* bytes: two big-endian words, size and count */

/* A report: fixed size, so that it needs no parser. */
struct execargs_report {
	int32_t code;        /* 0: ready; else an errno, negative */
	char text[252];      /* NUL-terminated */
};

/* Append the message for args[0..n) to `out`. -E2BIG past the limits, with their name. */
int execargs_encode(const char *const *args, size_t n, struct buf *out, struct err *err);

/* Check the eight bytes of the head. 0, or -EBADMSG past the limits. */
int execargs_head(const uint8_t head[EXECARGS_HEAD], uint32_t *ret_size, uint32_t *ret_count);

/*
 * Point argv[1..count] into data[0..size) and end it with NULL; argv[0] is the
 * caller's, argv has count + 2 places. -EBADMSG unless data holds exactly
 * `count` strings, each ended by NUL.
 */
int execargs_split(char *data, uint32_t size, uint32_t count, char **argv);

#endif
