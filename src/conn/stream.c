/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Streams: bytes between the client's socket and a descriptor that core got
 * from the room which has the data. Neither side can make us hold more than
 * CONN_STREAM_PENDING_MAX: a slow guest stops the client, a slow client stops
 * the guest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conn/conn.h"

struct stream {
	struct stream *next;
	struct client *c;
	const struct ipc_row *row;
	uint32_t serial;
	int fd;
	struct watch watch;
	struct buf pending;      /* from the client, not yet written */
	bool finishing;          /* the client is done; answered when nothing is pending */
	bool drained;            /* the other side is done, the client was told */
};

static uint8_t rx[PACKET_STREAM_MAX];

static void stream_send(struct stream *s, enum packet_status status, const void *p, size_t n)
{
	struct packet head = { .prog = REMOTE_PROGRAM, .vers = REMOTE_VERSION,
			       .proc = s->row->num, .type = PACKET_STREAM, .serial = s->serial,
			       .status = status };

	out_packet(s->c, &head, p, n);
}

static void stream_free(struct stream *s)
{
	struct client *c = s->c;

	for (struct stream **pp = &c->streams; *pp; pp = &(*pp)->next)
		if (*pp == s) {
			*pp = s->next;
			break;
		}
	c->n_streams--;
	watch_set(&s->watch, 0);
	fd_close(&s->fd);
	buf_free(&s->pending);
	free(s);
	client_resume(c);
}

void stream_free_all(struct client *c)
{
	while (c->streams)
		stream_free(c->streams);
}

static void stream_fail(struct stream *s, const char *what, int errnum)
{
	struct err err = { 0 };
	CLEAN_BUF struct buf b = { 0 };

	err_set(&err, -EIO, errnum ? ERR_SYSTEM_ERROR : ERR_RPC, "%s%s%s", what,
		errnum ? ": " : "", errnum ? strerrordesc_np(errnum) : "");
	buf_init(&b, PACKET_BODY_MAX);
	if (error_encode(&remote_program, s->row, &err, &b))
		client_end(s->c, "out of memory");
	else
		stream_send(s, PACKET_ERROR, b.data, b.len);
	stream_free(s);
}

/* ---- towards the client ---- */

static void readable(struct stream *s)
{
	ssize_t n = read(s->fd, rx, sizeof(rx));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* a terminal whose guest is gone says EIO, a socket whose other end was closed ECONNRESET */
	if (n < 0 && errno != EIO && errno != ECONNRESET) {
		stream_fail(s, "cannot read the stream", errno);
		return;
	}
	if (n <= 0)
		s->drained = true;
	stream_send(s, PACKET_CONTINUE, rx, n > 0 ? (size_t)n : 0);
}

/* ---- from the client ---- */

static void finish(struct stream *s)
{
	stream_send(s, PACKET_OK, NULL, 0);
	stream_free(s);
}

/* Bytes taken, or -errno. */
static ssize_t write_some(struct stream *s, const uint8_t *p, size_t n)
{
	ssize_t done;

	/* SIGPIPE is ignored in this process */
	do
		done = write(s->fd, p, n);
	while (done < 0 && errno == EINTR);
	if (done < 0)
		return errno == EAGAIN ? 0 : -errno;
	return done;
}

static void writable(struct stream *s)
{
	struct client *c = s->c;
	ssize_t n = write_some(s, s->pending.data, s->pending.len);

	if (n < 0) {
		stream_fail(s, "cannot write the stream", (int)-n);
		return;
	}
	buf_consume(&s->pending, (size_t)n);
	if (s->pending.len)
		return;
	buf_reset(&s->pending);
	if (s->finishing)
		finish(s);
	else
		client_resume(c);
}

static void data(struct stream *s, const struct packet *p)
{
	ssize_t n = 0;

	if (!(s->row->flags & IPC_STREAM_IN) || p->len > PACKET_STREAM_MAX) {
		stream_fail(s, p->len > PACKET_STREAM_MAX ? "stream packet is too long" :
			    "this stream takes no data", 0);
		return;
	}
	if (s->finishing)
		return;
	if (!s->pending.len)
		n = write_some(s, p->body, p->len);
	if (n < 0) {
		stream_fail(s, "cannot write the stream", (int)-n);
		return;
	}
	if ((size_t)n == p->len)
		return;
	buf_put(&s->pending, p->body + n, p->len - (size_t)n);
	if (s->pending.error)
		stream_fail(s, "no memory for the stream", 0);
}

static struct stream *stream_find(const struct client *c, const struct packet *p)
{
	if (p->prog != REMOTE_PROGRAM || p->vers != REMOTE_VERSION)
		return NULL;
	for (struct stream *s = c->streams; s; s = s->next)
		if (s->serial == p->serial && s->row->num == p->proc)
			return s;
	return NULL;
}

bool stream_must_wait(const struct client *c, const struct packet *p)
{
	const struct stream *s = stream_find(c, p);

	/* the end of a stream needs no room; behind data that waits it waits too, as everything does */
	return s && p->status == PACKET_CONTINUE && s->pending.len >= CONN_STREAM_PENDING_MAX;
}

void stream_packet(struct client *c, const struct packet *p)
{
	struct stream *s = stream_find(c, p);

	if (!s)
		return;
	if (p->type == PACKET_HOLE) {
		stream_fail(s, "holes are for sparse streams, this one is none", 0);
	} else if (p->status == PACKET_CONTINUE) {
		data(s, p);
	} else if (p->status == PACKET_ERROR) {
		finish(s);       /* abort: what is pending is lost, as asked */
	} else if (p->status == PACKET_OK) {
		s->finishing = true;
		if (!s->pending.len)
			finish(s);
	} else {
		stream_fail(s, "unknown stream status", 0);
	}
}

/* ---- waiting ---- */

/* A client that does not read stops the guest: nothing is read for it meanwhile. */
static uint32_t wanted(const struct stream *s)
{
	bool rd = s->row->flags & IPC_STREAM_OUT && !s->drained &&
		  s->c->out_bytes <= CONN_STREAM_PENDING_MAX;

	return (rd ? EPOLLIN : 0) | (s->pending.len ? EPOLLOUT : 0);
}

static void ready(void *ctx, uint32_t events)
{
	struct stream *s = ctx;

	if (s->c->ended)
		return;
	/* one of them at a time: either may be the stream's end */
	if (s->pending.len && events & ~(uint32_t)EPOLLIN)
		writable(s);
	else if (wanted(s) & EPOLLIN)
		readable(s);
}

void stream_settle(struct client *c)
{
	struct stream *next;

	for (struct stream *s = c->streams; s; s = next) {
		next = s->next;
		if (watch_set(&s->watch, wanted(s)))
			stream_fail(s, "the stream cannot be waited for", 0);
	}
}

/* ---- opening ---- */

void stream_open(struct client *c, const struct ipc_row *row, uint32_t serial, int fd)
{
	struct stream *s = c->ended ? NULL : calloc(1, sizeof(*s));

	if (!s) {
		fd_close(&fd);
		client_end(c, "out of memory");
		return;
	}
	s->c = c;
	s->row = row;
	s->serial = serial;
	s->fd = fd;
	s->watch = (struct watch){ .fd = fd, .ready = ready, .ctx = s };
	buf_init(&s->pending, CONN_STREAM_PENDING_MAX + PACKET_STREAM_MAX);
	s->next = c->streams;
	c->streams = s;
	c->n_streams++;
	fd_set_nonblock(fd, 1);
}
