/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From bytes that a hostile QEMU may have written to JSON objects, within limits. Pure. */
#ifndef CORDON_VM_QMP_PARSE_H
#define CORDON_VM_QMP_PARSE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct json_object;
struct json_tokener;

#define QMP_LINE_MAX (4u << 20)      /* bytes of one message */
#define QMP_VALUES_MAX 100000u       /* commas, colons, brackets in one message: what memory it costs */
#define QMP_DEPTH_MAX 24             /* nested objects and arrays */

struct qmp_parser {
	struct buf line;               /* a message that is still arriving */
	struct json_tokener *tok;
};

/* One message: the object, borrowed, and the text it was read from (no line end). Non-zero: stop. */
typedef int qmp_message_fn(void *ctx, struct json_object *msg, const char *text, size_t len);

/* 0 or -ENOMEM. */
int qmp_parser_init(struct qmp_parser *p);
void qmp_parser_free(struct qmp_parser *p);

/* Forget half a message: a new connection begins. */
void qmp_parser_reset(struct qmp_parser *p);

/*
 * Feed the next bytes; `each` runs for every message that they complete. 0; what
 * `each` returned; -EBADMSG (no JSON object), -E2BIG (a limit, named in `err`) or
 * -ENOMEM: the stream cannot be read any further then.
 */
int qmp_parser_feed(struct qmp_parser *p, const void *data, size_t n, qmp_message_fn *each,
		    void *ctx, struct err *err);

#endif
