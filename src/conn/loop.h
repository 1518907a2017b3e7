/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this process waits for: a handful of descriptors. A loop of its own, because a connection
 * wakes up twice for each call, always with cold caches, and a general one was a fifth of that.
 * One per process.
 */
#ifndef CORDON_CONN_LOOP_H
#define CORDON_CONN_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

struct ipc_chan;

struct watch {
	int fd;
	uint32_t want;          /* EPOLLIN, EPOLLOUT, EPOLLHUP: what the kernel was told; set by watch_set() */
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
};

/* A channel to another room, and what it waits for. */
struct watch_chan {
	struct watch w;
	struct ipc_chan *ch;
};

/* Once, before anything is watched. 0 or -errno. */
int loop_open(void);

/* For tests that serve one client after another. */
void loop_close(void);

/*
 * Wait for `want` on w->fd from now on, and for its end; 0: for nothing, not even that. To be
 * called before the descriptor is closed; `ready` is not called any more afterwards.
 * 0 or -errno.
 */
int watch_set(struct watch *w, uint32_t want);

/* Wait at most `wait_ms` (-1: for ever), then call `ready` of what is. */
void loop_turn(int wait_ms);

/* Drive an initialised channel; watch_chan_settle() takes what it queued to the kernel. */
int watch_chan_start(struct watch_chan *wc, struct ipc_chan *ch);

/* After each turn. Closes the descriptor of a channel that ended. */
void watch_chan_settle(struct watch_chan *wc);

#endif
