/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domstats: all guests asked at once, answered when the last one answered or ran out of time. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/list.h"
#include "core/may.h"
#include "core/params.h"
#include "core/vmlink.h"
#include "proto/vm.x.h"

/* virDomainStatsTypes and virConnectGetAllDomainStatsFlags */
#define STATS_STATE (1u << 0)
#define STATS_CPU (1u << 1)
#define STATS_BALLOON (1u << 2)
#define STATS_VCPU (1u << 3)
#define STATS_INTERFACE (1u << 4)
#define STATS_BLOCK (1u << 5)
#define STATS_PERF (1u << 6)
#define STATS_SUPPORTED 0x3fu
#define STATS_KNOWN 0x7ffu
#define TRIM_ABOVE (1u << 20)        /* bytes of an answer whose memory goes back to the kernel */
#define FILTER_ALL 0xffu             /* list_matches() */
#define FLAG_NOWAIT (1u << 29)
#define FLAG_BACKING (1u << 30)
#define FLAG_ENFORCE (1u << 31)

/* One request for many guests. */
struct survey {
	struct ipc_call *call;
	struct remote_domain_stats_record *records;
	unsigned *again;       /* where else the guest of this place is named; 0: nowhere */
	unsigned n;
	unsigned outstanding;
	uint32_t types;
	int rc;                /* why there will be no answer, in call->err */
};
struct question {
	struct survey *survey;
	unsigned at;
	uint8_t uuid[16];
};

/* virDomainMemoryStatTags in domstats' words */
static const char *const memory_names[] = {
	"balloon.swap_in", "balloon.swap_out", "balloon.major_fault", "balloon.minor_fault",
	"balloon.unused", "balloon.available", "balloon.current", "balloon.rss", "balloon.usable",
	"balloon.last-update", "balloon.disk_caches", "balloon.hugetlb_pgalloc",
	"balloon.hugetlb_pgfail",
};

static void put_state(struct params *p, const struct guest *g)
{
	int reason, state = guest_state(g, &reason);

	params_int(p, "state.state", 0, state);
	params_int(p, "state.reason", 0, reason);
}

static void put_cpu(struct params *p, const struct vm_stats_ret *st)
{
	params_ullong(p, "cpu.time", 0, st->status.cpu_time_ns);
	params_ullong(p, "cpu.user", 0, st->cpu_user_ns);
	params_ullong(p, "cpu.system", 0, st->cpu_system_ns);
}

static void put_balloon(struct params *p, const struct domain *d, const struct vm_stats_ret *st)
{
	params_ullong(p, "balloon.current", 0,
		      st && st->status.balloon_kib ? st->status.balloon_kib : d->current_memory_kib);
	params_ullong(p, "balloon.maximum", 0, d->memory_kib);
	for (uint32_t i = 0; st && i < st->n_memory; i++) {
		int tag = st->memory[i].tag;

		if (tag == 6 || tag < 0 || tag >= (int)(sizeof(memory_names) / sizeof(memory_names[0])))
			continue;
		params_ullong(p, memory_names[tag], 0, st->memory[i].value);
	}
}

static void put_vcpus(struct params *p, const struct domain *d, const struct vm_stats_ret *st)
{
	params_uint(p, "vcpu.current", 0, d->vcpus_current ? d->vcpus_current : d->vcpus);
	params_uint(p, "vcpu.maximum", 0, d->vcpus);
	for (uint32_t i = 0; st && i < st->n_vcpus; i++) {
		params_int(p, "vcpu.%.state", (int)st->vcpus[i].number, st->vcpus[i].state);
		params_ullong(p, "vcpu.%.time", (int)st->vcpus[i].number, st->vcpus[i].time_ns);
	}
}

static void put_nets(struct params *p, const struct domain *d)
{
	params_uint(p, "net.count", 0, d->n_nets);
}

static void put_disks(struct params *p, const struct domain *d, const struct vm_stats_ret *st)
{
	params_uint(p, "block.count", 0, d->n_disks);
	for (uint32_t i = 0; i < d->n_disks; i++) {
		params_string(p, "block.%.name", (int)i, d->disks[i].target);
		if (d->disks[i].path)
			params_string(p, "block.%.path", (int)i, d->disks[i].path);
		/* counters at 0 would be taken for a guest that was started anew */
		for (uint32_t k = 0; st && !st->stuck && k < st->n_disks; k++) {
			const struct vm_block_stats *b = &st->disks[k];

			if (strcmp(b->target, d->disks[i].target))
				continue;
			params_ullong(p, "block.%.rd.reqs", (int)i, b->rd_req);
			params_ullong(p, "block.%.rd.bytes", (int)i, b->rd_bytes);
			params_ullong(p, "block.%.rd.times", (int)i, b->rd_ns);
			params_ullong(p, "block.%.wr.reqs", (int)i, b->wr_req);
			params_ullong(p, "block.%.wr.bytes", (int)i, b->wr_bytes);
			params_ullong(p, "block.%.wr.times", (int)i, b->wr_ns);
			params_ullong(p, "block.%.fl.reqs", (int)i, b->fl_req);
			params_ullong(p, "block.%.fl.times", (int)i, b->fl_ns);
			params_ullong(p, "block.%.allocation", (int)i, b->allocation);
			params_ullong(p, "block.%.capacity", (int)i, b->capacity);
			params_ullong(p, "block.%.physical", (int)i, b->physical);
		}
	}
}

static int put_record(struct survey *s, unsigned at, const struct guest *g,
		      const struct vm_stats_ret *st)
{
	/* of one guest at a time: only the figures are kept until the answer */
	CLEAN_ARENA struct arena *scratch = g->run ? NULL : arena_new(GUEST_MODEL_MAX);
	struct remote_domain_stats_record *rec = &s->records[at];
	struct params p = { .arena = s->call->arena };
	struct domain d;
	char *name = arena_strdup(p.arena, g->name);
	int rc = name && (scratch || g->run) ? 0 : -ENOMEM;

	if (!rc)
		rc = guest_view(g, false, scratch, &d, &s->call->err);
	if (rc)
		return rc;
	if (s->types & STATS_STATE)
		put_state(&p, g);
	if (s->types & STATS_CPU && st)
		put_cpu(&p, st);
	if (s->types & STATS_BALLOON)
		put_balloon(&p, &d, st);
	if (s->types & STATS_VCPU)
		put_vcpus(&p, &d, st);
	if (s->types & STATS_INTERFACE && st)
		put_nets(&p, &d);
	if (s->types & STATS_BLOCK)
		put_disks(&p, &d, st);
	rec->dom = guest_wire(g);
	/* the guest may be gone before the last answer */
	rec->dom.name = name;
	rec->params = p.list;
	rec->n_params = p.n;
	return params_end(&p, NULL);
}

/* One that lacks something makes no answer of all that is there. */
static void add_record(struct survey *s, unsigned at, const struct guest *g,
		       const struct vm_stats_ret *st)
{
	do {
		if (!s->rc)
			s->rc = put_record(s, at, g, st);
		at = s->again[at];
	} while (at);
	if (s->rc == -ENOMEM)
		err_set(&s->call->err, s->rc, ERR_NO_MEMORY, "the figures of %u domains take more memory "
			"than one answer may (%u MiB); ask for fewer at a time", s->n,
			IPC_WORK_MAX >> 20);
}

static void finish(struct survey *s)
{
	struct remote_connect_get_all_domain_stats_ret ret = { .retStats = s->records };
	size_t used = arena_used(s->call->arena);

	/* guests that went away meanwhile have no record */
	for (unsigned i = 0; i < s->n; i++)
		if (s->records[i].dom.name)
			s->records[ret.n_retStats++] = s->records[i];
	if (s->rc)
		ipc_refuse(s->call, s->rc, &s->call->err);
	else
		remote_reply_connect_get_all_domain_stats(s->call, &ret);
	free(s);
	if (used > TRIM_ABOVE)
		malloc_trim(0);
}

static void answered(void *ctx, struct ipc_reply *r)
{
	struct question *q = ctx;
	struct survey *s = q->survey;
	struct guest *g = guest_by_uuid(q->uuid);

	if (g)
		add_record(s, q->at, g, r->rc ? NULL : r->ret);
	free(q);
	if (--s->outstanding == 0)
		finish(s);
}

static void ask(struct survey *s, unsigned at, const struct guest *g, bool nowait)
{
	struct vm_stats_args want = { .types = s->types, .nowait = nowait };
	struct question *q = g->run && g->run->link && !g->run->plan ? malloc(sizeof(*q)) : NULL;

	if (q) {
		*q = (struct question){ .survey = s, .at = at };
		memcpy(q->uuid, g->uuid, 16);
		if (!vm_call_stats(&g->run->link->ch, &want, NULL, 0, answered, q)) {
			s->outstanding++;
			return;
		}
		free(q);
	}
	add_record(s, at, g, NULL);
}

/* Each guest once, however often it is named: its monitor is there for others, too. */
static void ask_all(struct survey *s, struct guest **list, bool nowait)
{
	for (unsigned i = 0; i < s->n; i++) {
		unsigned first = list[i]->row;

		/* a row of some earlier list's says nothing here */
		if (first < i && list[first] == list[i]) {
			s->again[i] = s->again[first];
			s->again[first] = i;
			list[i] = NULL;
		} else {
			list[i]->row = i;
		}
	}
	for (unsigned i = 0; i < s->n; i++)
		if (list[i])
			ask(s, i, list[i], nowait);
}

static bool wanted(struct ipc_call *call, const struct guest *g, uint32_t flags)
{
	return may_see(client_of(call), call->row->filter, g) && list_matches(g, flags & FILTER_ALL);
}

static struct guest **choose(struct ipc_call *call,
			     const struct remote_connect_get_all_domain_stats_args *args, unsigned *ret_n)
{
	unsigned cap = args->n_doms ? args->n_doms : guest_count(), n = 0;
	struct guest **list = arena_calloc(call->arena, cap + 1, sizeof(*list));

	*ret_n = 0;
	if (args->n_doms > core.conf.max_guests) {
		err_set(&call->err, -E2BIG, ERR_INVALID_ARG, "figures of %u domains are asked for, but there "
			"may be no more than %u (max_guests)", args->n_doms, core.conf.max_guests);
		return NULL;
	}
	if (!list) {
		err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
		return NULL;
	}
	/* as libvirtd has it: those named that are gone, or are others than asked for, are left out */
	for (uint32_t i = 0; i < args->n_doms; i++) {
		struct guest *g = guest_by_uuid(args->doms[i].uuid);

		if (g && wanted(call, g, args->flags))
			list[n++] = g;
	}
	for (struct guest *g = args->n_doms ? NULL : guest_next(NULL); g; g = guest_next(g))
		if (wanted(call, g, args->flags))
			list[n++] = g;
	*ret_n = n;
	return list;
}

int remote_on_connect_get_all_domain_stats(
	struct ipc_call *call, const struct remote_connect_get_all_domain_stats_args *args)
{
	uint32_t types = args->stats ? args->stats : STATS_KNOWN;
	struct guest **list;
	struct survey *s;
	unsigned n;
	int rc = args_flags(call, args->flags, FILTER_ALL | FLAG_NOWAIT | FLAG_BACKING | FLAG_ENFORCE);

	if (rc)
		return rc;
	if (args->flags & FLAG_ENFORCE && types & ~STATS_SUPPORTED)
		return err_set(&call->err, -ENOTSUP, ERR_ARGUMENT_UNSUPPORTED,
			       "Stats types bits 0x%x are not supported by this daemon",
			       types & ~STATS_SUPPORTED);
	list = choose(call, args, &n);
	s = list ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return list ? -ENOMEM : -ENOENT;
	s->call = call;
	s->n = n;
	s->types = types;
	s->records = arena_calloc(call->arena, n + 1, sizeof(*s->records));
	s->again = arena_calloc(call->arena, n + 1, sizeof(*s->again));
	if (!s->records || !s->again) {
		free(s);
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	s->outstanding = 1;   /* this loop: answers must not finish the survey meanwhile */
	ask_all(s, list, args->flags & FLAG_NOWAIT);
	if (--s->outstanding == 0)
		finish(s);
	return 0;
}
