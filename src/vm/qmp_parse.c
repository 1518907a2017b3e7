/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/qmp_parse.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

int qmp_parser_init(struct qmp_parser *p)
{
	buf_init(&p->line, QMP_LINE_MAX);
	p->tok = json_tokener_new_ex(QMP_DEPTH_MAX);
	if (!p->tok)
		return -ENOMEM;
	json_tokener_set_flags(p->tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	return 0;
}

void qmp_parser_free(struct qmp_parser *p)
{
	buf_free(&p->line);
	if (p->tok)
		json_tokener_free(p->tok);
	p->tok = NULL;
}

void qmp_parser_reset(struct qmp_parser *p)
{
	buf_free(&p->line);
	buf_init(&p->line, QMP_LINE_MAX);
	json_tokener_reset(p->tok);
}

/* A value costs json-c some hundred bytes, and two in the text: count before parsing. */
static bool too_many_values(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ',' || text[i] == ':' || text[i] == '[' || text[i] == '{';
	return n > QMP_VALUES_MAX;
}

static int one_message(struct qmp_parser *p, const char *text, size_t len, qmp_message_fn *each,
		       void *ctx, struct err *err)
{
	struct json_object *msg;
	int rc;

	while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	if (len == 0)
		return 0;
	if (too_many_values(text, len))
		return err_set(err, -E2BIG, ERR_INTERNAL_ERROR,
			       "QEMU's monitor sent a message of more than %u values", QMP_VALUES_MAX);
	json_tokener_reset(p->tok);
	msg = json_tokener_parse_ex(p->tok, text, (int)len);
	if (!msg || !json_object_is_type(msg, json_type_object) ||
	    json_tokener_get_parse_end(p->tok) != len) {
		const char *why = json_tokener_error_desc(json_tokener_get_error(p->tok));

		json_object_put(msg);
		return err_set(err, -EBADMSG, ERR_INTERNAL_ERROR,
			       "QEMU's monitor sent what is no JSON object (%s)", why);
	}
	rc = each(ctx, msg, text, len);
	json_object_put(msg);
	return rc;
}

static int keep_rest(struct qmp_parser *p, const char *data, size_t n, struct err *err)
{
	buf_put(&p->line, data, n);
	if (p->line.error == -E2BIG)
		return err_set(err, -E2BIG, ERR_INTERNAL_ERROR,
			       "QEMU's monitor sent a message of more than %u bytes", QMP_LINE_MAX);
	return p->line.error;
}

int qmp_parser_feed(struct qmp_parser *p, const void *data, size_t n, qmp_message_fn *each,
		    void *ctx, struct err *err)
{
	const char *at = data, *end = at + n;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		int rc;

		if (!nl)
			return keep_rest(p, at, (size_t)(end - at), err);
		if (p->line.len) {
			rc = keep_rest(p, at, (size_t)(nl - at), err);
			if (rc == 0)
				rc = one_message(p, (const char *)p->line.data, p->line.len, each,
						 ctx, err);
			buf_reset(&p->line);
		} else {
			rc = one_message(p, at, (size_t)(nl - at), each, ctx, err);
		}
		if (rc)
			return rc;
		at = nl + 1;
	}
	return 0;
}
