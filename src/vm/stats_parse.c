/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/stats_parse.h"

#include <string.h>

#include "hv/qemu/plan.h"
#include "vm/qmp_cmd.h"

#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))
#define UNKNOWN UINT64_MAX     /* what the guest's driver does not tell */
#define PERIPHERAL "/machine/peripheral/"

static const struct {
	const char *key;
	int tag;
	unsigned shift;       /* bytes to KiB, or counts */
} memory_keys[] = {
	{ "stat-swap-in", 0, 10 },
	{ "stat-swap-out", 1, 10 },
	{ "stat-major-faults", 2, 0 },
	{ "stat-minor-faults", 3, 0 },
	{ "stat-free-memory", 4, 10 },
	{ "stat-total-memory", 5, 10 },
	{ "stat-available-memory", 8, 10 },
	{ "stat-disk-caches", 10, 10 },
	{ "stat-htlb-pgalloc", 11, 0 },
	{ "stat-htlb-pgfail", 12, 0 },
};

static void put(struct vm_memory_stat out[STATS_MEMORY_MAX], uint32_t *n, int tag, uint64_t value)
{
	if (*n < STATS_MEMORY_MAX)
		out[(*n)++] = (struct vm_memory_stat){ .tag = tag, .value = value };
}

void stats_parse_memory(struct json_object *ret, struct vm_memory_stat out[STATS_MEMORY_MAX],
			uint32_t *n)
{
	struct json_object *stats = qmp_obj(ret, "stats");

	for (size_t i = 0; i < ARRAY_LEN(memory_keys); i++) {
		uint64_t v = qmp_uint(stats, memory_keys[i].key, UNKNOWN);

		if (v != UNKNOWN)
			put(out, n, memory_keys[i].tag, v >> memory_keys[i].shift);
	}
	put(out, n, MEMORY_STAT_LAST_UPDATE, qmp_uint(ret, "last-update", 0));
}

struct vm_block_stats *stats_disks(const struct domain *d, struct arena *a, uint32_t *ret_n)
{
	struct vm_block_stats *s = arena_calloc(a, d->n_disks + 1, sizeof(*s));

	for (uint32_t i = 0; s && i < d->n_disks; i++) {
		s[i].alias = d->disks[i].info.alias ? d->disks[i].info.alias : (char *)(uintptr_t)"";
		s[i].target = d->disks[i].target;
		s[i].path = d->disks[i].path;
	}
	*ret_n = s ? d->n_disks : 0;
	return s;
}

/* "sata0-0-0", or for a device inside it "/machine/peripheral/virtio-disk0/virtio-backend". */
static bool is_of(const char *qdev, const char *alias)
{
	size_t n = strlen(alias);

	if (strncmp(qdev, PERIPHERAL, strlen(PERIPHERAL)) == 0)
		qdev += strlen(PERIPHERAL);
	return n && strncmp(qdev, alias, n) == 0 && (qdev[n] == '\0' || qdev[n] == '/');
}

static void take_counters(struct vm_block_stats *s, struct json_object *stats)
{
	s->rd_req = qmp_uint(stats, "rd_operations", 0);
	s->rd_bytes = qmp_uint(stats, "rd_bytes", 0);
	s->rd_ns = qmp_uint(stats, "rd_total_time_ns", 0);
	s->wr_req = qmp_uint(stats, "wr_operations", 0);
	s->wr_bytes = qmp_uint(stats, "wr_bytes", 0);
	s->wr_ns = qmp_uint(stats, "wr_total_time_ns", 0);
	s->fl_req = qmp_uint(stats, "flush_operations", 0);
	s->fl_ns = qmp_uint(stats, "flush_total_time_ns", 0);
	s->errors = (uint32_t)(qmp_uint(stats, "failed_rd_operations", 0) +
			       qmp_uint(stats, "failed_wr_operations", 0) +
			       qmp_uint(stats, "failed_flush_operations", 0));
}

void stats_parse_blockstats(const struct domain *d, struct json_object *ret,
			    struct vm_block_stats *disks)
{
	for (size_t k = 0; k < qmp_len(ret); k++) {
		struct json_object *one = qmp_at(ret, k);
		const char *qdev = qmp_str(one, "qdev");

		for (uint32_t i = 0; qdev && i < d->n_disks; i++)
			if (is_of(qdev, disks[i].alias))
				take_counters(&disks[i], qmp_obj(one, "stats"));
	}
}

/* Which disk's top node is "libvirt-N-format" or "-storage"? */
static int disk_of(const struct domain *d, const char *node, const char *layer)
{
	for (uint32_t i = 0; node && i < d->n_disks; i++) {
		char name[64];

		snprintf(name, sizeof(name), "libvirt-%u-%s", plan_node_index(d, i, 0), layer);
		if (strcmp(name, node) == 0)
			return (int)i;
	}
	return -1;
}

void stats_parse_nodes(const struct domain *d, struct json_object *ret, struct vm_block_stats *disks)
{
	for (size_t k = 0; k < qmp_len(ret); k++) {
		struct json_object *one = qmp_at(ret, k);
		struct json_object *image = qmp_obj(one, "image");
		const char *node = qmp_str(one, "node-name");
		int i = disk_of(d, node, "format");

		if (i >= 0)
			disks[i].capacity = qmp_uint(image, "virtual-size", 0);
		i = disk_of(d, node, "storage");
		if (i < 0)
			continue;
		disks[i].physical = qmp_uint(image, "virtual-size", 0);
		if (!disks[i].allocation)
			disks[i].allocation = qmp_uint(image, "actual-size", 0);
		if (!disks[i].capacity && !d->disks[i].n_backing)
			disks[i].capacity = disks[i].physical;
	}
}

void stats_parse_node_stats(const struct domain *d, struct json_object *ret,
			    struct vm_block_stats *disks)
{
	for (size_t k = 0; k < qmp_len(ret); k++) {
		struct json_object *one = qmp_at(ret, k);
		int i = disk_of(d, qmp_str(one, "node-name"), "storage");
		uint64_t end = qmp_uint(qmp_obj(one, "stats"), "wr_highest_offset", 0);

		/* a file tells what it takes by itself */
		if (i >= 0 && d->disks[i].type == DOM_DISK_SOURCE_TYPE_BLOCK && end)
			disks[i].allocation = end;
	}
}
