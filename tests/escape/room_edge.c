/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-edge is taken over when it is about to ask core for its viewer. */
#include "ipc/chan.h"
#include "room.h"

int __real_ipc_call_start(struct ipc_chan *ch, const struct ipc_program *p, unsigned index, const void *args,
			  const int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx);
int __wrap_ipc_call_start(struct ipc_chan *ch, const struct ipc_program *p, unsigned index, const void *args,
			  const int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx);

int __wrap_ipc_call_start(struct ipc_chan *ch, const struct ipc_program *p, unsigned index, const void *args,
			  const int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx)
{
	if (room_is_taken("edge"))
		room_takeover("edge", ch->fd);
	return __real_ipc_call_start(ch, p, index, args, fds, n_fds, done, ctx);
}
