/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/msg.h"
#include "proto/ipc.x.h"

#define SHARE_MAX (IPC_PACKET_MAX - sizeof(struct ipc_head))
#define ARENA_FACTOR 4           /* decoded structs may be larger than their bytes */
#define ARENA_BASE 65536

uint64_t ipc_req;

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

const struct ipc_row *ipc_row_find(const struct ipc_program *p, uint32_t num)
{
	uint32_t lo = 0, hi = p->n_rows;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (p->rows[mid].num == num)
			return &p->rows[mid];
		if (p->rows[mid].num < num)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

void ipc_chan_init(struct ipc_chan *ch, int fd, const char *name, enum ipc_room peer)
{
	memset(ch, 0, sizeof(*ch));
	ch->fd = fd;
	ch->name = name;
	ch->peer = peer;
	ch->state = IPC_STATE_FRESH;
	ch->body_max = IPC_BODY_MAX;
	ch->queue_max = IPC_QUEUE_MAX;
	ch->calls_max = IPC_CALLS_MAX;
	ch->out_tail = &ch->out_head;
	buf_init(&ch->in, IPC_BODY_MAX);
	fd_set_nonblock(fd, 1);
}

int ipc_pair(int ret_fds[2])
{
	/* room for a few packets each way; the kernel clamps to its own limit */
	static const int size = 4 * IPC_PACKET_MAX;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

/* ---- sending ---- */

static void packet_free(struct ipc_packet *p)
{
	fd_close_all(p->fds, p->n_fds);
	free(p->fds);
	free(p);
}

static struct ipc_packet *packet_new(const struct ipc_head *h, const uint8_t *share, size_t n,
				     const int *fds, unsigned n_fds)
{
	struct ipc_packet *p = malloc(sizeof(*p) + sizeof(*h) + n);

	if (!p)
		return NULL;
	p->next = NULL;
	p->len = sizeof(*h) + n;
	p->n_fds = 0;
	p->fds = NULL;
	memcpy(p->data, h, sizeof(*h));
	if (n)
		memcpy(p->data + sizeof(*h), share, n);
	if (!n_fds)
		return p;
	p->fds = malloc(n_fds * sizeof(int));
	for (; p->fds && p->n_fds < n_fds; p->n_fds++) {
		p->fds[p->n_fds] = fcntl(fds[p->n_fds], F_DUPFD_CLOEXEC, 3);
		if (p->fds[p->n_fds] < 0)
			break;
	}
	if (p->n_fds == n_fds)
		return p;
	packet_free(p);
	return NULL;
}

static int queue_message(struct ipc_chan *ch, struct ipc_head *h, const void *body,
			 const int *fds, unsigned n_fds)
{
	struct ipc_packet *head = NULL, **tail = &head;
	size_t at = 0, bytes = 0;

	if (ch->closed)
		return -EPIPE;
	if (n_fds > IPC_FDS_MAX)
		return -E2BIG;
	if (ch->out_bytes + h->body_len > ch->queue_max)
		return -ENOBUFS;
	h->magic = IPC_MAGIC;
	h->n_fds = (uint16_t)n_fds;
	do {
		size_t n = h->body_len - at < SHARE_MAX ? h->body_len - at : SHARE_MAX;
		struct ipc_packet *p;

		h->offset = (uint32_t)at;
		p = packet_new(h, n ? (const uint8_t *)body + at : NULL, n, fds, at ? 0 : n_fds);
		if (!p)
			goto nomem;
		*tail = p;
		tail = &p->next;
		at += n;
		bytes += p->len;
	} while (at < h->body_len);
	*ch->out_tail = head;
	ch->out_tail = tail;
	ch->out_bytes += bytes;
	if (ch->want_flush)
		ch->want_flush(ch);
	return 0;
nomem:
	while (head) {
		struct ipc_packet *next = head->next;

		packet_free(head);
		head = next;
	}
	return -ENOMEM;
}

int ipc_chan_flush(struct ipc_chan *ch)
{
	while (ch->out_head) {
		int n = ch->closed ? -EPIPE : ipc_send_batch(ch->fd, ch->out_head);

		if (n == -EAGAIN || n == -ENOBUFS)
			return -EAGAIN;
		if (n < 0) {
			ipc_chan_close(ch, "cannot be written");
			return -EPIPE;
		}
		while (n-- > 0) {
			struct ipc_packet *p = ch->out_head;

			ch->out_head = p->next;
			if (!ch->out_head)
				ch->out_tail = &ch->out_head;
			ch->out_bytes -= p->len;
			packet_free(p);
		}
	}
	return 0;
}

static void head_fill(struct ipc_head *h, enum ipc_kind kind, const struct ipc_program *p,
		      const struct ipc_row *row, uint64_t serial, size_t len)
{
	*h = (struct ipc_head){
		.kind = (uint16_t)kind, .program = p->number, .version = p->version,
		.num = row->num, .serial = serial, .req = ipc_req, .body_len = (uint32_t)len,
	};
}

int ipc_call_raw(struct ipc_chan *ch, const struct ipc_program *p, const struct ipc_row *row,
		 const void *body, size_t len, const int *fds, unsigned n_fds,
		 ipc_reply_fn *done, void *ctx)
{
	struct ipc_pending *pend;
	struct ipc_head h;
	int rc;

	if (ch->closed)
		return -EPIPE;
	if (len > IPC_BODY_MAX)
		return -E2BIG;
	if (ch->n_pending >= IPC_PENDING_MAX)
		return -ENOBUFS;
	pend = calloc(1, sizeof(*pend));
	if (!pend)
		return -ENOMEM;
	pend->serial = ++ch->next_serial;
	pend->req = ipc_req;
	pend->program = p;
	pend->row = row;
	pend->raw = true;
	pend->done = done;
	pend->ctx = ctx;
	head_fill(&h, IPC_CALL, p, row, pend->serial, len);
	rc = queue_message(ch, &h, body, fds, n_fds);
	if (rc) {
		free(pend);
		return rc;
	}
	pend->next = ch->pending;
	ch->pending = pend;
	ch->n_pending++;
	return 0;
}

static int encode_args(const struct ipc_row *row, const struct xdr_type *t, const void *v,
		       struct buf *b)
{
	int rc;

	buf_init(b, IPC_BODY_MAX);
	rc = v ? xdr_encode(t, v, b) : (t == &xdr_void ? 0 : -EINVAL);
	if (rc)
		log_error("%s: cannot encode %s: %s", row->name, t->name, strerrordesc_np(-rc));
	return rc;
}

int ipc_call_start(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		   const void *args, const int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx)
{
	const struct ipc_row *row = &p->rows[index];
	CLEAN_BUF struct buf b;
	int rc;

	rc = encode_args(row, row->args, args, &b);
	if (rc)
		return rc;
	rc = ipc_call_raw(ch, p, row, b.data, b.len, fds, n_fds, done, ctx);
	if (!rc)
		ch->pending->raw = false;
	return rc;
}

int ipc_send_event(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		   const void *args, const int *fds, unsigned n_fds)
{
	const struct ipc_row *row = &p->rows[index];
	CLEAN_BUF struct buf b;
	struct ipc_head h;
	int rc;

	rc = encode_args(row, row->args, args, &b);
	if (rc)
		return rc;
	head_fill(&h, IPC_EVENT_MSG, p, row, 0, b.len);
	return queue_message(ch, &h, b.data, fds, n_fds);
}

/* ---- answering ---- */

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
	struct ipc_head h;
	int rc;

	if (call->ch && !(call->row->flags & IPC_EVENT)) {
		ipc_req = call->req;
		head_fill(&h, kind, call->program, call->row, call->serial, len);
		rc = queue_message(call->ch, &h, body, fds, n_fds);
		if (rc)
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
	CLEAN_BUF struct buf b;
	int rc = encode_args(call->row, call->row->ret, ret, &b);

	if (rc)
		return ipc_refuse_text(call, rc, ERR_INTERNAL_ERROR, "%s: answer does not fit: %s",
				       call->row->name, strerrordesc_np(-rc));
	answer(call, IPC_REPLY, b.data, b.len, fds, n_fds);
	return 0;
}

int ipc_refuse(struct ipc_call *call, int rc, const struct err *err)
{
	struct ipc_error e = { .code = ERR_INTERNAL_ERROR, .sys = -rc };
	CLEAN_BUF struct buf b;

	e.code = err && err->code ? err->code : ERR_INTERNAL_ERROR;
	e.text = (char *)(uintptr_t)(err && err->text[0] ? err->text : strerrordesc_np(-rc));
	if (!e.text)
		e.text = (char *)(uintptr_t)"unknown error";
	buf_init(&b, IPC_PACKET_MAX);
	if (xdr_encode(&ipc_error_xdr, &e, &b))
		buf_reset(&b);
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

int ipc_refuse_unsupported(struct ipc_call *call)
{
	return ipc_refuse_text(call, -EOPNOTSUPP, ERR_NO_SUPPORT,
			       "this function is not supported by the connection driver: %s",
			       call->row->name);
}

/* ---- receiving ---- */

struct received {
	const struct ipc_head *h;
	const uint8_t *body;
	int *fds;
	unsigned n_fds;
};

static const struct ipc_handlers *serves(const struct ipc_chan *ch, uint32_t program)
{
	for (int i = 0; i < IPC_SERVES_MAX && ch->serves[i]; i++)
		if (ch->serves[i]->program->number == program)
			return ch->serves[i];
	return NULL;
}

/* Why this row may not be sent here and now; NULL if it may. */
static const char *row_forbidden(const struct ipc_chan *ch, const struct ipc_row *row,
				 const struct received *m)
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

static int dispatch_call(struct ipc_chan *ch, struct received *m)
{
	const struct ipc_handlers *s = serves(ch, m->h->program);
	const struct ipc_row *row = s ? ipc_row_find(s->program, m->h->num) : NULL;
	ipc_handler_fn *fn = row && row->args ? s->fn[row - s->program->rows] : NULL;
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
	call->arena = arena_new(ARENA_BASE + (size_t)m->h->body_len * ARENA_FACTOR);
	args = call->arena ? arena_alloc(call->arena, row->args->size + 1) : NULL;
	rc = args ? xdr_decode(row->args, m->body, m->h->body_len, call->arena, args, NULL,
			       &call->err) : -ENOMEM;
	if (rc) {
		log_warn("%s: %s: %s", ch->name, row->name, call->err.text);
		call_free(call);
		return -EPROTO;
	}
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

static int decode_reply(struct ipc_pending *p, struct received *m, struct ipc_reply *r,
			struct err *err)
{
	const struct xdr_type *t = m->h->kind == IPC_ERROR ? &ipc_error_xdr : p->row->ret;
	void *v;
	int rc;

	if (p->raw && m->h->kind == IPC_REPLY)
		return 0;
	r->arena = arena_new(ARENA_BASE + (size_t)m->h->body_len * ARENA_FACTOR);
	v = r->arena ? arena_alloc(r->arena, t->size + 1) : NULL;
	if (!v)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	rc = xdr_decode(t, m->body, m->h->body_len, r->arena, v, NULL, err);
	if (rc)
		return rc;
	if (m->h->kind == IPC_REPLY) {
		r->ret = v;
		return 0;
	}
	rc = ((struct ipc_error *)v)->sys;
	return err_set(err, rc > 0 ? -rc : -EIO, ((struct ipc_error *)v)->code, "%s",
		       ((struct ipc_error *)v)->text);
}

/* A client procedure that opens a stream or hands out a descriptor brings one. */
static unsigned fds_out_max(const struct ipc_row *row)
{
	if (row->flags & (IPC_STREAM_IN | IPC_STREAM_OUT | IPC_CLIENT_FDS_OUT))
		return 1;
	return row->fds_out_max;
}

static int dispatch_reply(struct ipc_chan *ch, struct received *m)
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
	    (m->h->kind == IPC_REPLY && (m->n_fds < p->row->fds_out_min ||
					 m->n_fds > fds_out_max(p->row))))
		r.rc = err_set(&err, -EPROTO, ERR_INTERNAL_ERROR, "%s: %s: answer of the wrong shape",
			       ch->name, p->row->name);
	else
		r.rc = decode_reply(p, m, &r, &err);
	r.err = r.rc ? &err : NULL;
	ipc_req = p->req;
	if (p->done)
		p->done(p->ctx, &r);
	ipc_req = 0;
	arena_free(r.arena);
	free(p);
	return r.rc == -EPROTO ? -EPROTO : 0;
}

static int dispatch(struct ipc_chan *ch, struct received *m)
{
	int rc;

	if (m->h->kind == IPC_CALL || m->h->kind == IPC_EVENT_MSG)
		rc = dispatch_call(ch, m);
	else if (m->h->kind == IPC_REPLY || m->h->kind == IPC_ERROR)
		rc = dispatch_reply(ch, m);
	else
		rc = -EPROTO;
	fd_close_all(m->fds, m->n_fds);
	m->n_fds = 0;
	return rc;
}

static int head_ok(const struct ipc_chan *ch, const struct ipc_in *in, const struct ipc_head *h)
{
	size_t share = (size_t)in->len - sizeof(*h);

	return h->magic == IPC_MAGIC && h->body_len <= ch->body_max && h->offset <= h->body_len &&
	       share <= h->body_len - h->offset && h->offset == ch->in.len &&
	       (h->offset ? in->n_fds == 0 : h->n_fds == in->n_fds) &&
	       (share == SHARE_MAX || h->offset + share == h->body_len);
}

/* A packet that is not the whole message: collect, dispatch with the last one. */
static int collect(struct ipc_chan *ch, struct ipc_in *in, const struct ipc_head *h)
{
	struct received m;
	int rc;

	if (h->offset == 0) {
		ch->in_head = malloc(sizeof(*h));
		if (!ch->in_head)
			return -ENOMEM;
		*ch->in_head = *h;
		memcpy(ch->in_fds, in->fds, in->n_fds * sizeof(int));
		ch->n_in_fds = in->n_fds;
		in->n_fds = 0;
	} else if (!ch->in_head || ch->in_head->serial != h->serial ||
		   ch->in_head->num != h->num || ch->in_head->body_len != h->body_len) {
		return -EPROTO;
	}
	buf_put(&ch->in, in->data + sizeof(*h), (size_t)in->len - sizeof(*h));
	if (ch->in.error)
		return ch->in.error;
	if (ch->in.len < h->body_len)
		return 0;
	m = (struct received){ .h = ch->in_head, .body = ch->in.data, .fds = ch->in_fds,
			       .n_fds = ch->n_in_fds };
	ch->n_in_fds = 0;
	rc = dispatch(ch, &m);
	free(ch->in_head);
	ch->in_head = NULL;
	buf_free(&ch->in);
	return rc;
}

static int packet(struct ipc_chan *ch, struct ipc_in *in)
{
	struct ipc_head h;
	struct received m;

	if ((size_t)in->len < sizeof(h) || in->truncated)
		return -EPROTO;
	memcpy(&h, in->data, sizeof(h));
	if (!head_ok(ch, in, &h))
		return -EPROTO;
	if (h.offset || h.body_len > (size_t)in->len - sizeof(h))
		return collect(ch, in, &h);
	m = (struct received){ .h = &h, .body = in->data + sizeof(h), .fds = in->fds,
			       .n_fds = in->n_fds };
	in->n_fds = 0;
	return dispatch(ch, &m);
}

int ipc_chan_read(struct ipc_chan *ch)
{
	static struct ipc_in in[IPC_BATCH];
	const char *why = NULL;
	/* where one answer is awaited, a look for more would cost as much and find nothing */
	int n = ipc_recv_batch(ch->fd, in, ch->n_pending == 1 ? 1 : IPC_BATCH);

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		n = 0;
	if (n == 0)
		why = "gone";
	ch->in_dispatch = true;
	for (int i = 0; i < n; i++) {
		if (!why && !ch->closed && in[i].len == 0)
			why = "gone";
		if (!why && !ch->closed && packet(ch, &in[i]))
			why = "broke the protocol";
		fd_close_all(in[i].fds, in[i].n_fds);
	}
	ch->in_dispatch = false;
	if (!why && !ch->closed)
		return 0;
	/* the owner may free the channel in on_closed: it is not looked at afterwards */
	if (!ch->closed)
		ipc_chan_close(ch, why);
	else if (ch->on_closed)
		ch->on_closed(ch);
	return -EPIPE;
}

/* ---- the end ---- */

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

static void orphan_calls(struct ipc_chan *ch)
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

void ipc_chan_close(struct ipc_chan *ch, const char *why)
{
	if (ch->closed)
		return;
	ch->closed = true;
	log_debug("%s: %s", ch->name, why);
	while (ch->out_head) {
		struct ipc_packet *p = ch->out_head;

		ch->out_head = p->next;
		packet_free(p);
	}
	ch->out_tail = &ch->out_head;
	ch->out_bytes = 0;
	fd_close_all(ch->in_fds, ch->n_in_fds);
	ch->n_in_fds = 0;
	orphan_calls(ch);
	fail_pending(ch, why);
	/* while packets are being read the struct must stay; ipc_chan_read() tells the owner */
	if (ch->on_closed && !ch->in_dispatch)
		ch->on_closed(ch);
}

void ipc_calls_forget(struct ipc_chan *ch, void *ctx)
{
	for (struct ipc_pending *p = ch->pending; p; p = p->next)
		if (p->ctx == ctx)
			p->done = NULL;
}
