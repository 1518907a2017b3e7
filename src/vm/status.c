/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/call.h"
#include <errno.h>

#include "vm/events.h"
#include "vm/proc.h"

void status_set(int state, int reason)
{
	vm.facts.state = state;
	vm.facts.reason = reason;
	outbox_facts_changed();
}

void status_fill(struct vm_status *st, struct arena *a)
{
	struct proc_times times = { 0 };

	*st = (struct vm_status){ .phase = vm.facts.phase ? vm.facts.phase : VM_PHASE_BOOTING,
				  .state = vm.facts.state, .reason = vm.facts.reason,
				  .balloon_kib = vm.facts.balloon_kib, .stuck = vm.qmp.stuck };
	st->text = arena_strdup(a, "");
	if (!vm.cfg)
		return;
	st->vcpus = vm.cfg->model.vcpus_current ? vm.cfg->model.vcpus_current : vm.cfg->model.vcpus;
	if (vm.facts.phase == VM_PHASE_RUNNING) {
		st->stuck = st->stuck || vm.qmp.fd < 0;
		(void)proc_read_times(&times);
		st->cpu_time_ns = times.user_ns + times.system_ns;
	}
}

int vm_refuse(struct ipc_call *call, const struct err *err)
{
	return ipc_refuse(call, -EIO, err);
}

void vm_reply_plain(void *ctx, struct json_object *ret, const struct err *err)
{
	struct ipc_call *call = ctx;

	(void)ret;
	/* what QEMU told before it answered core hears before the answer, too */
	outbox_flush();
	if (err)
		vm_refuse(call, err);
	else
		ipc_reply(call, NULL, NULL, 0);
}

int vm_on_status(struct ipc_call *call)
{
	struct vm_status st;

	status_fill(&st, call->arena);
	return vm_reply_status(call, &st);
}
