/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host facts for conn, from cordon-host. */
#include <errno.h>

#include "core/client.h"
#include "ipc/call.h"
#include "proto/hostd.x.h"

static void got_facts(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;

	if (r->rc)
		core_refuse_reply(call, r);
	else
		ipc_reply_raw(call, r->raw, r->raw_len, NULL, 0);
}

int core_on_host(struct ipc_call *call)
{
	struct ipc_chan *ch = core_peer(&core.host, &call->err);

	return ch ? hostd_call_facts(ch, NULL, 0, got_facts, call) : -EAGAIN;
}
