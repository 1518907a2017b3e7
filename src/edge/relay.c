/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edge/relay.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define LINGER_S 10   /* after one side ended, for the other to take what is left */

/* One direction: what came from `from` and has not gone to `to`. */
struct flow {
	int from, to;
	struct event *readable, *writable;
	size_t start, len;
	bool eof;          /* nothing more will come */
	bool done;         /* and all of it has gone */
	char data[RELAY_BUFFER];
};

static struct flow flows[2];
static struct event *linger;
static void (*ended)(const char *why);
static void (*watcher)(bool from_a, const void *data, size_t n);

static void end(const char *why)
{
	if (ended)
		ended(why);
	ended = NULL;
}

static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	end("the other side does not finish");
}

/* All has gone and no more comes: say so to the receiver. */
static void finish(struct flow *f)
{
	static const struct timeval tv = { LINGER_S, 0 };

	f->done = true;
	(void)shutdown(f->to, SHUT_WR);
	if (flows[0].done && flows[1].done)
		end("both sides are done");
	else
		event_add(linger, &tv);
}

/* Read only with room, write only with something to write: that is the back-pressure. */
static void rearm(struct flow *f)
{
	if (!ended)
		return;
	if (f->eof && !f->len && !f->done)
		finish(f);
	if (!f->eof && f->len < RELAY_BUFFER)
		event_add(f->readable, NULL);
	else
		event_del(f->readable);
	if (f->len)
		event_add(f->writable, NULL);
	else
		event_del(f->writable);
}

static bool transient(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void drain(struct flow *f)
{
	while (f->len) {
		ssize_t n = send(f->to, f->data + f->start, f->len, MSG_NOSIGNAL);

		if (n < 0 && transient())
			break;
		if (n < 0) {
			end("a side is gone");
			return;
		}
		f->start += (size_t)n;
		f->len -= (size_t)n;
	}
	if (!f->len)
		f->start = 0;
	rearm(f);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct flow *f = arg;
	ssize_t n;

	(void)what;
	if (f->start && f->start + f->len == RELAY_BUFFER) {
		memmove(f->data, f->data + f->start, f->len);
		f->start = 0;
	}
	n = read(fd, f->data + f->start + f->len, RELAY_BUFFER - f->start - f->len);
	if (n < 0 && transient())
		return;
	if (n < 0) {
		end("a side is gone");
		return;
	}
	if (n == 0)
		f->eof = true;
	else if (watcher)
		watcher(f == &flows[0], f->data + f->start + f->len, (size_t)n);
	f->len += (size_t)n;
	drain(f);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg);
}

static int flow_start(struct event_base *base, struct flow *f, int from, int to)
{
	f->from = from;
	f->to = to;
	f->readable = event_new(base, from, EV_READ | EV_PERSIST, on_readable, f);
	f->writable = event_new(base, to, EV_WRITE | EV_PERSIST, on_writable, f);
	if (!f->readable || !f->writable || fd_set_nonblock(from, 1) < 0)
		return -ENOMEM;
	rearm(f);
	return 0;
}

int relay_start(struct event_base *base, int a, int b, void (*on_end)(const char *why))
{
	ended = on_end;
	linger = event_new(base, -1, 0, on_linger, NULL);
	if (!linger || flow_start(base, &flows[0], a, b) < 0)
		return -ENOMEM;
	return flow_start(base, &flows[1], b, a);
}

void relay_watch(void (*look)(bool from_a, const void *data, size_t n))
{
	watcher = look;
}
