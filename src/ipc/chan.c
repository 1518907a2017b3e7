/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A channel: packets out, packets in, the end. What the messages mean is answer.c's and ask.c's. */
#include "ipc/chan.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/msg.h"

uint64_t ipc_req;

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
	ch->recv = ipc_recv_packet;
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

/* Packet after packet, waiting for a peer that is slow to read, but not for one that does not. */
static int send_all(struct ipc_chan *ch, struct ipc_head *h, const uint8_t *body, const int *fds,
		    unsigned n_fds)
{
	struct pollfd p = { ch->fd, POLLOUT, 0 };

	for (size_t at = 0;;) {
		size_t n = h->body_len - at < IPC_SHARE_MAX ? h->body_len - at : IPC_SHARE_MAX;
		int rc;

		h->offset = (uint32_t)at;
		rc = ipc_send_now(ch, h, n ? body + at : NULL, n, fds, at ? 0 : n_fds);
		if (rc == -EAGAIN && poll(&p, 1, IPC_PATIENCE_MS) > 0)
			continue;
		if (rc)
			return rc;
		at += n;
		if (at == h->body_len)
			return 0;
	}
}

int ipc_message_send(struct ipc_chan *ch, enum ipc_kind kind, const struct ipc_program *p,
		     const struct ipc_row *row, uint64_t serial, const void *body, size_t len,
		     const int *fds, unsigned n_fds)
{
	struct ipc_head h = {
		.magic = IPC_MAGIC, .kind = (uint16_t)kind, .n_fds = (uint16_t)n_fds,
		.program = p->number, .version = p->version, .num = row->num,
		.body_len = (uint32_t)len, .serial = serial, .req = ipc_req,
	};

	if (ch->closed)
		return -EPIPE;
	if (n_fds > IPC_FDS_MAX || len > IPC_BODY_MAX)
		return -E2BIG;
	return ch->queue ? ch->queue->send(ch, &h, body, fds, n_fds) : send_all(ch, &h, body, fds, n_fds);
}

int ipc_encode(const struct ipc_row *row, const struct xdr_type *t, const void *v, struct buf *b)
{
	int rc;

	buf_init(b, IPC_BODY_MAX);
	rc = v ? xdr_encode(t, v, b) : (t->size ? -EINVAL : 0);
	if (rc)
		log_error("%s: cannot encode %s: %s", ipc_row_name(row), xdr_type_name(t), strerrordesc_np(-rc));
	return rc;
}

int ipc_send_event(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		   const void *args, const int *fds, unsigned n_fds)
{
	const struct ipc_row *row = &p->rows[index];
	bool event = row->flags & IPC_EVENT;
	CLEAN_BUF struct buf b = { 0 };
	int rc = ipc_encode(row, ipc_row_args(row), args, &b);

	/* a call bears the first serial: see ipc_call_expect() */
	return rc ? rc : ipc_message_send(ch, event ? IPC_EVENT_MSG : IPC_CALL, p, row, !event,
					  b.data, b.len, fds, n_fds);
}

/* ---- receiving ---- */

int ipc_malformed(const struct ipc_chan *ch, const char *what)
{
	log_warn("%s: a packet %s", ch->name, what);
	return -EPROTO;
}

int ipc_message_dispatch(struct ipc_chan *ch, struct ipc_received *m)
{
	int rc;

	if (m->h->kind == IPC_CALL || m->h->kind == IPC_EVENT_MSG)
		rc = ipc_answer_dispatch(ch, m);
	else if (ch->asks && (m->h->kind == IPC_REPLY || m->h->kind == IPC_ERROR))
		rc = ch->asks->reply(ch, m);
	else
		rc = ipc_malformed(ch, "of a kind that is none here");
	fd_close_all(m->fds, m->n_fds);
	m->n_fds = 0;
	return rc;
}

static int head_ok(const struct ipc_chan *ch, const struct ipc_in *in, const struct ipc_head *h)
{
	size_t share = (size_t)in->len - sizeof(*h);

	return h->magic == IPC_MAGIC && h->body_len <= ch->body_max && h->offset <= h->body_len &&
	       share <= h->body_len - h->offset && h->offset == ipc_collected(ch) &&
	       (h->offset ? in->n_fds == 0 : h->n_fds == in->n_fds) &&
	       (share == IPC_SHARE_MAX || h->offset + share == h->body_len);
}

static int packet(struct ipc_chan *ch, struct ipc_in *in)
{
	struct ipc_head h;
	struct ipc_received m;

	if ((size_t)in->len < sizeof(h) || in->truncated)
		return ipc_malformed(ch, "is cut off");
	memcpy(&h, in->data, sizeof(h));
	if (!head_ok(ch, in, &h))
		return ipc_malformed(ch, "has a wrong head");
	if (h.offset || h.body_len > (size_t)in->len - sizeof(h))
		return ch->queue ? ch->queue->collect(ch, in, &h) :
		       ipc_malformed(ch, "is no whole message");
	m = (struct ipc_received){ .h = &h, .body = in->data + sizeof(h), .fds = in->fds,
				   .n_fds = in->n_fds };
	in->n_fds = 0;
	return ipc_message_dispatch(ch, &m);
}

int ipc_chan_read(struct ipc_chan *ch)
{
	static struct ipc_in in[IPC_BATCH];
	const char *why = NULL;
	int n = ch->recv(ch, in);

	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		why = "gone";
	ch->in_dispatch = true;
	for (int i = 0; i < n; i++) {
		if (!why && !ch->closed && in[i].len == 0)
			why = "gone";
		ch->more = i + 1 < n;
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

void ipc_chan_close(struct ipc_chan *ch, const char *why)
{
	if (ch->closed)
		return;
	ch->closed = true;
	log_debug("%s: %s", ch->name, why);
	if (ch->queue)
		ch->queue->drop(ch);
	ipc_answer_orphan(ch);
	if (ch->asks)
		ch->asks->fail(ch, why);
	/* while packets are being read the struct must stay; ipc_chan_read() tells the owner */
	if (ch->on_closed && !ch->in_dispatch)
		ch->on_closed(ch);
}
