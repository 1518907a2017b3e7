/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/glog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "ipc/ev.h"
#include "vm/vm_fds.h"

#define READ_BYTES 8192

/* The full file becomes the old one; both keep their inode, for we may make no files. */
static void turn_over(struct glog *g)
{
	char data[READ_BYTES];
	off_t at = 0;
	ssize_t n;

	if (ftruncate(VM_FD_LOG_OLD, 0) < 0)
		return;
	while ((n = pread(VM_FD_LOG, data, sizeof(data), at)) > 0 &&
	       pwrite(VM_FD_LOG_OLD, data, (size_t)n, at) == n)
		at += n;
	if (ftruncate(VM_FD_LOG, 0) == 0)
		g->size = 0;
}

static void keep_tail(struct glog *g, const char *data, size_t n)
{
	size_t drop;

	if (n > GLOG_TAIL) {
		data += n - GLOG_TAIL;
		n = GLOG_TAIL;
	}
	drop = g->n_tail + n > GLOG_TAIL ? g->n_tail + n - GLOG_TAIL : 0;
	memmove(g->tail, g->tail + drop, g->n_tail - drop);
	g->n_tail -= drop;
	memcpy(g->tail + g->n_tail, data, n);
	g->n_tail += n;
}

static ssize_t take(struct glog *g)
{
	char data[READ_BYTES];
	ssize_t n = read(VM_FD_FIFO, data, sizeof(data));

	if (n <= 0)
		return n;
	keep_tail(g, data, (size_t)n);
	if (g->size + (size_t)n > g->max)
		turn_over(g);
	/* a full disk costs the guest its log, not its life */
	if (write(VM_FD_LOG, data, (size_t)n) > 0)
		g->size += (size_t)n;
	return n;
}

void glog_drain(struct glog *g)
{
	/* no more than the pipe holds: it may have other writers */
	for (int i = 0; i < 64 && take(g) > 0; i++)
		;
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct glog *g = arg;
	ssize_t n = take(g);
	struct timeval tv = { 0, 0 };

	(void)fd;
	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		event_del(g->in);   /* the last writer is gone */
		return;
	}
	if (n < 0)
		return;
	tv.tv_usec = (suseconds_t)rate_add(&g->rate, ipc_ev_ms(), (size_t)n, GLOG_RATE_BYTES) * 1000;
	if (tv.tv_usec) {
		event_del(g->in);
		event_add(g->resume, &tv);
	}
}

static void resume(evutil_socket_t fd, short what, void *arg)
{
	struct glog *g = arg;

	(void)fd;
	(void)what;
	event_add(g->in, NULL);
}

void glog_set_max(struct glog *g, uint64_t max)
{
	g->max = max ? max : GLOG_MAX_DEFAULT;
}

int glog_start(struct glog *g, struct event_base *base, uint64_t max)
{
	struct stat st;

	glog_set_max(g, max);
	g->size = fstat(VM_FD_LOG, &st) == 0 ? (uint64_t)st.st_size : 0;
	if (fd_set_nonblock(VM_FD_FIFO, 1))
		return -EBADF;
	g->in = event_new(base, VM_FD_FIFO, EV_READ | EV_PERSIST, readable, g);
	g->resume = evtimer_new(base, resume, g);
	return g->in && g->resume && !event_add(g->in, NULL) ? 0 : -ENOMEM;
}

const char *glog_tail(const struct glog *g, char *out, size_t n)
{
	const char *from = g->tail, *end = g->tail + g->n_tail;
	size_t len = 0;

	if ((size_t)(end - from) >= n) {
		const char *line;

		from = end - (n - 1);
		line = memchr(from, '\n', (size_t)(end - from));
		if (line && line + 1 < end)
			from = line + 1;
	}
	for (; from < end && len < n - 1; from++) {
		unsigned char c = (unsigned char)*from;

		if (c == '\r')
			continue;
		out[len++] = c == '\n' || (c >= ' ' && c < 0x7f) ? (char)c : '?';
	}
	while (len && out[len - 1] == '\n')
		len--;
	out[len] = '\0';
	return out;
}
