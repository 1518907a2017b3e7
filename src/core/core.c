/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/core.h"

#include <errno.h>

#include "ipc/call.h"

struct core core;

struct ipc_chan *core_peer(struct core_peer *p, struct err *err)
{
	if (p->up)
		return &p->ch;
	err_set(err, -EAGAIN, ERR_OPERATION_FAILED,
		"%s is being started again; try again in a moment", p->ch.name ? p->ch.name : "a room");
	return NULL;
}

int core_refuse_reply(struct ipc_call *call, const struct ipc_reply *r)
{
	return ipc_refuse(call, r->rc, r->err);
}
