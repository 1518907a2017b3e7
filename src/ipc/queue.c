/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What waits for a peer that does not read yet, and messages that arrive in several packets. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "ipc/chan.h"
#include "ipc/msg.h"

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
		size_t n = h->body_len - at < IPC_SHARE_MAX ? h->body_len - at : IPC_SHARE_MAX;

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

static int send_or_queue(struct ipc_chan *ch, struct ipc_head *h, const uint8_t *body, const int *fds,
			 unsigned n_fds)
{
	if (ch->out_bytes + h->body_len > ch->queue_max)
		return -ENOBUFS;
	/* what cannot go now, for whatever reason, is queued: flushing finds out why */
	if (!ch->more && !ch->out_head && h->body_len <= IPC_SHARE_MAX &&
	    !ipc_send_now(ch, h, body, h->body_len, fds, n_fds))
		return 0;
	return queue(ch, h, body, fds, n_fds);
}

int ipc_send_packet(struct ipc_chan *ch)
{
	const struct ipc_packet *p = ch->out_head;
	int rc = ipc_send_now(ch, p->data, p->data + sizeof(struct ipc_head),
			      p->len - sizeof(struct ipc_head), p->fds, p->n_fds);

	return rc ? rc : 1;
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

/* A packet that is not the whole message: collect, dispatch with the last one. */
static int collect(struct ipc_chan *ch, struct ipc_in *in, const struct ipc_head *h)
{
	const struct ipc_head *first = (const void *)ch->in.data;
	size_t skip = h->offset ? sizeof(*h) : 0;
	struct ipc_received m;
	int rc;

	if (h->offset && (first->serial != h->serial || first->num != h->num ||
			  first->body_len != h->body_len))
		return ipc_malformed(ch, "is no part of the message before it");
	buf_put(&ch->in, in->data + skip, (size_t)in->len - skip);
	if (ch->in.error)
		return ch->in.error;
	if (!h->offset) {
		memcpy(ch->in_fds, in->fds, in->n_fds * sizeof(int));
		ch->n_in_fds = in->n_fds;
		in->n_fds = 0;
	}
	if (ipc_collected(ch) < h->body_len)
		return 0;
	first = (const void *)ch->in.data;
	m = (struct ipc_received){ .h = first, .body = (const void *)(first + 1),
				   .fds = ch->in_fds, .n_fds = ch->n_in_fds };
	ch->n_in_fds = 0;
	rc = ipc_message_dispatch(ch, &m);
	buf_free(&ch->in);
	return rc;
}

static void drop(struct ipc_chan *ch)
{
	packets_free(ch->out_head);
	ch->out_head = NULL;
	ch->out_tail = &ch->out_head;
	ch->out_bytes = 0;
	fd_close_all(ch->in_fds, ch->n_in_fds);
	ch->n_in_fds = 0;
	if (!ch->in_dispatch)    /* else it is what is being dispatched */
		buf_free(&ch->in);
}

static const struct ipc_queue queues = { send_or_queue, collect, drop };

void ipc_chan_queue(struct ipc_chan *ch)
{
	if (ch->queue)
		return;
	ch->queue = &queues;
	ch->send = ipc_send_packet;
	ch->out_tail = &ch->out_head;
	buf_init(&ch->in, IPC_BODY_MAX + sizeof(struct ipc_head));
}
