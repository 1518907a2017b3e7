/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels for rooms that need no event loop: poll, read, handle, answer. */
#ifndef CORDON_IPC_SERVE_H
#define CORDON_IPC_SERVE_H

#include <poll.h>

#include "ipc/chan.h"

/*
 * Serve the given channels until the first of them, the master, ends (returns
 * 0) or poll fails (-errno). Descriptors in `extra` are polled beside them;
 * `ready(ctx, i)` runs when one is readable. A channel that ends gets fd -1.
 */
int ipc_serve(struct ipc_chan **chans, unsigned n, const struct pollfd *extra, unsigned n_extra,
	      void (*ready)(void *ctx, unsigned i), void *ctx);

/* Wait for and handle messages of one channel until *done is set. 0; -EPIPE; -ETIMEDOUT. */
int ipc_wait(struct ipc_chan *ch, const bool *done, int timeout_ms);

#endif
