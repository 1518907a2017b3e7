/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first cluster of an image that a guest may have written. Seeds by qemu-img. */
#include <stdlib.h>
#include <string.h>

#include "image/qcow2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names go into error texts and are opened: text only, and it ends. */
static void must_be_text(const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);

	if (n == 0 || n > max)
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	struct qcow2 q;
	size_t want;
	int r;

	if (size >= QCOW2_HEAD_MIN && qcow2_wanted(data, &want, &err) == 0 && want > QCOW2_CLUSTER_MAX)
		abort();
	memset(&err, 0, sizeof(err));
	r = qcow2_parse(data, size, &q, &err);
	if (r < 0) {
		if (!err.code || !err.text[0])
			abort();
		return 0;
	}
	if (!qcow2_is(data, size))
		abort();
	if (q.has_backing)
		must_be_text(q.backing, QCOW2_BACKING_MAX);
	if (q.has_format)
		must_be_text(q.format, QCOW2_FORMAT_MAX);
	return 0;
}
