/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients ask about one guest that core knows by itself. */
#include "core/args.h"
#include "core/client.h"
#include "core/store.h"
#include "core/vmlink.h"
#include "proto/vm.x.h"

int remote_on_domain_get_state(struct ipc_call *call, const struct remote_domain_get_state_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct remote_domain_get_state_ret ret;
	int rc = g ? args_flags(call, args->flags, 0) : -ENOENT;

	if (rc)
		return rc;
	ret.state = guest_state(g, &ret.reason);
	return remote_reply_domain_get_state(call, &ret);
}

/* ---- GET_INFO asks the running guest for its CPU time ---- */

static int info_base(const struct guest *g, struct ipc_call *call,
		     struct remote_domain_get_info_ret *ret)
{
	struct domain d;
	int reason, rc = guest_view(g, false, call->arena, &d, &call->err);

	if (rc)
		return rc;
	ret->state = (unsigned)guest_state(g, &reason);
	ret->maxMem = d.memory_kib;
	ret->memory = d.current_memory_kib;
	ret->nrVirtCpu = d.vcpus_current ? d.vcpus_current : d.vcpus;
	/* what was told last: it never goes back, though nobody may be there who can look */
	ret->cpuTime = guest_active(g) ? g->run->cpu_time_ns : 0;
	return 0;
}

static void got_info(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_get_info_args *args = call->args;
	struct remote_domain_get_info_ret ret = { 0 };
	struct guest *g = guest_by_uuid(args->dom.uuid);
	const struct vm_status *st = r->ret;

	if (!g || info_base(g, call, &ret)) {
		ipc_refuse_text(call, -ENOENT, ERR_NO_DOMAIN, "Domain not found");
		return;
	}
	if (!r->rc && guest_active(g)) {
		ret.cpuTime = g->run->cpu_time_ns = st->cpu_time_ns;
		ret.memory = st->balloon_kib ? st->balloon_kib : ret.memory;
	}
	remote_reply_domain_get_info(call, &ret);
}

int remote_on_domain_get_info(struct ipc_call *call, const struct remote_domain_get_info_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct remote_domain_get_info_ret ret;
	struct ipc_chan *vm;
	int rc;

	if (!g)
		return -ENOENT;
	vm = guest_active(g) && !g->run->plan ? vmlink_chan(g, NULL) : NULL;
	if (vm)
		return vm_call_status(vm, NULL, 0, got_info, call);
	rc = info_base(g, call, &ret);
	return rc ? rc : remote_reply_domain_get_info(call, &ret);
}

int remote_on_domain_is_active(struct ipc_call *call, const struct remote_domain_is_active_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct remote_domain_is_active_ret ret = { g && guest_active(g) };

	return g ? remote_reply_domain_is_active(call, &ret) : -ENOENT;
}

int remote_on_domain_is_persistent(struct ipc_call *call,
				   const struct remote_domain_is_persistent_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct remote_domain_is_persistent_ret ret = { g && g->persistent };

	return g ? remote_reply_domain_is_persistent(call, &ret) : -ENOENT;
}

int remote_on_domain_is_updated(struct ipc_call *call,
				const struct remote_domain_is_updated_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct remote_domain_is_updated_ret ret = { 0 };

	return g ? remote_reply_domain_is_updated(call, &ret) : -ENOENT;
}

int remote_on_domain_get_autostart(struct ipc_call *call,
				   const struct remote_domain_get_autostart_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct remote_domain_get_autostart_ret ret = { g && g->autostart };

	return g ? remote_reply_domain_get_autostart(call, &ret) : -ENOENT;
}

int remote_on_domain_set_autostart(struct ipc_call *call,
				   const struct remote_domain_set_autostart_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct guest to;
	int rc;

	if (!g)
		return -ENOENT;
	if (!g->persistent)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: cannot set autostart for transient "
			       "domain");
	to = *g;
	to.autostart = args->autostart != 0;
	rc = guest_change(g, &to, NULL, &call->err);
	return rc ? rc : ipc_reply(call, NULL, NULL, 0);
}

/* The model behind a read-only question. */
static int model_of(struct ipc_call *call, const struct remote_nonnull_domain *dom, bool inactive,
		    struct domain *ret)
{
	struct guest *g = client_guest(call, dom);

	return g ? guest_view(g, inactive, call->arena, ret, &call->err) : -ENOENT;
}

int remote_on_domain_get_os_type(struct ipc_call *call,
				 const struct remote_domain_get_os_type_args *args)
{
	struct remote_domain_get_os_type_ret ret;
	struct domain d;
	int rc = model_of(call, &args->dom, false, &d);

	if (rc)
		return rc;
	ret.type = d.os.os_type ? d.os.os_type : (char *)(uintptr_t)"hvm";
	return remote_reply_domain_get_os_type(call, &ret);
}

int remote_on_domain_get_max_memory(struct ipc_call *call,
				    const struct remote_domain_get_max_memory_args *args)
{
	struct remote_domain_get_max_memory_ret ret;
	struct domain d;
	int rc = model_of(call, &args->dom, false, &d);

	ret.memory = rc ? 0 : d.memory_kib;
	return rc ? rc : remote_reply_domain_get_max_memory(call, &ret);
}

int remote_on_domain_get_max_vcpus(struct ipc_call *call,
				   const struct remote_domain_get_max_vcpus_args *args)
{
	struct remote_domain_get_max_vcpus_ret ret;
	struct domain d;
	int rc = model_of(call, &args->dom, false, &d);

	ret.num = rc ? 0 : (int)d.vcpus;
	return rc ? rc : remote_reply_domain_get_max_vcpus(call, &ret);
}

int remote_on_domain_get_vcpus_flags(struct ipc_call *call,
				     const struct remote_domain_get_vcpus_flags_args *args)
{
	struct remote_domain_get_vcpus_flags_ret ret;
	struct domain d;
	int rc = args_flags(call, args->flags, AFFECT_LIVE | AFFECT_CONFIG | 4);

	if (!rc)
		rc = model_of(call, &args->dom, args->flags & AFFECT_CONFIG, &d);
	if (rc)
		return rc;
	if (args->flags & AFFECT_LIVE && !client_running(call, &args->dom))
		return -EINVAL;
	ret.num = (int)(args->flags & 4 || !d.vcpus_current ? d.vcpus : d.vcpus_current);
	return remote_reply_domain_get_vcpus_flags(call, &ret);
}

int remote_on_domain_has_managed_save_image(
	struct ipc_call *call, const struct remote_domain_has_managed_save_image_args *args)
{
	struct remote_domain_has_managed_save_image_ret ret = { 0 };
	int rc = client_guest(call, &args->dom) ? args_flags(call, args->flags, 0) : -ENOENT;

	return rc ? rc : remote_reply_domain_has_managed_save_image(call, &ret);
}

int remote_on_domain_get_messages(struct ipc_call *call,
				  const struct remote_domain_get_messages_args *args)
{
	struct remote_domain_get_messages_ret ret = { 0 };

	return client_guest(call, &args->dom) ? remote_reply_domain_get_messages(call, &ret) : -ENOENT;
}

/* ---- snapshots and checkpoints: there are none ---- */

int remote_on_domain_snapshot_num(struct ipc_call *call,
				  const struct remote_domain_snapshot_num_args *args)
{
	struct remote_domain_snapshot_num_ret ret = { 0 };

	return client_guest(call, &args->dom) ? remote_reply_domain_snapshot_num(call, &ret) : -ENOENT;
}

int remote_on_domain_list_all_snapshots(struct ipc_call *call,
					const struct remote_domain_list_all_snapshots_args *args)
{
	struct remote_domain_list_all_snapshots_ret ret = { 0 };

	return client_guest(call, &args->dom) ?
	       remote_reply_domain_list_all_snapshots(call, &ret) : -ENOENT;
}

int remote_on_domain_has_current_snapshot(struct ipc_call *call,
					  const struct remote_domain_has_current_snapshot_args *args)
{
	struct remote_domain_has_current_snapshot_ret ret = { 0 };

	return client_guest(call, &args->dom) ?
	       remote_reply_domain_has_current_snapshot(call, &ret) : -ENOENT;
}

int remote_on_domain_list_all_checkpoints(struct ipc_call *call,
					  const struct remote_domain_list_all_checkpoints_args *args)
{
	struct remote_domain_list_all_checkpoints_ret ret = { 0 };

	return client_guest(call, &args->dom) ?
	       remote_reply_domain_list_all_checkpoints(call, &ret) : -ENOENT;
}

int remote_on_connect_get_max_vcpus(struct ipc_call *call,
				    const struct remote_connect_get_max_vcpus_args *args)
{
	struct remote_connect_get_max_vcpus_ret ret = { DOM_VCPUS_MAX };

	(void)args;
	return remote_reply_connect_get_max_vcpus(call, &ret);
}
