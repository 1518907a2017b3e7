/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row STATS: all questions to QEMU in one batch, put together when the last one is answered. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "ipc/call.h"
#include "vm/proc.h"
#include "vm/qmp_cmd.h"
#include "vm/stats_parse.h"
#include "vm/vm.h"

/* virDomainStatsTypes */
#define WANT_BALLOON 4u
#define WANT_VCPU 8u
#define WANT_BLOCK 32u
#define VCPU_RUNNING 1

struct gather {
	struct ipc_call *call;
	unsigned left;              /* answers outstanding */
	bool sending;               /* not all asked yet */
	bool failed;                /* no memory for all that was asked for */
	struct vm_stats_ret ret;
	struct vm_memory_stat memory[STATS_MEMORY_MAX];
};

static void finish(struct gather *g)
{
	struct proc_times times = { 0 };

	if (g->left || g->sending)
		return;
	status_fill(&g->ret.status, g->call->arena);
	if (vm.facts.phase == VM_PHASE_RUNNING && !proc_read_times(&times) &&
	    g->ret.memory && g->ret.n_memory < STATS_MEMORY_MAX)
		g->memory[g->ret.n_memory++] = (struct vm_memory_stat){
			.tag = MEMORY_STAT_RSS, .value = times.rss_kib };
	g->ret.cpu_user_ns = times.user_ns;
	g->ret.cpu_system_ns = times.system_ns;
	g->ret.stuck = g->ret.status.stuck || g->ret.stuck;
	if (g->ret.busy)
		g->ret.n_disks = 0;   /* as in disks_answered() */
	if (g->failed)
		ipc_refuse_text(g->call, -ENOMEM, ERR_NO_MEMORY, "guest '%s': statistics: out of memory",
				vm.name);
	else
		vm_reply_stats(g->call, &g->ret);
	free(g);
}

static void answered(struct gather *g, const struct err *err)
{
	if (err && err->code == ERR_OPERATION_TIMEOUT)
		g->ret.stuck = true;
	g->left--;
	finish(g);
}

static void got_balloon(void *ctx, struct json_object *ret, const struct err *err)
{
	struct gather *g = ctx;
	uint64_t kib = err ? 0 : qmp_uint(ret, "actual", 0) / 1024;

	if (kib && g->ret.n_memory < STATS_MEMORY_MAX) {
		vm.facts.balloon_kib = kib;
		g->memory[g->ret.n_memory++] = (struct vm_memory_stat){
			.tag = MEMORY_STAT_ACTUAL, .value = kib };
	}
	answered(g, err);
}

static void got_memory(void *ctx, struct json_object *ret, const struct err *err)
{
	struct gather *g = ctx;

	if (!err)
		stats_parse_memory(ret, g->memory, &g->ret.n_memory);
	answered(g, err);
}

/* No figures are better than some that are 0 because a question failed. */
static void disks_answered(struct gather *g, const struct err *err)
{
	if (err)
		g->ret.n_disks = 0;
	answered(g, err);
}

static void got_blockstats(void *ctx, struct json_object *ret, const struct err *err)
{
	struct gather *g = ctx;

	if (!err)
		stats_parse_blockstats(&vm.cfg->model, ret, g->ret.disks);
	disks_answered(g, err);
}

static void got_node_stats(void *ctx, struct json_object *ret, const struct err *err)
{
	struct gather *g = ctx;

	if (!err)
		stats_parse_node_stats(&vm.cfg->model, ret, g->ret.disks);
	disks_answered(g, err);
}

static void got_nodes(void *ctx, struct json_object *ret, const struct err *err)
{
	struct gather *g = ctx;

	if (!err)
		stats_parse_nodes(&vm.cfg->model, ret, g->ret.disks);
	disks_answered(g, err);
}

/* ---- virtual processors ---- */

static void learn_threads(struct json_object *cpus)
{
	size_t n = qmp_len(cpus) < DOM_VCPUS_MAX ? qmp_len(cpus) : DOM_VCPUS_MAX;
	int *tids = calloc(n + 1, sizeof(*tids));

	for (size_t i = 0; tids && i < n; i++) {
		int64_t number = qmp_int(qmp_at(cpus, i), "cpu-index", -1);

		if (number >= 0 && (size_t)number < n)
			tids[number] = (int)qmp_int(qmp_at(cpus, i), "thread-id", 0);
	}
	if (!tids || proc_map_threads(tids, n)) {
		free(tids);
		return;
	}
	free(vm.tids);
	vm.tids = tids;
	vm.n_tids = (unsigned)n;
}

static void fill_vcpus(struct gather *g)
{
	struct vm_vcpu *v = arena_calloc(g->call->arena, vm.n_tids + 1, sizeof(*v));

	for (unsigned i = 0; v && i < vm.n_tids; i++) {
		struct proc_times t = { 0 };

		v[i].number = i;
		v[i].state = VCPU_RUNNING;
		/* a thread that is gone was unplugged: ask QEMU again the next time */
		if (vm.tids[i] && proc_read_thread(vm.tids[i], &t)) {
			free(vm.tids);
			vm.tids = NULL;
			vm.n_tids = 0;
			return;
		}
		v[i].time_ns = t.user_ns + t.system_ns;
	}
	g->failed = g->failed || !v;
	g->ret.vcpus = v;
	g->ret.n_vcpus = v ? vm.n_tids : 0;
}

static void got_cpus(void *ctx, struct json_object *ret, const struct err *err)
{
	struct gather *g = ctx;

	if (!err)
		learn_threads(ret);
	fill_vcpus(g);
	answered(g, err);
}

/* ---- asking ---- */

static void ask(struct gather *g, const char *name, struct json_object *args, qmp_done_fn *done)
{
	struct err err = { 0 };

	if (qmp_send(&vm.qmp, name, args, -1, done, g, &err) == 0)
		g->left++;
	else if (err.code == ERR_RESOURCE_BUSY)
		g->ret.busy = true;
	else
		g->ret.stuck = true;
}

static void ask_memory(struct gather *g)
{
	const struct dom_balloon *b = vm.cfg->model.balloon;
	char path[320];

	if (!b || !b->info.alias)
		return;
	ask(g, "query-balloon", NULL, got_balloon);
	snprintf(path, sizeof(path), "/machine/peripheral/%s", b->info.alias);
	ask(g, "qom-get", qmp_args("path:s property:s", path, "guest-stats"), got_memory);
}

static void ask_disks(struct gather *g)
{
	const struct domain *d = &vm.cfg->model;

	g->ret.disks = stats_disks(d, g->call->arena, &g->ret.n_disks);
	g->failed = !g->ret.disks;
	if (!g->ret.n_disks)
		return;
	ask(g, "query-blockstats", NULL, got_blockstats);
	ask(g, "query-named-block-nodes", qmp_args("flat:b", 1), got_nodes);
	for (uint32_t i = 0; i < d->n_disks; i++)
		if (d->disks[i].type == DOM_DISK_SOURCE_TYPE_BLOCK) {
			ask(g, "query-blockstats", qmp_args("query-nodes:b", 1), got_node_stats);
			break;
		}
}

int vm_on_stats(struct ipc_call *call, const struct vm_stats_args *args)
{
	struct gather *g;

	if (!vm.cfg)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID, "the guest was not booted");
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_sys(&call->err, -ENOMEM, "guest '%s': statistics", vm.name);
	g->call = call;
	g->ret.memory = g->memory;
	g->sending = true;
	if (vm.facts.phase == VM_PHASE_RUNNING && !(args->nowait && vm.qmp.stuck)) {
		if (args->types & WANT_BALLOON)
			ask_memory(g);
		if (args->types & WANT_BLOCK)
			ask_disks(g);
		if ((args->types & WANT_VCPU) && vm.tids)
			fill_vcpus(g);
		if ((args->types & WANT_VCPU) && !vm.tids)
			ask(g, "query-cpus-fast", NULL, got_cpus);
	}
	g->sending = false;
	finish(g);
	return 0;
}
