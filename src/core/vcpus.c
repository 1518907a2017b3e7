/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vcpuinfo: the virtual processors of one guest. */
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/vmlink.h"
#include "proto/vm.x.h"

#define STATS_VCPU (1u << 3)     /* VIR_DOMAIN_STATS_VCPU */

static void got_vcpus(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_get_vcpus_args *args = call->args;
	const struct vm_stats_ret *st = r->ret;
	struct remote_domain_get_vcpus_ret ret = { 0 };

	if (r->rc) {
		core_refuse_reply(call, r);
		return;
	}
	if (!st->n_vcpus && vmlink_refuse_partial(call, &args->dom, st))
		return;
	if (!st->n_vcpus) {
		vmlink_refuse_stuck(call, &args->dom);
		return;
	}
	ret.info = arena_calloc(call->arena, st->n_vcpus, sizeof(*ret.info));
	for (uint32_t i = 0; ret.info && i < st->n_vcpus && (int)i < args->maxinfo; i++)
		ret.info[ret.n_info++] = (struct remote_vcpu_info){
			.number = st->vcpus[i].number, .state = st->vcpus[i].state,
			.cpu_time = st->vcpus[i].time_ns, .cpu = -1 };
	/* every vcpu may run on every processor of the host: nothing is pinned yet */
	ret.n_cpumaps = ret.n_info * (uint32_t)args->maplen;
	ret.cpumaps = arena_alloc(call->arena, ret.n_cpumaps + 1);
	if (!ret.info || !ret.cpumaps) {
		ipc_refuse_text(call, -ENOMEM, ERR_NO_MEMORY, "out of memory");
		return;
	}
	memset(ret.cpumaps, 0xff, ret.n_cpumaps);
	remote_reply_domain_get_vcpus(call, &ret);
}

int remote_on_domain_get_vcpus(struct ipc_call *call, const struct remote_domain_get_vcpus_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	struct vm_stats_args want = { .types = STATS_VCPU };
	struct ipc_chan *vm;

	if (!g)
		return -EINVAL;
	if (args->maxinfo < 0 || args->maxinfo > REMOTE_VCPUINFO_MAX || args->maplen < 0 ||
	    args->maplen > REMOTE_CPUMAP_MAX || args->maxinfo * args->maplen > REMOTE_CPUMAPS_MAX)
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "maxinfo or maplen out of range");
	vm = vmlink_chan(g, &call->err);
	return vm ? vm_call_stats(vm, &want, NULL, 0, got_vcpus, call) : -EAGAIN;
}
