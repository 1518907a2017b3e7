/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Program sup: what door asks for. How many there may be cordond knows. */
#include <errno.h>

#include "supervisor/supervisor.h"

int sup_on_start(struct ipc_call *call, const struct sup_start_args *args)
{
	static const uint32_t door_only[] = { ROOM_DOOR };

	if (!is_ward(args->which))
		return err_set(&call->err, -EPERM, ERR_OPERATION_DENIED,
			       "no cordon-%s is started for door", room_names[args->which]);
	return proc_start(args->which, door_only, 1, call->fds, call, &call->err) ? 0 : -EIO;
}

int sup_on_kill(struct ipc_call *call, const struct sup_ward *args)
{
	struct proc *p = args->pid > 0 ? proc_find(args->pid) : NULL;

	if (p && is_ward(p->which)) {
		proc_end(p);
		proc_kill(p);
	}
	return ipc_reply(call, NULL, NULL, 0);
}
