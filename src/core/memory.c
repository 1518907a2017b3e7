/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The balloon, and what the guest tells about its memory. */
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/store.h"
#include "core/vmlink.h"
#include "proto/vm.x.h"

#define MEM_MAXIMUM 4u    /* VIR_DOMAIN_MEM_MAXIMUM */

/* Where a change goes: CURRENT means the running guest if there is one. */
static int impact(struct ipc_call *call, const struct guest *g, uint32_t *flags)
{
	if (!(*flags & (AFFECT_LIVE | AFFECT_CONFIG)))
		*flags |= guest_active(g) ? AFFECT_LIVE : AFFECT_CONFIG;
	if (*flags & AFFECT_LIVE && !guest_active(g))
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain is not running");
	if (*flags & AFFECT_CONFIG && !g->persistent)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: transient domains do not have any "
			       "persistent config");
	return 0;
}

static bool has_balloon(const struct domain *d)
{
	return d->balloon && !(d->balloon->model && strcmp(d->balloon->model, "none") == 0);
}

/* The definition as it will be. */
static int changed_config(struct ipc_call *call, struct guest *g, uint64_t kib, bool maximum,
			  struct domain *ret_d)
{
	int rc = guest_model(g, call->arena, ret_d, &call->err);

	if (rc)
		return rc;
	if (maximum) {
		ret_d->memory_kib = kib;
		if (ret_d->current_memory_kib > kib)
			ret_d->current_memory_kib = kib;
	} else if (kib > ret_d->memory_kib) {
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
			       "cannot set memory of domain '%s' to %llu KiB, above its maximum of "
			       "%llu KiB", g->name, (unsigned long long)kib,
			       (unsigned long long)ret_d->memory_kib);
	} else {
		ret_d->current_memory_kib = kib;
	}
	return 0;
}

static int set_config(struct ipc_call *call, struct guest *g, uint64_t kib, bool maximum)
{
	struct domain d;
	int rc = changed_config(call, g, kib, maximum, &d);

	return rc ? rc : guest_change(g, g, &d, &call->err);
}

static void done(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;

	if (r->rc)
		core_refuse_reply(call, r);
	else
		ipc_reply(call, NULL, NULL, 0);
}

/* The running guest takes it: now the definition. Only set_memory_flags() asks for both. */
static void ballooned(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_set_memory_flags_args *args = call->args;
	struct guest *g = guest_by_uuid(args->dom.uuid);
	int rc = 0;

	if (!r->rc && (!g || !g->persistent))
		rc = err_set(&call->err, -ENOENT, ERR_NO_DOMAIN, "domain '%s' was undefined "
			     "meanwhile", args->dom.name);
	else if (!r->rc)
		rc = set_config(call, g, args->memory, false);
	if (rc)
		ipc_refuse(call, rc, &call->err);
	else
		done(ctx, r);
}

static int set_memory(struct ipc_call *call, const struct remote_nonnull_domain *dom, uint64_t kib,
		      uint32_t flags)
{
	struct guest *g = client_guest(call, dom);
	struct vm_balloon_args args = { kib };
	struct ipc_chan *vm = NULL;
	struct domain d;
	int rc;

	if (!g)
		return -ENOENT;
	rc = args_flags(call, flags, AFFECT_LIVE | AFFECT_CONFIG | MEM_MAXIMUM);
	if (!rc)
		rc = impact(call, g, &flags);
	if (rc)
		return rc;
	if (flags & AFFECT_LIVE) {
		if (flags & MEM_MAXIMUM)
			return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
				       "Requested operation is not valid: cannot resize the maximum "
				       "memory on an active domain");
		if (kib > g->run->rec.live.memory_kib)
			return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
				       "cannot set memory of domain '%s' higher than its maximum of "
				       "%llu KiB", g->name,
				       (unsigned long long)g->run->rec.live.memory_kib);
		if (!has_balloon(&g->run->rec.live))
			return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
				       "Requested operation is not valid: Unable to change memory of "
				       "active domain without the balloon device and guest OS "
				       "balloon driver");
		vm = vmlink_chan(g, &call->err);
		if (!vm)
			return -EAGAIN;
	}
	if (!vm) {
		rc = set_config(call, g, kib, flags & MEM_MAXIMUM);
		return rc ? rc : ipc_reply(call, NULL, NULL, 0);
	}
	if (flags & AFFECT_CONFIG) {
		rc = changed_config(call, g, kib, false, &d);
		return rc ? rc : vm_call_balloon(vm, &args, NULL, 0, ballooned, call);
	}
	return vm_call_balloon(vm, &args, NULL, 0, done, call);
}

int remote_on_domain_set_memory(struct ipc_call *call,
				const struct remote_domain_set_memory_args *args)
{
	return set_memory(call, &args->dom, args->memory, AFFECT_LIVE);
}

int remote_on_domain_set_memory_flags(struct ipc_call *call,
				      const struct remote_domain_set_memory_flags_args *args)
{
	return set_memory(call, &args->dom, args->memory, args->flags);
}

int remote_on_domain_set_max_memory(struct ipc_call *call,
				    const struct remote_domain_set_max_memory_args *args)
{
	return set_memory(call, &args->dom, args->memory, MEM_MAXIMUM);
}

static void period_set(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_set_memory_stats_period_args *args = call->args;
	struct guest *g = guest_by_uuid(args->dom.uuid);

	if (!r->rc && g && g->run && g->run->rec.live.balloon) {
		g->run->rec.live.balloon->stats_period = (uint32_t)args->period;
		store_save_run(g);
	}
	done(ctx, r);
}

int remote_on_domain_set_memory_stats_period(
	struct ipc_call *call, const struct remote_domain_set_memory_stats_period_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct vm_period_args period = { args->period };
	uint32_t flags = args->flags;
	struct domain d;
	struct ipc_chan *vm;
	int rc = g ? args_flags(call, flags, AFFECT_LIVE | AFFECT_CONFIG) : -ENOENT;

	if (!rc)
		rc = impact(call, g, &flags);
	if (!rc && args->period < 0)
		rc = err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "period must not be negative");
	if (rc)
		return rc;
	if (flags & AFFECT_LIVE && !has_balloon(&g->run->rec.live))
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "domain '%s' has no memory balloon", g->name);
	if (flags & AFFECT_CONFIG) {
		rc = guest_model(g, call->arena, &d, &call->err);
		if (!rc && !has_balloon(&d))
			rc = err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
				     "domain '%s' has no memory balloon", g->name);
		if (rc)
			return rc;
		d.balloon->stats_period = (uint32_t)args->period;
		rc = guest_change(g, g, &d, &call->err);
		if (rc)
			return rc;
	}
	if (!(flags & AFFECT_LIVE))
		return ipc_reply(call, NULL, NULL, 0);
	vm = vmlink_chan(g, &call->err);
	return vm ? vm_call_stats_period(vm, &period, NULL, 0, period_set, call) : -EAGAIN;
}

static void got_stats(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_memory_stats_args *args = call->args;
	const struct vm_stats_ret *st = r->ret;
	struct remote_domain_memory_stats_ret ret = { 0 };

	if (r->rc) {
		core_refuse_reply(call, r);
		return;
	}
	if (vmlink_refuse_partial(call, &args->dom, st))
		return;
	ret.stats = arena_calloc(call->arena, st->n_memory + 1, sizeof(*ret.stats));
	if (!ret.stats) {
		ipc_refuse_text(call, -ENOMEM, ERR_NO_MEMORY, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < st->n_memory && i < args->maxStats; i++)
		ret.stats[ret.n_stats++] = (struct remote_domain_memory_stat){
			st->memory[i].tag, st->memory[i].value };
	remote_reply_domain_memory_stats(call, &ret);
}

int remote_on_domain_memory_stats(struct ipc_call *call,
				  const struct remote_domain_memory_stats_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	struct vm_stats_args want = { .types = 1u << 2 };   /* VIR_DOMAIN_STATS_BALLOON */
	struct ipc_chan *vm;
	int rc = g ? args_flags(call, args->flags, 0) : -EINVAL;

	if (rc)
		return rc;
	vm = vmlink_chan(g, &call->err);
	return vm ? vm_call_stats(vm, &want, NULL, 0, got_stats, call) : -EAGAIN;
}
