/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame round a record. Pure. */
#include <string.h>

#include "base/be.h"
#include "base/crc.h"
#include "core/store.h"

#define MAGIC 0x43524452u    /* "CRDR" */
#define HEAD 20              /* magic, version, kind, length, checksum */

void store_frame(enum store_kind kind, const void *body, size_t len, struct buf *out)
{
	uint8_t head[HEAD];

	be_put32(head, MAGIC);
	be_put32(head + 4, STORE_VERSION);
	be_put32(head + 8, kind);
	be_put32(head + 12, (uint32_t)len);
	be_put32(head + 16, crc32c(body, len));
	buf_put(out, head, HEAD);
	buf_put(out, body, len);
}

const uint8_t *store_unframe(enum store_kind kind, const void *data, size_t len,
			     size_t *ret_len, const char **why)
{
	const uint8_t *p = data;

	if (len < HEAD)
		*why = "cut short";
	else if (be_get32(p) != MAGIC)
		*why = "not a record of Cordon's";
	else if (be_get32(p + 4) != STORE_VERSION)
		*why = "of an unknown version";
	else if (be_get32(p + 8) != (uint32_t)kind)
		*why = "of another kind";
	else if (be_get32(p + 12) != len - HEAD)
		*why = "cut short or too long";
	else if (be_get32(p + 16) != crc32c(p + HEAD, len - HEAD))
		*why = "damaged (checksum)";
	else {
		*ret_len = len - HEAD;
		return p + HEAD;
	}
	return NULL;
}
