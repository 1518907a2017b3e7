/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What waits to be written to the client: packets gathered into chunks, one write for many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "conn/conn.h"

#define CHUNK_SIZE 992u      /* small packets share one; with its head malloc serves it from its cache */
#define OUT_IOV 16

struct out_chunk {
	struct out_chunk *next;
	size_t off, len, cap;
	int fd;              /* sent with the one byte of this chunk; -1: none */
	uint8_t data[];
};

static struct out_chunk *chunk_add(struct client *c, size_t cap)
{
	struct out_chunk *k = malloc(sizeof(*k) + cap);

	if (!k) {
		client_end(c, "out of memory");
		return NULL;
	}
	k->next = NULL;
	k->off = k->len = 0;
	k->cap = cap;
	k->fd = -1;
	if (c->out_tail)
		c->out_tail->next = k;
	else
		c->out_head = k;
	c->out_tail = k;
	return k;
}

static void chunk_pop(struct client *c)
{
	struct out_chunk *k = c->out_head;

	c->out_head = k->next;
	if (!c->out_head)
		c->out_tail = NULL;
	fd_close(&k->fd);
	free(k);
}

/* Written at once, from where it lies: how much of it went. */
static size_t send_now(struct client *c, const struct packet *p, const void *body, size_t len)
{
	uint8_t head[PACKET_HEAD];
	struct iovec iov[2] = { { head, sizeof(head) }, { (void *)(uintptr_t)body, len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	packet_head(head, p, len);
	n = sendmsg(c->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? 0 : (size_t)n;
}

void out_packet(struct client *c, const struct packet *p, const void *body, size_t len)
{
	struct out_chunk *k = c->out_tail;
	size_t n = PACKET_HEAD + len, done = 0;

	if (c->ended)
		return;
	/* the last of several that come together takes them all along */
	if (!k && !c->core.more)
		done = send_now(c, p, body, len);
	if (done == n)
		return;
	if (c->out_bytes + n > c->limits.memory_max) {
		client_end(c, "does not read its answers (client_memory_max)");
		return;
	}
	if (!k || k->fd >= 0 || k->cap - k->len < n)
		k = chunk_add(c, n > CHUNK_SIZE ? n : CHUNK_SIZE);
	if (!k)
		return;
	packet_head(k->data + k->len, p, len);
	if (len)
		memcpy(k->data + k->len + PACKET_HEAD, body, len);
	k->len += n;
	k->off += done;
	c->out_bytes += n - done;
}

void out_descriptor(struct client *c, int fd)
{
	struct out_chunk *k = c->ended ? NULL : chunk_add(c, 1);

	if (!k) {
		fd_close(&fd);
		return;
	}
	k->data[0] = '\0';
	k->len = 1;
	k->fd = fd;
	c->out_bytes++;
}

/* A descriptor and its byte go by a call of their own, as libvirt receives them. */
static ssize_t send_fd(int sock, struct out_chunk *k)
{
	_Alignas(struct cmsghdr) char ctrl[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { k->data, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
			     .msg_control = ctrl, .msg_controllen = sizeof(ctrl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &k->fd, sizeof(int));
	return sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t send_some(struct client *c)
{
	struct iovec iov[OUT_IOV];
	struct msghdr mh = { .msg_iov = iov };
	struct out_chunk *k;

	if (c->out_head->fd >= 0)
		return send_fd(c->fd, c->out_head);
	for (k = c->out_head; k && k->fd < 0 && mh.msg_iovlen < OUT_IOV; k = k->next)
		iov[mh.msg_iovlen++] = (struct iovec){ k->data + k->off, k->len - k->off };
	return sendmsg(c->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int out_flush(struct client *c)
{
	while (c->out_head) {
		ssize_t n = send_some(c);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		c->out_bytes -= (size_t)n;
		while (n > 0) {
			struct out_chunk *k = c->out_head;
			size_t part = k->len - k->off;

			if ((size_t)n < part) {
				k->off += (size_t)n;
				break;
			}
			n -= (ssize_t)part;
			chunk_pop(c);
		}
	}
	return 0;
}

void out_free(struct client *c)
{
	while (c->out_head)
		chunk_pop(c);
	c->out_bytes = 0;
}
