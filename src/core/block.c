/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of a guest: counters and sizes. */
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/params.h"
#include "core/vmlink.h"
#include "proto/vm.x.h"

#define STATS_BLOCK (1u << 5)     /* VIR_DOMAIN_STATS_BLOCK */

/* The disk that a client means by target ("vda") or path; NULL with call->err. */
static const struct dom_disk *find_disk(struct ipc_call *call, const struct domain *d, const char *name)
{
	for (uint32_t i = 0; i < d->n_disks; i++)
		if (!strcmp(d->disks[i].target, name) ||
		    (d->disks[i].path && !strcmp(d->disks[i].path, name)))
			return &d->disks[i];
	err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "invalid argument: invalid path %.255s not "
		"assigned to domain", name);
	return NULL;
}

static const struct vm_block_stats *stats_of(const struct vm_stats_ret *st, const char *target)
{
	for (uint32_t i = 0; i < st->n_disks; i++)
		if (!strcmp(st->disks[i].target, target))
			return &st->disks[i];
	return NULL;
}

static int ask(struct ipc_call *call, struct guest *g, ipc_reply_fn *done)
{
	struct vm_stats_args want = { .types = STATS_BLOCK };
	struct ipc_chan *vm = vmlink_chan(g, &call->err);

	return vm ? vm_call_stats(vm, &want, NULL, 0, done, call) : -EAGAIN;
}

/* The sum over all disks, for the empty name; or one. False with the call answered. */
static bool pick(struct ipc_call *call, struct ipc_reply *r, const struct remote_nonnull_domain *dom,
		 const char *name, struct vm_block_stats *ret)
{
	struct guest *g = guest_by_uuid(dom->uuid);
	const struct vm_stats_ret *st = r->ret;
	const struct domain *d = g && g->run ? &g->run->rec.live : NULL;
	const struct vm_block_stats *one;
	const struct dom_disk *disk;

	if (r->rc) {
		core_refuse_reply(call, r);
		return false;
	}
	disk = d && name[0] ? find_disk(call, d, name) : NULL;
	if (!d || (name[0] && !disk)) {
		ipc_refuse_text(call, -EINVAL, ERR_INVALID_ARG,
				"invalid argument: invalid path: %.255s", name);
		return false;
	}
	one = disk ? stats_of(st, disk->target) : NULL;
	/* counters at 0 would be taken for a guest that was started anew */
	if (vmlink_refuse_partial(call, dom, st))
		return false;
	if (disk ? !one : st->n_disks < d->n_disks) {
		vmlink_refuse_stuck(call, dom);
		return false;
	}
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; !name[0] && i < st->n_disks; i++) {
		ret->rd_req += st->disks[i].rd_req;
		ret->rd_bytes += st->disks[i].rd_bytes;
		ret->rd_ns += st->disks[i].rd_ns;
		ret->wr_req += st->disks[i].wr_req;
		ret->wr_bytes += st->disks[i].wr_bytes;
		ret->wr_ns += st->disks[i].wr_ns;
		ret->fl_req += st->disks[i].fl_req;
		ret->fl_ns += st->disks[i].fl_ns;
	}
	if (one)
		*ret = *one;
	return true;
}

static void got_stats(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_block_stats_args *args = call->args;
	struct remote_domain_block_stats_ret ret;
	struct vm_block_stats s;

	if (!pick(call, r, &args->dom, args->path, &s))
		return;
	ret = (struct remote_domain_block_stats_ret){
		.rd_req = (int64_t)s.rd_req, .rd_bytes = (int64_t)s.rd_bytes,
		.wr_req = (int64_t)s.wr_req, .wr_bytes = (int64_t)s.wr_bytes, .errs = -1 };
	remote_reply_domain_block_stats(call, &ret);
}

int remote_on_domain_block_stats(struct ipc_call *call,
				 const struct remote_domain_block_stats_args *args)
{
	struct guest *g = client_running(call, &args->dom);

	return g ? ask(call, g, got_stats) : -EINVAL;
}

#define BLOCK_PARAMS 8   /* how many got_stats_flags() makes */

static void got_stats_flags(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_block_stats_flags_args *args = call->args;
	struct remote_domain_block_stats_flags_ret ret = { 0 };
	struct params p = { .arena = call->arena };
	struct vm_block_stats s;
	int rc;

	if (!pick(call, r, &args->dom, args->path, &s))
		return;
	params_llong(&p, "wr_bytes", 0, (int64_t)s.wr_bytes);
	params_llong(&p, "wr_operations", 0, (int64_t)s.wr_req);
	params_llong(&p, "rd_bytes", 0, (int64_t)s.rd_bytes);
	params_llong(&p, "rd_operations", 0, (int64_t)s.rd_req);
	params_llong(&p, "flush_operations", 0, (int64_t)s.fl_req);
	params_llong(&p, "wr_total_times", 0, (int64_t)s.wr_ns);
	params_llong(&p, "rd_total_times", 0, (int64_t)s.rd_ns);
	params_llong(&p, "flush_total_times", 0, (int64_t)s.fl_ns);
	rc = params_end(&p, &call->err);
	if (rc) {
		ipc_refuse(call, rc, &call->err);
		return;
	}
	ret.params = p.list;
	ret.n_params = (uint32_t)args->nparams < p.n ? (uint32_t)args->nparams : p.n;
	ret.nparams = (int)ret.n_params;
	remote_reply_domain_block_stats_flags(call, &ret);
}

int remote_on_domain_block_stats_flags(struct ipc_call *call,
				       const struct remote_domain_block_stats_flags_args *args)
{
	struct remote_domain_block_stats_flags_ret count = { .nparams = BLOCK_PARAMS };
	struct guest *g = client_running(call, &args->dom);
	int rc = g ? args_flags(call, args->flags, TYPED_PARAM_STRING_OKAY) : -EINVAL;

	if (rc)
		return rc;
	if (args->nparams < 0)
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "nparams must not be negative");
	if (args->path[0] && !find_disk(call, &g->run->rec.live, args->path))
		return -EINVAL;
	if (!args->nparams)
		return remote_reply_domain_block_stats_flags(call, &count);
	return ask(call, g, got_stats_flags);
}

/* ---- sizes ---- */

static void got_info(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_get_block_info_args *args = call->args;
	struct remote_domain_get_block_info_ret ret;
	struct vm_block_stats s;

	if (!pick(call, r, &args->dom, args->path, &s))
		return;
	ret = (struct remote_domain_get_block_info_ret){
		.allocation = s.allocation, .capacity = s.capacity, .physical = s.physical };
	remote_reply_domain_get_block_info(call, &ret);
}

static void got_stat(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct disk_stat_ret *st = r->ret;
	struct remote_domain_get_block_info_ret ret;

	if (r->rc) {
		core_refuse_reply(call, r);
		return;
	}
	ret = (struct remote_domain_get_block_info_ret){
		.allocation = st->allocation, .capacity = st->capacity, .physical = st->physical };
	remote_reply_domain_get_block_info(call, &ret);
}

int remote_on_domain_get_block_info(struct ipc_call *call,
				    const struct remote_domain_get_block_info_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct disk_stat_args stat = { 0 };
	const struct dom_disk *disk;
	struct ipc_chan *room;
	struct domain d;
	int rc;

	if (!g)
		return -ENOENT;
	rc = args_flags(call, args->flags, 0);
	if (!rc)
		rc = guest_view(g, false, call->arena, &d, &call->err);
	disk = rc ? NULL : find_disk(call, &d, args->path);
	if (!disk)
		return -EINVAL;
	if (!disk->path)
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
			       "invalid argument: disk '%s' does not currently have a source assigned",
			       args->path);
	if (guest_active(g))
		return ask(call, g, got_info);
	room = core_peer(&core.disk, &call->err);
	if (!room)
		return -EAGAIN;
	stat.role = g->role;
	stat.path = disk->path;
	stat.format = disk->format;
	stat.block = disk->type == DOM_DISK_SOURCE_TYPE_BLOCK;
	return disk_call_stat(room, &stat, NULL, 0, got_stat, call);
}

int remote_on_domain_get_disk_errors(struct ipc_call *call,
				     const struct remote_domain_get_disk_errors_args *args)
{
	struct remote_domain_get_disk_errors_ret ret = { 0 };
	struct guest *g = client_running(call, &args->dom);
	int rc = g ? args_flags(call, args->flags, 0) : -EINVAL;

	if (rc)
		return rc;
	/* two-phase: the first call asks how many disks there could be */
	ret.nerrors = args->maxerrors ? 0 : (int)g->run->rec.live.n_disks;
	return remote_reply_domain_get_disk_errors(call, &ret);
}
