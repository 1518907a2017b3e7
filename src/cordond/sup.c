/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Program sup: what door asks for because it takes privilege. Its word is checked, not trusted. */
#include <errno.h>
#include <signal.h>

#include "cordond/cordond.h"

#define ENDING_MAX 64   /* that door no longer counts and that were not reaped yet */

static uint64_t most(enum room which)
{
	const struct config *c = &sup.conf;

	return ENDING_MAX + (which == ROOM_CONN ?
		(uint64_t)c->max_clients + c->pool_size :
		(uint64_t)c->max_guests * c->max_viewers_per_guest);
}

int sup_on_start(struct ipc_call *call, const struct sup_start_args *args)
{
	static const uint32_t door_only[] = { ROOM_DOOR };
	struct sup_ward ret;
	struct proc *p;
	uint64_t n = 0;

	if (!is_ward(args->which))
		return err_set(&call->err, -EPERM, ERR_OPERATION_DENIED,
			       "cordond starts no cordon-%s for door", room_names[args->which]);
	LIST_FOREACH(p, &sup.procs, link)
		n += p->which == args->which;
	if (sup.stopping || n >= most(args->which))
		return err_set(&call->err, -EAGAIN, ERR_RESOURCE_BUSY,
			       "cordond starts no more than %u processes cordon-%s",
			       (unsigned)n, room_names[args->which]);
	p = proc_start(args->which, door_only, 1, call->fds, 1, &call->err);
	if (!p)
		return -EIO;
	ret.pid = p->pid;
	return sup_reply_start(call, &ret);
}

int sup_on_kill(struct ipc_call *call, const struct sup_ward *args)
{
	struct proc *p = proc_find(args->pid);

	if (p && is_ward(p->which)) {
		proc_end(p);
		kill(p->pid, SIGKILL);
	}
	return ipc_reply(call, NULL, NULL, 0);
}
