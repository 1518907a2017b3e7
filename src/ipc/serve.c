/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/serve.h"

#include <errno.h>

#include "base/fd.h"

#define SERVE_FDS_MAX 64

static void turn(struct ipc_chan *ch)
{
	ipc_chan_read(ch);
	if (ch->closed)
		fd_close(&ch->fd);
}

int ipc_serve(struct ipc_chan **chans, unsigned n, const struct pollfd *extra, unsigned n_extra,
	      void (*ready)(void *ctx, unsigned i), void *ctx)
{
	struct pollfd pfd[SERVE_FDS_MAX];

	if (n + n_extra > SERVE_FDS_MAX)
		return -E2BIG;
	while (!chans[0]->closed) {
		for (unsigned i = 0; i < n; i++) {
			if (chans[i]->closed)
				fd_close(&chans[i]->fd);
			pfd[i] = (struct pollfd){ chans[i]->fd, POLLIN, 0 };
		}
		for (unsigned i = 0; i < n_extra; i++)
			pfd[n + i] = extra[i];
		if (poll(pfd, n + n_extra, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		for (unsigned i = 0; i < n_extra; i++)
			if (pfd[n + i].revents)
				ready(ctx, i);
		for (unsigned i = 0; i < n; i++)
			if (pfd[i].revents && !chans[i]->closed)
				turn(chans[i]);
	}
	return 0;
}

int ipc_wait(struct ipc_chan *ch, const bool *done, int timeout_ms)
{
	while (!*done) {
		struct pollfd pfd = { ch->fd, POLLIN, 0 };
		int n = poll(&pfd, 1, timeout_ms);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		turn(ch);
		if (ch->closed && !*done)
			return -EPIPE;
	}
	return 0;
}
