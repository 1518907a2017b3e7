/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A channel: packets out, packets in, the end. What the messages mean is answer.c's and ask.c's. */
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

#define SHARE_MAX (IPC_PACKET_MAX - sizeof(struct ipc_head))

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
	ch->send = ipc_send_packet;
	ch->recv = ipc_recv_packet;
	ch->out_tail = &ch->out_head;
	buf_init(&ch->in, IPC_BODY_MAX + sizeof(struct ipc_head));
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
	free(p);
}

static struct ipc_packet *packet_new(const struct ipc_head *h, const uint8_t *share, size_t n,
				     const int *fds, unsigned n_fds)
{
	struct ipc_packet *p = malloc(sizeof(*p) + n_fds * sizeof(int) + sizeof(*h) + n);

	if (!p)
		return NULL;
	p->next = NULL;
	p->data = (uint8_t *)(p->fds + n_fds);
	p->len = sizeof(*h) + n;
	memcpy(p->data, h, sizeof(*h));
	if (n)
		memcpy(p->data + sizeof(*h), share, n);
	for (p->n_fds = 0; p->n_fds < n_fds; p->n_fds++) {
		p->fds[p->n_fds] = fcntl(fds[p->n_fds], F_DUPFD_CLOEXEC, 3);
		if (p->fds[p->n_fds] < 0) {
			packet_free(p);
			return NULL;
		}
	}
	return p;
}

static void packets_free(struct ipc_packet *p)
{
	while (p) {
		struct ipc_packet *next = p->next;

		packet_free(p);
		p = next;
	}
}

static int queue(struct ipc_chan *ch, struct ipc_head *h, const uint8_t *body,
		 const int *fds, unsigned n_fds)
{
	struct ipc_packet *head = NULL, **tail = &head, *p;
	size_t at = 0, bytes = 0;

	do {
		size_t n = h->body_len - at < SHARE_MAX ? h->body_len - at : SHARE_MAX;

		h->offset = (uint32_t)at;
		p = packet_new(h, n ? body + at : NULL, n, fds, at ? 0 : n_fds);
		if (!p) {
			packets_free(head);
			return -ENOMEM;
		}
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
	if (ch->out_bytes + len > ch->queue_max)
		return -ENOBUFS;
	/* what cannot go now, for whatever reason, is queued: flushing finds out why */
	if (!ch->more && !ch->out_head && len <= SHARE_MAX &&
	    !ipc_send_now(ch, &h, body, len, fds, n_fds))
		return 0;
	return queue(ch, &h, body, fds, n_fds);
}

int ipc_encode(const struct ipc_row *row, const struct xdr_type *t, const void *v, struct buf *b)
{
	int rc;

	buf_init(b, IPC_BODY_MAX);
	rc = v ? xdr_encode(t, v, b) : (t == &xdr_void ? 0 : -EINVAL);
	if (rc)
		log_error("%s: cannot encode %s: %s", row->name, t->name, strerrordesc_np(-rc));
	return rc;
}

int ipc_chan_flush(struct ipc_chan *ch)
{
	while (ch->out_head) {
		int n = ch->closed ? -EPIPE : ch->send(ch);

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

/* ---- receiving ---- */

static int dispatch(struct ipc_chan *ch, struct ipc_received *m)
{
	int rc = -EPROTO;

	if (m->h->kind == IPC_CALL || m->h->kind == IPC_EVENT_MSG)
		rc = ipc_answer_dispatch(ch, m);
	else if (ch->asks && (m->h->kind == IPC_REPLY || m->h->kind == IPC_ERROR))
		rc = ch->asks->reply(ch, m);
	fd_close_all(m->fds, m->n_fds);
	m->n_fds = 0;
	return rc;
}

/* Bytes that are there of a message in several packets. */
static size_t collected(const struct ipc_chan *ch)
{
	return ch->in.len ? ch->in.len - sizeof(struct ipc_head) : 0;
}

static int head_ok(const struct ipc_chan *ch, const struct ipc_in *in, const struct ipc_head *h)
{
	size_t share = (size_t)in->len - sizeof(*h);

	return h->magic == IPC_MAGIC && h->body_len <= ch->body_max && h->offset <= h->body_len &&
	       share <= h->body_len - h->offset && h->offset == collected(ch) &&
	       (h->offset ? in->n_fds == 0 : h->n_fds == in->n_fds) &&
	       (share == SHARE_MAX || h->offset + share == h->body_len);
}

/* A packet that is not the whole message: collect, dispatch with the last one. */
static int collect(struct ipc_chan *ch, struct ipc_in *in, const struct ipc_head *h)
{
	const struct ipc_head *first = (const void *)ch->in.data;
	size_t skip = h->offset ? sizeof(*h) : 0;
	struct ipc_received m;
	int rc;

	if (h->offset && (first->serial != h->serial || first->num != h->num ||
			  first->body_len != h->body_len))
		return -EPROTO;
	buf_put(&ch->in, in->data + skip, (size_t)in->len - skip);
	if (ch->in.error)
		return ch->in.error;
	if (!h->offset) {
		memcpy(ch->in_fds, in->fds, in->n_fds * sizeof(int));
		ch->n_in_fds = in->n_fds;
		in->n_fds = 0;
	}
	if (collected(ch) < h->body_len)
		return 0;
	first = (const void *)ch->in.data;
	m = (struct ipc_received){ .h = first, .body = (const void *)(first + 1),
				   .fds = ch->in_fds, .n_fds = ch->n_in_fds };
	ch->n_in_fds = 0;
	rc = dispatch(ch, &m);
	buf_free(&ch->in);
	return rc;
}

static int packet(struct ipc_chan *ch, struct ipc_in *in)
{
	struct ipc_head h;
	struct ipc_received m;

	if ((size_t)in->len < sizeof(h) || in->truncated)
		return -EPROTO;
	memcpy(&h, in->data, sizeof(h));
	if (!head_ok(ch, in, &h))
		return -EPROTO;
	if (h.offset || h.body_len > (size_t)in->len - sizeof(h))
		return collect(ch, in, &h);
	m = (struct ipc_received){ .h = &h, .body = in->data + sizeof(h), .fds = in->fds,
				   .n_fds = in->n_fds };
	in->n_fds = 0;
	return dispatch(ch, &m);
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
	packets_free(ch->out_head);
	ch->out_head = NULL;
	ch->out_tail = &ch->out_head;
	ch->out_bytes = 0;
	fd_close_all(ch->in_fds, ch->n_in_fds);
	ch->n_in_fds = 0;
	if (!ch->in_dispatch)    /* else it is what is being dispatched */
		buf_free(&ch->in);
	ipc_answer_orphan(ch);
	if (ch->asks)
		ch->asks->fail(ch, why);
	/* while packets are being read the struct must stay; ipc_chan_read() tells the owner */
	if (ch->on_closed && !ch->in_dispatch)
		ch->on_closed(ch);
}
