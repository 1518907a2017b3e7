/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's answers about memory and disks as rows of proto/vm.x. Pure. */
#ifndef CORDON_VM_STATS_PARSE_H
#define CORDON_VM_STATS_PARSE_H

#include "base/arena.h"
#include "proto/vm.x.h"

struct json_object;

#define STATS_MEMORY_MAX 32u

/* virDomainMemoryStatTags, as far as they are told apart here */
enum { MEMORY_STAT_ACTUAL = 6, MEMORY_STAT_RSS = 7, MEMORY_STAT_LAST_UPDATE = 9 };

/* Append what the balloon's "guest-stats" property says to out[0..*n). */
void stats_parse_memory(struct json_object *ret, struct vm_memory_stat out[STATS_MEMORY_MAX],
			uint32_t *n);

/*
 * A row for each disk of the model, without numbers yet. NULL without memory.
 */
struct vm_block_stats *stats_disks(const struct domain *d, struct arena *a, uint32_t *ret_n);

/* Fill in counters from query-blockstats. */
void stats_parse_blockstats(const struct domain *d, struct json_object *ret,
			    struct vm_block_stats *disks);

/* Fill in sizes from query-named-block-nodes. */
void stats_parse_nodes(const struct domain *d, struct json_object *ret, struct vm_block_stats *disks);

/* Fill in the written end of a block device from query-blockstats with query-nodes. */
void stats_parse_node_stats(const struct domain *d, struct json_object *ret,
			    struct vm_block_stats *disks);

#endif
