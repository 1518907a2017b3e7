/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2 headers: good ones, and good ones broken in one place each. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "image/qcow2.h"

#define EXT_FORMAT 0xe2792acau
#define EXT_DATA_FILE 0x44415441u
#define EXT_FEATURES 0x6803f857u

static uint8_t img[1 << 16];
static size_t at;
static struct qcow2 q;
static struct err err;

static void begin(uint32_t version)
{
	memset(img, 0, sizeof(img));
	be_put32(img, 0x514649fb);
	be_put32(img + 4, version);
	be_put32(img + 20, 16);
	be_put64(img + 24, 123456789);
	at = version == 2 ? 72 : 104;
	if (version == 3) {
		be_put32(img + 96, 4);
		be_put32(img + 100, 104);
	}
}

static void extension(uint32_t type, const char *data, uint32_t len)
{
	be_put32(img + at, type);
	be_put32(img + at + 4, len);
	memcpy(img + at + 8, data, strlen(data));
	at += 8 + ((len + 7) & ~7u);
}

static void backing(const char *name)
{
	at += 8;
	be_put64(img + 8, at);
	be_put32(img + 16, (uint32_t)strlen(name));
	memcpy(img + at, name, strlen(name));
}

static int parse(size_t len)
{
	memset(&err, 0, sizeof(err));
	return qcow2_parse(img, len, &q, &err);
}

static void test_good(void **state)
{
	(void)state;
	begin(2);
	assert_int_equal(parse(sizeof(img)), 0);
	assert_true(q.version == 2 && q.virtual_size == 123456789 && q.cluster_size == 65536);
	assert_false(q.has_backing || q.has_format || q.encrypted || q.data_file);
	begin(3);
	extension(EXT_FEATURES, "whatever", 48);
	extension(EXT_FORMAT, "raw", 3);
	backing("../base.img");
	assert_int_equal(parse(sizeof(img)), 0);
	assert_string_equal(q.backing, "../base.img");
	assert_string_equal(q.format, "raw");
	/* a file that ends within its first cluster */
	assert_int_equal(parse(at + 11), 0);
	assert_int_equal(parse(at + 10), -EINVAL);
}

static void test_marks(void **state)
{
	(void)state;
	begin(3);
	be_put32(img + 32, 1);
	assert_int_equal(parse(sizeof(img)), 0);
	assert_true(q.encrypted);
	begin(3);
	be_put64(img + 72, 4);
	assert_int_equal(parse(sizeof(img)), 0);
	assert_true(q.data_file);
	begin(2);
	extension(EXT_DATA_FILE, "/dev/sda", 8);
	assert_int_equal(parse(sizeof(img)), 0);
	assert_true(q.data_file);
	begin(3);
	be_put64(img + 72, UINT64_C(1) << 40);
	assert_int_equal(parse(sizeof(img)), -EINVAL);
	assert_non_null(strstr(err.text, "0x10000000000"));
}

static void bad(const char *word)
{
	struct qcow2 before;

	memset(&q, 0x5a, sizeof(q));
	before = q;
	assert_int_equal(parse(sizeof(img)), -EINVAL);
	if (!strstr(err.text, word))
		fail_msg("'%s' is not in '%s'", word, err.text);
	assert_memory_equal(&before, &q, sizeof(q));
}

static void test_broken(void **state)
{
	(void)state;
	begin(4);
	bad("version");
	begin(3);
	be_put32(img + 20, 8);
	bad("cluster");
	begin(3);
	be_put32(img + 20, 0xffffffff);
	bad("cluster");
	begin(3);
	be_put64(img + 24, UINT64_MAX);
	bad("size");
	begin(3);
	be_put32(img + 100, 103);
	bad("length");
	begin(3);
	be_put32(img + 100, 0x7fffffff);
	bad("length");
	begin(3);
	extension(EXT_FORMAT, "", 0);
	bad("format");
	begin(3);
	extension(EXT_FORMAT, "r\nw", 3);
	bad("format");
	begin(3);
	be_put32(img + 104, EXT_FORMAT);
	be_put32(img + 108, 0xffffffff);
	bad("extension");
	begin(3);
	for (int i = 0; i < 70; i++)
		extension(EXT_FEATURES, "", 0);
	bad("too many");
	begin(3);
	backing("x");
	be_put32(img + 16, 0);
	bad("empty");
	begin(3);
	backing("x");
	be_put32(img + 16, 1024);
	bad("longer");
	begin(3);
	backing("x");
	be_put64(img + 8, UINT64_MAX);
	bad("outside");
	begin(3);
	backing("x");
	be_put64(img + 8, 65536);
	bad("outside");
	begin(3);
	backing("x");
	be_put64(img + 8, 8);
	bad("inside");
	begin(3);
	backing("a");
	be_put32(img + 16, 3);
	bad("no text");
}

/* Every header cut anywhere, in a buffer that ends there, is an answer and no crash. */
static void test_cut(void **state)
{
	(void)state;
	begin(3);
	extension(EXT_FEATURES, "features", 144);
	extension(EXT_FORMAT, "qcow2", 5);
	backing("/base");
	for (size_t n = 0; n < 400; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		int r;

		assert_non_null(copy);
		memcpy(copy, img, n);
		r = qcow2_parse(copy, n, &q, &err);
		assert_true(r == 0 || r == -EINVAL);
		if (n < 104)
			assert_int_equal(r, -EINVAL);
		free(copy);
	}
}

/* Each byte of the header set to each of some values. */
static void test_every_byte(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	(void)state;
	begin(3);
	extension(EXT_FORMAT, "qcow2", 5);
	backing("/base");
	for (size_t i = 0; i < 160; i++) {
		uint8_t old = img[i];

		for (size_t k = 0; k < sizeof(values); k++) {
			int r;

			img[i] = values[k];
			r = parse(4096);
			assert_true(r == 0 || r == -EINVAL);
			assert_true(r == 0 || err.text[0]);
		}
		img[i] = old;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_marks), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
