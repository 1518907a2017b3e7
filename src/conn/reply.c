/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that answer: what core said, what was found here, or why not. */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "conn/conn.h"

static struct packet reply_head(const struct request *rq, enum packet_type type,
				enum packet_status status)
{
	return (struct packet){ .prog = rq->program->number, .vers = rq->program->version,
				.proc = rq->row->num, .type = type, .serial = rq->serial,
				.status = status };
}

void reply_bytes(struct request *rq, const void *body, size_t len)
{
	struct packet head = reply_head(rq, PACKET_REPLY, PACKET_OK);

	if (len > PACKET_BODY_MAX) {
		reply_refuse(rq, ERR_RPC, "the answer is too long for a packet");
		return;
	}
	out_packet(rq->c, &head, body, len);
	request_free(rq);
}

void reply_typed(struct request *rq, const void *ret)
{
	CLEAN_BUF struct buf b = { 0 };
	int rc;

	buf_init(&b, PACKET_BODY_MAX);
	rc = xdr_encode(ipc_row_ret(rq->row), ret, &b);
	if (rc)
		reply_refuse(rq, ERR_INTERNAL_ERROR, "%s: the answer does not fit: %s",
			     ipc_row_name(rq->row), strerrordesc_np(-rc));
	else
		reply_bytes(rq, b.data, b.len);
}

void reply_void(struct request *rq)
{
	reply_bytes(rq, NULL, 0);
}

void reply_with_fd(struct request *rq, struct ipc_reply *r)
{
	struct packet head = reply_head(rq, PACKET_REPLY_FDS, PACKET_OK);
	static const uint8_t one[4] = { 0, 0, 0, 1 };
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, PACKET_BODY_MAX);
	buf_put(&b, one, sizeof(one));
	buf_put(&b, r->raw, r->raw_len);
	if (b.error) {
		reply_refuse(rq, ERR_NO_MEMORY, "no memory for the answer");
		return;
	}
	out_packet(rq->c, &head, b.data, b.len);
	out_descriptor(rq->c, take_fd(&r->fds[0]));
	request_free(rq);
}

void reply_error(struct request *rq, const struct err *err)
{
	struct packet head = reply_head(rq, PACKET_REPLY, PACKET_ERROR);
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, PACKET_BODY_MAX);
	if (error_encode(rq->program, rq->row, err, &b))
		client_end(rq->c, "out of memory");
	else
		out_packet(rq->c, &head, b.data, b.len);
	request_free(rq);
}

void reply_refuse(struct request *rq, int code, const char *fmt, ...)
{
	struct err err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	err_vset(&err, -EINVAL, code, fmt, ap);
	va_end(ap);
	reply_error(rq, &err);
}

void reply_unsent(struct request *rq, int rc)
{
	reply_refuse(rq, rc == -ENOMEM ? ERR_NO_MEMORY : ERR_INTERNAL_ERROR,
		     "%s cannot be passed to core: %s", ipc_row_name(rq->row), strerrordesc_np(-rc));
}

void reply_refuse_packet(struct client *c, const struct packet *p, const char *fmt, ...)
{
	struct packet head = *p;
	struct err err = { 0 };
	CLEAN_BUF struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	err_vset(&err, -EPROTO, ERR_RPC, fmt, ap);
	va_end(ap);
	head.type = PACKET_REPLY;
	head.status = PACKET_ERROR;
	buf_init(&b, PACKET_BODY_MAX);
	if (error_encode(NULL, NULL, &err, &b))
		client_end(c, "out of memory");
	else
		out_packet(c, &head, b.data, b.len);
}
