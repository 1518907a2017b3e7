/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What viewers and hostile guests may say in a handshake: pieces of one side and the other. */
#include <stdint.h>

#include "edge/rfb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A byte says who speaks (its lowest bit) and how much follows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rfb r = { 0 };
	unsigned times = 0;

	for (size_t at = 0; at < size;) {
		size_t n = data[at] >> 1, left = size - at - 1;
		bool viewer = data[at++] & 1;

		n = n < left ? n : left;
		if (viewer)
			rfb_from_viewer(&r, data + at, n);
		else
			times += rfb_from_guest(&r, data + at, n);
		at += n;
	}
	if (times > 1 || (times && !rfb_over(&r)))
		__builtin_trap();
	return 0;
}
