/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The label journal, as an attacker with its folder or a failing disk would
 * leave it. The checksum would keep the fuzzer out, so the input is a list of
 * records without frames: a byte of length, then so many bytes. Whatever is
 * read must be writable again, and the same when it is read back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/crc.h"
#include "disk/disk.h"
#include "disk/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct disk_room disk_room;      /* main.c is not linked */

#define FRAME 20

/* As journal.c frames what it wrote. */
static void frame(struct buf *out, const uint8_t *body, size_t n)
{
	uint8_t head[FRAME];

	be_put32(head, 0x4352444cu);
	be_put64(head + 4, 1);
	be_put32(head + 12, (uint32_t)n);
	be_put32(head + 16, crc32c(body, n) ^ crc32c(head, 16));
	buf_put(out, head, FRAME);
	buf_put(out, body, n);
}

static unsigned count(const struct journal *j)
{
	unsigned n = 0;

	for (struct entry *e = journal_next(j, NULL); e; e = journal_next(j, e))
		n++;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct journal j, again;
	CLEAN_BUF struct buf in, out;
	size_t end, bare = size;

	buf_init(&in, 1u << 22);
	buf_init(&out, 1u << 24);
	journal_replay(&j, data, bare, &end);       /* frames and all */
	journal_clear(&j);
	journal_put_head(&in, 1);
	while (size > 1) {
		size_t n = (size_t)data[0] * 2;

		data++;
		size--;
		n = n < size ? n : size;
		frame(&in, data, n);
		data += n;
		size -= n;
	}
	if (!in.error && journal_replay(&j, in.data, in.len, &end) == 0) {
		journal_put_head(&out, 2);
		journal_put_all(&out, 2, &j);
		if (out.error || journal_replay(&again, out.data, out.len, &end) < 0 || end != out.len ||
		    count(&again) != count(&j))
			abort();
	}
	journal_clear(&j);
	journal_clear(&again);
	return 0;
}
