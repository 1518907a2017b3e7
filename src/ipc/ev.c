/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/ev.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/fd.h"

struct ev_chan {
	struct ipc_chan *ch;
	struct event *in;
	struct event *out;      /* only while the socket is full */
	struct event *flush;    /* made active when something was queued */
	void (*user_closed)(struct ipc_chan *ch);
};

uint64_t ipc_ev_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct event_base *ipc_ev_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg) {
		event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
		base = event_base_new_with_config(cfg);
		event_config_free(cfg);
	}
	return base;
}

static void ev_free(struct ev_chan *e)
{
	if (e->in)
		event_free(e->in);
	if (e->out)
		event_free(e->out);
	if (e->flush)
		event_free(e->flush);
	free(e);
}

static void ended(struct ipc_chan *ch)
{
	struct ev_chan *e = ch->loop;
	void (*user_closed)(struct ipc_chan *) = e->user_closed;

	ch->loop = NULL;
	ev_free(e);
	fd_close(&ch->fd);
	if (user_closed)
		user_closed(ch);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct ev_chan *e = arg;

	(void)fd;
	(void)what;
	ipc_chan_read(e->ch);
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
	struct ev_chan *e = arg;

	(void)fd;
	(void)what;
	if (ipc_chan_flush(e->ch) == -EAGAIN)
		event_add(e->out, NULL);
}

static void want_flush(struct ipc_chan *ch)
{
	struct ev_chan *e = ch->loop;

	if (e && !event_pending(e->out, EV_WRITE, NULL))
		event_active(e->flush, EV_WRITE, 1);
}

int ipc_ev_attach(struct event_base *base, struct ipc_chan *ch)
{
	struct ev_chan *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->ch = ch;
	ipc_chan_queue(ch);
	e->in = event_new(base, ch->fd, EV_READ | EV_PERSIST, readable, e);
	e->out = event_new(base, ch->fd, EV_WRITE, writable, e);
	e->flush = event_new(base, -1, 0, writable, e);
	if (!e->in || !e->out || !e->flush || event_add(e->in, NULL)) {
		ev_free(e);
		return -ENOMEM;
	}
	e->user_closed = ch->on_closed;
	ch->on_closed = ended;
	ch->want_flush = want_flush;
	ch->loop = e;
	if (ch->out_head)
		want_flush(ch);
	return 0;
}

void ipc_ev_detach(struct ipc_chan *ch)
{
	struct ev_chan *e = ch->loop;

	if (!e) {
		fd_close(&ch->fd);
		return;
	}
	e->user_closed = NULL;
	ipc_chan_close(ch, "detached");
	/* inside the channel's own dispatch the end comes when that returns */
}
