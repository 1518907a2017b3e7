/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-vm is taken over when it would begin to serve. */
#include <event2/event.h>

#include "room.h"
#include "vm/vm_fds.h"

int __real_event_base_dispatch(struct event_base *base);
int __wrap_event_base_dispatch(struct event_base *base);

int __wrap_event_base_dispatch(struct event_base *base)
{
	if (room_is_taken("vm"))
		room_takeover("vm", VM_FD_CORE);
	return __real_event_base_dispatch(base);
}
