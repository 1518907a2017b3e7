/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hostile QEMU may say: the parser, in pieces, and everything that reads members of what it found. */
#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "vm/qmp_cmd.h"
#include "vm/qmp_parse.h"
#include "vm/stats_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *ctx, struct json_object *msg, const char *text, size_t len)
{
	static struct dom_disk disks[2] = {
		{ .info.alias = (char *)(uintptr_t)"sata0-0-0", .target = (char *)(uintptr_t)"sda" },
		{ .info.alias = (char *)(uintptr_t)"virtio-disk0", .target = (char *)(uintptr_t)"vda" },
	};
	static const struct domain d = { .n_disks = 2, .disks = disks };
	struct vm_memory_stat memory[STATS_MEMORY_MAX];
	struct vm_block_stats stats[2] = { { .alias = disks[0].info.alias },
					   { .alias = disks[1].info.alias } };
	struct json_object *ret = NULL;
	uint32_t n = 0;

	(void)ctx;
	if (memchr(text, '\n', len))
		__builtin_trap();
	(void)qmp_str(msg, "event");
	(void)qmp_bool(qmp_obj(msg, "data"), "guest");
	(void)json_object_object_get_ex(msg, "return", &ret);
	(void)qmp_str(ret, "status");
	stats_parse_memory(ret, memory, &n);
	stats_parse_blockstats(&d, ret, stats);
	stats_parse_nodes(&d, ret, stats);
	stats_parse_node_stats(&d, ret, stats);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	struct qmp_parser p;
	size_t step, at = 1;
	int rc = 0;

	if (size < 1 || qmp_parser_init(&p))
		return 0;
	step = data[0] ? data[0] : size;
	for (; at < size && !rc; at += step)
		rc = qmp_parser_feed(&p, data + at, size - at < step ? size - at : step, look, NULL,
				     &err);
	qmp_parser_free(&p);
	return 0;
}
