/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side that asks: requests under way, and the answers that come for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ipc/chan.h"
#include "ipc/msg.h"
#include "proto/ipc.x.h"

struct ipc_pending {
	struct ipc_pending *next;
	uint64_t serial;
	uint64_t req;
	const struct ipc_program *program;
	const struct ipc_row *row;
	bool raw;
	ipc_reply_fn *done;
	void *ctx;
};

static struct ipc_pending *pending_take(struct ipc_chan *ch, uint64_t serial)
{
	for (struct ipc_pending **pp = &ch->pending; *pp; pp = &(*pp)->next)
		if ((*pp)->serial == serial) {
			struct ipc_pending *p = *pp;

			*pp = p->next;
			ch->n_pending--;
			return p;
		}
	return NULL;
}

static int decode_reply(struct ipc_pending *p, struct ipc_received *m, struct ipc_reply *r,
			struct err *err)
{
	const struct xdr_type *t = m->h->kind == IPC_ERROR ? &ipc_error_xdr : ipc_row_ret(p->row);
	void *v;
	int rc;

	if (p->raw && m->h->kind == IPC_REPLY)
		return 0;
	r->arena = arena_new(ipc_decode_max(m));
	v = r->arena ? arena_alloc(r->arena, t->size + 1) : NULL;
	if (!v)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	rc = xdr_decode(t, m->body, m->h->body_len, r->arena, v, NULL, err);
	if (rc)
		return rc == -ENOMEM ? rc : -EPROTO;
	if (m->h->kind == IPC_REPLY) {
		r->ret = v;
		return 0;
	}
	rc = ((struct ipc_error *)v)->sys;
	/* -EPROTO is said here only, of an answer that is none */
	return err_set(err, rc > 0 && rc != EPROTO ? -rc : -EIO, ((struct ipc_error *)v)->code, "%s",
		       ((struct ipc_error *)v)->text);
}

static int dispatch_reply(struct ipc_chan *ch, struct ipc_received *m)
{
	struct ipc_reply r = { .raw = m->body, .raw_len = m->h->body_len,
			       .fds = m->fds, .n_fds = m->n_fds };
	struct ipc_pending *p = pending_take(ch, m->h->serial);
	struct err err;

	/* not all of its kilobyte: this runs for every answer */
	err.code = 0;
	err.text[0] = '\0';
	if (!p) {
		log_warn("%s: answers a question nobody asked", ch->name);
		return -EPROTO;
	}
	if (p->row->num != m->h->num || p->program->number != m->h->program ||
	    p->program->version != m->h->version ||
	    (m->h->kind == IPC_ERROR ? m->n_fds : m->n_fds < p->row->fds_out_min ||
					 m->n_fds > p->row->fds_out_max))
		r.rc = err_set(&err, -EPROTO, ERR_INTERNAL_ERROR, "%s: %s: answer of the wrong shape",
			       ch->name, ipc_row_name(p->row));
	else
		r.rc = decode_reply(p, m, &r, &err);
	r.err = r.rc ? &err : NULL;
	ipc_req = p->req;
	if (p->done)
		p->done(p->ctx, &r);
	ipc_req = 0;
	arena_free(r.arena);
	free(p);
	return r.rc == -EPROTO ? ipc_malformed(ch, "that is no answer to what was asked") : 0;
}

static void fail_pending(struct ipc_chan *ch, const char *why)
{
	struct err err = { 0 };
	struct ipc_reply r = { .rc = -EPIPE, .err = &err };

	err_set(&err, -EPIPE, ERR_INTERNAL_ERROR, "%s: %s", ch->name, why);
	while (ch->pending) {
		struct ipc_pending *p = ch->pending;

		ch->pending = p->next;
		ch->n_pending--;
		ipc_req = p->req;
		if (p->done)
			p->done(p->ctx, &r);
		ipc_req = 0;
		free(p);
	}
}

static const struct ipc_asks asks = { dispatch_reply, fail_pending };

/* A request that bears the channel's next serial. */
static struct ipc_pending *pending_new(struct ipc_chan *ch, const struct ipc_program *p,
				       const struct ipc_row *row, ipc_reply_fn *done, void *ctx)
{
	struct ipc_pending *pend = malloc(sizeof(*pend));

	if (pend)
		*pend = (struct ipc_pending){ .serial = ++ch->next_serial, .req = ipc_req,
					      .program = p, .row = row, .done = done, .ctx = ctx };
	return pend;
}

static void pending_add(struct ipc_chan *ch, struct ipc_pending *pend)
{
	pend->next = ch->pending;
	ch->pending = pend;
	ch->n_pending++;
	ch->asks = &asks;
}

int ipc_call_raw(struct ipc_chan *ch, const struct ipc_program *p, const struct ipc_row *row,
		 const void *body, size_t len, const int *fds, unsigned n_fds,
		 ipc_reply_fn *done, void *ctx)
{
	struct ipc_pending *pend;
	int rc;

	if (ch->n_pending >= IPC_PENDING_MAX)
		return -ENOBUFS;
	pend = pending_new(ch, p, row, done, ctx);
	if (!pend)
		return -ENOMEM;
	pend->raw = true;
	rc = ipc_message_send(ch, IPC_CALL, p, row, pend->serial, body, len, fds, n_fds);
	if (rc) {
		free(pend);
		return rc;
	}
	pending_add(ch, pend);
	return 0;
}

int ipc_call_expect(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		    ipc_reply_fn *done, void *ctx)
{
	struct ipc_pending *pend = pending_new(ch, p, &p->rows[index], done, ctx);

	if (!pend)
		return -ENOMEM;
	pending_add(ch, pend);
	return 0;
}

int ipc_call_start(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		   const void *args, const int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx)
{
	const struct ipc_row *row = &p->rows[index];
	CLEAN_BUF struct buf b = { 0 };
	int rc = ipc_encode(row, ipc_row_args(row), args, &b);

	if (!rc)
		rc = ipc_call_raw(ch, p, row, b.data, b.len, fds, n_fds, done, ctx);
	if (!rc)
		ch->pending->raw = false;
	return rc;
}

void ipc_calls_forget(struct ipc_chan *ch, void *ctx)
{
	for (struct ipc_pending *p = ch->pending; p; p = p->next)
		if (p->ctx == ctx)
			p->done = NULL;
}
