/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side that serves: a request against its row, to its handler, and the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/chan.h"
#include "ipc/msg.h"
#include "proto/ipc.x.h"

/* One is kept for the next request: it is larger than what malloc has at hand. */
static struct ipc_call *spare_call;

static struct ipc_call *call_new(void)
{
	struct ipc_call *call = spare_call ? spare_call : malloc(sizeof(*call));

	spare_call = NULL;
	if (call)
		memset(call, 0, sizeof(*call));
	return call;
}

static void call_free(struct ipc_call *call)
{
	if (call->link) {
		*call->link = call->next;
		if (call->next)
			call->next->link = call->link;
		call->ch->n_calls--;
	}
	fd_close_all(call->fds, call->n_fds);
	arena_free(call->arena);
	if (spare_call)
		free(call);
	else
		spare_call = call;
}

static void answer(struct ipc_call *call, enum ipc_kind kind, const void *body, size_t len,
		   const int *fds, unsigned n_fds)
{
	uint64_t saved = ipc_req;

	if (call->on_answer)
		call->on_answer(call, kind == IPC_REPLY);
	if (call->ch && !(call->row->flags & IPC_EVENT)) {
		ipc_req = call->req;
		if (ipc_message_send(call->ch, kind, call->program, call->row, call->serial, body,
				     len, fds, n_fds))
			ipc_chan_close(call->ch, "does not read its answers");
		ipc_req = saved;
	}
	call_free(call);
}

int ipc_reply_raw(struct ipc_call *call, const void *body, size_t len, const int *fds, unsigned n_fds)
{
	answer(call, IPC_REPLY, body, len, fds, n_fds);
	return 0;
}

int ipc_reply(struct ipc_call *call, const void *ret, const int *fds, unsigned n_fds)
{
	CLEAN_BUF struct buf b = { 0 };
	int rc = ipc_encode(call->row, ipc_row_ret(call->row), ret, &b);

	if (rc)
		return ipc_refuse_text(call, rc, ERR_INTERNAL_ERROR, "%s: answer does not fit: %s",
				       ipc_row_name(call->row), strerrordesc_np(-rc));
	answer(call, IPC_REPLY, b.data, b.len, fds, n_fds);
	return 0;
}

int ipc_refuse(struct ipc_call *call, int rc, const struct err *err)
{
	struct ipc_error e = { .code = ERR_INTERNAL_ERROR, .sys = -rc };
	CLEAN_BUF struct buf b = { 0 };

	e.code = err && err->code ? err->code : ERR_INTERNAL_ERROR;
	e.text = (char *)(uintptr_t)(err && err->text[0] ? err->text : strerrordesc_np(-rc));
	if (!e.text)
		e.text = (char *)(uintptr_t)"unknown error";
	buf_init(&b, IPC_PACKET_MAX);
	if (xdr_encode(&ipc_error_xdr, &e, &b))
		b.len = 0;
	answer(call, IPC_ERROR, b.data, b.len, NULL, 0);
	return 0;
}

int ipc_refuse_text(struct ipc_call *call, int rc, int code, const char *fmt, ...)
{
	struct err err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	err_vset(&err, rc, code, fmt, ap);
	va_end(ap);
	return ipc_refuse(call, rc, &err);
}

static const struct ipc_handlers *serves(const struct ipc_chan *ch, const struct ipc_head *h)
{
	for (int i = 0; i < IPC_SERVES_MAX && ch->serves[i]; i++)
		if (ch->serves[i]->program->number == h->program &&
		    ch->serves[i]->program->version == h->version)
			return ch->serves[i];
	return NULL;
}

static ipc_handler_fn *handler(const struct ipc_handlers *s, const struct ipc_row *row)
{
	return s->fn ? s->fn[row - s->program->rows] : row->flags & IPC_EVENT ? s->event : NULL;
}

/* Why this row may not be sent here and now; NULL if it may. */
static const char *row_forbidden(const struct ipc_chan *ch, const struct ipc_row *row,
				 const struct ipc_received *m)
{
	bool event = row->flags & IPC_EVENT;

	if (row->senders && !(row->senders & 1u << ch->peer))
		return "is not for this sender";
	if (row->states && !(row->states & ch->state))
		return "is not for this state";
	if (event != (m->h->kind == IPC_EVENT_MSG))
		return "has the wrong kind";
	if (m->n_fds < row->fds_in_min || m->n_fds > row->fds_in_max)
		return "has the wrong number of descriptors";
	return NULL;
}

int ipc_answer_dispatch(struct ipc_chan *ch, struct ipc_received *m)
{
	const struct ipc_handlers *s = serves(ch, m->h);
	const struct ipc_row *row = s ? ipc_row_find(s->program, m->h->num) : NULL;
	ipc_handler_fn *fn = row && row->args ? handler(s, row) : NULL;
	const char *why = row ? row_forbidden(ch, row, m) : "is unknown";
	struct ipc_call *call;
	void *args;
	int rc;

	if (why || !fn) {
		log_warn("%s: message %u of program %x %s", ch->name, m->h->num, m->h->program,
			 why ? why : "is not served");
		return -EPROTO;
	}
	if (ch->n_calls >= ch->calls_max) {
		log_warn("%s: more than %u calls under way", ch->name, ch->calls_max);
		return -EPROTO;
	}
	call = call_new();
	if (!call)
		return -ENOMEM;
	call->ch = ch;
	call->program = s->program;
	call->row = row;
	call->serial = m->h->serial;
	call->req = m->h->req;
	call->raw = m->body;
	call->raw_len = m->h->body_len;
	call->arena = arena_new(ipc_decode_max(m));
	args = call->arena ? arena_alloc(call->arena, ipc_row_args(row)->size + 1) : NULL;
	rc = args ? xdr_decode(ipc_row_args(row), m->body, m->h->body_len, call->arena, args, NULL,
			       &call->err) : -ENOMEM;
	if (rc) {
		log_warn("%s: %s: %s", ch->name, ipc_row_name(row), call->err.text);
		call_free(call);
		return -EPROTO;
	}
	/* what was sent is decoded; the answer may be larger than the question */
	arena_allow(call->arena, IPC_WORK_MAX);
	call->args = args;
	call->n_fds = m->n_fds;
	memcpy(call->fds, m->fds, m->n_fds * sizeof(int));
	m->n_fds = 0;
	call->link = &ch->calls;
	call->next = ch->calls;
	if (call->next)
		call->next->link = &call->next;
	ch->calls = call;
	ch->n_calls++;
	ipc_req = call->req;
	rc = ch->guard ? ch->guard(call) : 0;
	if (!rc)
		rc = fn(call, args);
	if (rc)
		ipc_refuse(call, rc, &call->err);
	ipc_req = 0;
	return 0;
}

void ipc_answer_orphan(struct ipc_chan *ch)
{
	struct ipc_call *call = ch->calls, *next;

	ch->calls = NULL;
	ch->n_calls = 0;
	for (; call; call = next) {
		next = call->next;
		call->ch = NULL;
		call->link = NULL;
		call->next = NULL;
		if (call->on_peer_gone)
			call->on_peer_gone(call);
	}
}
