/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond.conf: any bytes give a configuration that encodes, or an error with text. */
#include <stdint.h>
#include <stdlib.h>

#include "conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(16u << 20);
	const struct conf_load l = {
		.file = "f", .text = (const char *)data, .len = size,
		.instance = size & 1 ? "/i" : "",
		.passwd = "root:x:0:0::/:/x\nann:x:7:7::/:/x\n", .group = "root:x:0:\nops:x:8:\n",
		.arena = arena,
	};
	struct err err = { 0 };
	struct config cfg;

	if (!arena)
		abort();
	if (conf_load(&l, &cfg, &err) == 0) {
		CLEAN_BUF struct buf b;

		buf_init(&b, 4u << 20);
		if (xdr_encode(&config_xdr, &cfg, &b))
			abort();
	} else if (!err.text[0]) {
		abort();
	}
	arena_free(arena);
	return 0;
}
