/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layout is that of docs/interop/qcow2.txt in QEMU. All numbers are big-endian. */
#include "image/qcow2.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/be.h"

#define MAGIC 0x514649fbu            /* "QFI\xfb" */
#define V3_HEAD_MIN 104

enum {
	AT_MAGIC = 0, AT_VERSION = 4, AT_BACKING = 8, AT_BACKING_LEN = 16, AT_CLUSTER_BITS = 20,
	AT_SIZE = 24, AT_CRYPT = 32, AT_INCOMPATIBLE = 72, AT_HEADER_LEN = 100,
};

#define EXT_END 0u
#define EXT_FORMAT 0xe2792acau
#define EXT_DATA_FILE 0x44415441u
#define EXT_COUNT_MAX 64

#define BIT_DATA_FILE 2
/* dirty, corrupt, data file, compression type, extended L2 entries */
#define BITS_KNOWN UINT64_C(0x1f)

static int bad(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, ERR_OPERATION_FAILED, "broken qcow2 header: %s", what);
}

bool qcow2_is(const uint8_t *data, size_t len)
{
	return len >= 4 && be_get32(data + AT_MAGIC) == MAGIC;
}

int qcow2_wanted(const uint8_t *data, size_t *ret_len, struct err *err)
{
	uint32_t bits = be_get32(data + AT_CLUSTER_BITS);

	if (bits < 9 || bits > 21)
		return bad(err, "the size of a cluster is out of range");
	*ret_len = (size_t)1 << bits;
	return 0;
}

/* A name is text: no NUL, no control character. */
static int take_text(char *out, const uint8_t *p, size_t n, const char *what, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return bad(err, what);
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

static int one_extension(uint32_t type, const uint8_t *p, size_t n, struct qcow2 *q,
			 struct err *err)
{
	if (type == EXT_DATA_FILE)
		q->data_file = true;
	if (type != EXT_FORMAT || q->has_format)
		return 0;
	if (n == 0 || n > QCOW2_FORMAT_MAX)
		return bad(err, "the backing format's name is empty or too long");
	q->has_format = true;
	return take_text(q->format, p, n, "the backing format's name is no text", err);
}

static int extensions(const uint8_t *data, size_t at, size_t end, struct qcow2 *q, struct err *err)
{
	for (unsigned i = 0; i < EXT_COUNT_MAX && at + 8 <= end; i++) {
		uint32_t type = be_get32(data + at), n = be_get32(data + at + 4);
		int r;

		at += 8;
		if (type == EXT_END)
			return 0;
		if (n > end - at)
			return bad(err, "an extension reaches past the header");
		r = one_extension(type, data + at, n, q, err);
		if (r < 0)
			return r;
		at += ((size_t)n + 7) & ~(size_t)7;
	}
	return at + 8 <= end ? bad(err, "too many extensions") : 0;
}

static int features(const uint8_t *data, size_t len, size_t *ret_head, struct qcow2 *q,
		    struct err *err)
{
	uint64_t bits;

	if (len < V3_HEAD_MIN)
		return bad(err, "it ends early");
	bits = be_get64(data + AT_INCOMPATIBLE);
	if (bits & ~BITS_KNOWN)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "qcow2 image uses features that are not known here (incompatible bits 0x%" PRIx64 ")",
			       bits & ~BITS_KNOWN);
	q->data_file = bits >> BIT_DATA_FILE & 1;
	*ret_head = be_get32(data + AT_HEADER_LEN);
	if (*ret_head < V3_HEAD_MIN || *ret_head > q->cluster_size || *ret_head > len)
		return bad(err, "its length is out of range");
	return 0;
}

static int backing(const uint8_t *data, size_t len, uint64_t off, struct qcow2 *q, struct err *err)
{
	uint32_t n = be_get32(data + AT_BACKING_LEN);

	if (n == 0 || n > QCOW2_BACKING_MAX)
		return bad(err, "the backing file's name is empty or longer than 1023 bytes");
	if (off > len || n > len - off)
		return bad(err, "the backing file's name lies outside the first cluster");
	q->has_backing = true;
	return take_text(q->backing, data + off, n, "the backing file's name is no text", err);
}

int qcow2_parse(const uint8_t *data, size_t len, struct qcow2 *ret, struct err *err)
{
	struct qcow2 q = { 0 };
	size_t head = QCOW2_HEAD_MIN, cluster, end;
	uint64_t off;
	int r;

	if (!qcow2_is(data, len) || len < QCOW2_HEAD_MIN)
		return bad(err, "it ends early");
	q.version = be_get32(data + AT_VERSION);
	if (q.version != 2 && q.version != 3)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "qcow2 version %" PRIu32 " is not supported", q.version);
	r = qcow2_wanted(data, &cluster, err);
	if (r < 0)
		return r;
	q.cluster_size = (uint32_t)cluster;
	if (len > cluster)
		len = cluster;
	q.virtual_size = be_get64(data + AT_SIZE);
	if (q.virtual_size > INT64_MAX)
		return bad(err, "the size is out of range");
	q.encrypted = be_get32(data + AT_CRYPT) != 0;
	if (q.version == 3) {
		r = features(data, len, &head, &q, err);
		if (r < 0)
			return r;
	}
	off = be_get64(data + AT_BACKING);
	if (off && off < head)
		return bad(err, "the backing file's name lies inside the header");
	end = off && off < len ? (size_t)off : len;
	r = extensions(data, head, end, &q, err);
	if (r == 0 && off)
		r = backing(data, len, off, &q, err);
	if (r == 0)
		*ret = q;
	return r;
}
