/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn/loop.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "ipc/chan.h"

#define LOOP_EVENTS 8

static int poller = -1;
static struct epoll_event batch[LOOP_EVENTS];
static int n_batch;

int loop_open(void)
{
	poller = epoll_create1(EPOLL_CLOEXEC);
	return poller < 0 ? -errno : 0;
}

void loop_close(void)
{
	fd_close(&poller);
}

int watch_set(struct watch *w, uint32_t want)
{
	struct epoll_event ev = { .events = want, .data.ptr = w };
	int op = !w->want ? EPOLL_CTL_ADD : want ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (want == w->want)
		return 0;
	if (epoll_ctl(poller, op, w->fd, &ev) < 0)
		return -errno;
	w->want = want;
	/* what it was ready for in this turn is nobody's business any more: it may be freed next */
	for (int i = 0; i < n_batch && !want; i++)
		if (batch[i].data.ptr == w)
			batch[i].data.ptr = NULL;
	return 0;
}

void loop_turn(int wait_ms)
{
	int n = epoll_wait(poller, batch, LOOP_EVENTS, wait_ms);

	n_batch = n > 0 ? n : 0;
	for (int i = 0; i < n_batch; i++) {
		struct watch *w = batch[i].data.ptr;

		if (w)
			w->ready(w->ctx, batch[i].events);
	}
	n_batch = 0;
}

static void chan_ready(void *ctx, uint32_t events)
{
	struct watch_chan *wc = ctx;

	if (events & EPOLLOUT)
		ipc_chan_flush(wc->ch);
	if (events & ~(uint32_t)EPOLLOUT && !wc->ch->closed)
		ipc_chan_read(wc->ch);
}

int watch_chan_start(struct watch_chan *wc, struct ipc_chan *ch)
{
	wc->ch = ch;
	wc->w = (struct watch){ .fd = ch->fd, .ready = chan_ready, .ctx = wc };
	return watch_set(&wc->w, EPOLLIN);
}

void watch_chan_settle(struct watch_chan *wc)
{
	struct ipc_chan *ch = wc->ch;

	if (ch->out_head)
		ipc_chan_flush(ch);
	if (!ch->closed) {
		watch_set(&wc->w, ch->out_head ? EPOLLIN | EPOLLOUT : EPOLLIN);
	} else if (ch->fd >= 0) {
		watch_set(&wc->w, 0);
		fd_close(&ch->fd);
	}
}
