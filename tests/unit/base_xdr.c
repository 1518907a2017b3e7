/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The codec: what goes in comes out, and what must not come in does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/be.h"
#include "base/xdr.h"
#include "proto/domain.x.h"
#include "proto/ipc.x.h"
#include "proto/remote.x.h"

#define ARENA 65536

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(ARENA);
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void test_round_trip(void **state)
{
	CLEAN_BUF struct buf b;
	struct remote_nonnull_domain d = { .name = (char *)(uintptr_t)"web", .id = -1 }, back;

	(void)state;
	memset(d.uuid, 7, 16);
	buf_init(&b, 4096);
	assert_int_equal(xdr_encode(&remote_nonnull_domain_xdr, &d, &b), 0);
	/* RFC 4506: length, "web" padded to 4, 16 opaque bytes, int */
	assert_int_equal(b.len, 4 + 4 + 16 + 4);
	assert_int_equal(be_get32(b.data), 3);
	assert_int_equal(b.data[7], 0);
	assert_int_equal(be_get32(b.data + 24), UINT32_MAX);
	assert_int_equal(xdr_decode(&remote_nonnull_domain_xdr, b.data, b.len, arena, &back, NULL,
				    NULL), 0);
	assert_string_equal(back.name, "web");
	assert_int_equal(back.id, -1);
	assert_true(xdr_equal(&remote_nonnull_domain_xdr, &d, &back));
}

/* Each way a string can lie. */
static void test_bad_strings(void **state)
{
	static const struct {
		uint32_t len;
		const char *bytes;
		size_t n;
		const char *why;
	} bad[] = {
		{ 5, "abcd", 4, "cut short" },
		{ 1024, "abcd", 4, "string too long" },
		{ UINT32_MAX, "abcd", 4, "string too long" },
		{ 3, "abcx", 4, "bad padding" },
		{ 4, "a\0cd", 4, "NUL inside" },
	};
	struct ipc_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t msg[64] = { 0 };
		struct err err = { 0 };

		be_put32(msg, (uint32_t)(12 + bad[i].n));
		be_put32(msg + 12, bad[i].len);
		memcpy(msg + 16, bad[i].bytes, bad[i].n);
		assert_int_equal(xdr_decode(&ipc_error_xdr, msg, 16 + bad[i].n, arena, &e, NULL, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, bad[i].why));
		assert_int_equal(err.code, ERR_RPC);
	}
}

static void test_exact_consumption(void **state)
{
	uint8_t msg[12] = { 0 };
	struct remote_domain_get_state_ret r;
	size_t used;

	(void)state;
	assert_int_equal(xdr_decode(&remote_domain_get_state_ret_xdr, msg, 8, arena, &r, NULL, NULL), 0);
	assert_int_equal(xdr_decode(&remote_domain_get_state_ret_xdr, msg, 12, arena, &r, NULL, NULL),
			 -EBADMSG);
	assert_int_equal(xdr_decode(&remote_domain_get_state_ret_xdr, msg, 12, arena, &r, &used, NULL),
			 0);
	assert_int_equal(used, 8);
	assert_int_equal(xdr_decode(&remote_domain_get_state_ret_xdr, msg, 7, arena, &r, NULL, NULL),
			 -EBADMSG);
}

/* A list may not announce more than its bytes could hold: that would be memory for nothing. */
static void test_list_bomb(void **state)
{
	uint8_t msg[8] = { 0 };
	struct remote_connect_list_all_domains_ret r;
	struct err err = { 0 };

	(void)state;
	be_put32(msg, REMOTE_DOMAIN_LIST_MAX);
	assert_int_equal(xdr_decode(&remote_connect_list_all_domains_ret_xdr, msg, 8, arena, &r, NULL,
				    &err), -EBADMSG);
	assert_non_null(strstr(err.text, "too many elements"));
	assert_true(arena_used(arena) < 1024);
}

static void test_arena_cap(void **state)
{
	CLEAN_ARENA struct arena *small = arena_new(64);
	CLEAN_BUF struct buf b;
	struct ipc_error e = { .text = (char *)(uintptr_t)
		"a text of more than sixty-four bytes, which the arena below cannot hold at all" }, back;
	struct err err = { 0 };

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(xdr_encode(&ipc_error_xdr, &e, &b), 0);
	assert_int_equal(xdr_decode(&ipc_error_xdr, b.data, b.len, small, &back, NULL, &err), -ENOMEM);
	assert_int_equal(err.code, ERR_NO_MEMORY);
}

/* An older writer knew fewer fields; a newer one more. */
static void test_extensible(void **state)
{
	uint8_t old[8], newer[64] = { 0 };
	struct ipc_error e;

	(void)state;
	be_put32(old, 4);
	be_put32(old + 4, 42);
	assert_int_equal(xdr_decode(&ipc_error_xdr, old, 8, arena, &e, NULL, NULL), 0);
	assert_int_equal(e.code, 42);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.text, "");
	be_put32(newer, 60);
	be_put32(newer + 4, 42);
	be_put32(newer + 12, 2);
	memcpy(newer + 16, "hi", 2);
	assert_int_equal(xdr_decode(&ipc_error_xdr, newer, 64, arena, &e, NULL, NULL), 0);
	assert_string_equal(e.text, "hi");
}

static void test_enum_range(void **state)
{
	uint8_t msg[8];
	struct dom_input in = { .type = DOM_INPUT_TYPE_MAX + 1 };
	struct dom_pm pm;
	CLEAN_BUF struct buf b;

	(void)state;
	be_put32(msg, 4);
	be_put32(msg + 4, DOM_YESNO_MAX + 1);
	assert_int_equal(xdr_decode(&dom_pm_xdr, msg, 8, arena, &pm, NULL, NULL), -EBADMSG);
	buf_init(&b, 4096);
	assert_int_equal(xdr_encode(&dom_input_xdr, &in, &b), -EINVAL);
}

/* libvirt's char arrays take four bytes each; go-libvirt's optional flag is any non-zero. */
static void test_wire_habits(void **state)
{
	CLEAN_BUF struct buf b;
	struct remote_node_get_security_model_ret m = {
		.model = (char *)(uintptr_t)"dac", .n_model = 4, .doi = (char *)(uintptr_t)"0", .n_doi = 2 };
	uint8_t open[16] = { 1, 0, 0, 0 };
	struct remote_connect_open_args args;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(xdr_encode(&remote_node_get_security_model_ret_xdr, &m, &b), 0);
	assert_int_equal(b.len, 4 + 4 * 4 + 4 + 2 * 4);
	be_put32(open + 4, 2);
	memcpy(open + 8, "ab", 2);
	assert_int_equal(xdr_decode(&remote_connect_open_args_xdr, open, 16, arena, &args, NULL, NULL),
			 0);
	assert_string_equal(args.name, "ab");
}

/* Encoding writes to no value: this one could not be written to. */
static void test_encode_const(void **state)
{
	static const struct remote_domain_set_memory_args v = {
		.dom = { .name = (char *)(uintptr_t)"web", .id = 7 }, .memory = UINT64_C(5) << 40 };
	struct remote_domain_set_memory_args back;
	CLEAN_BUF struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(xdr_encode(&remote_domain_set_memory_args_xdr, &v, &b), 0);
	assert_int_equal(xdr_decode(&remote_domain_set_memory_args_xdr, b.data, b.len, arena, &back,
				    NULL, NULL), 0);
	assert_int_equal(back.memory, v.memory);
	assert_int_equal(back.dom.id, 7);
	/* no room: the buffer's own reason */
	b.len = 0;
	b.max = 20;
	b.cap = b.len + 1;
	assert_int_equal(xdr_encode(&remote_domain_set_memory_args_xdr, &v, &b), -E2BIG);
}

static int decode_label(const uint32_t words[3], struct remote_domain_get_security_label_ret *ret,
			struct err *err)
{
	uint8_t msg[12];

	for (size_t i = 0; i < 3; i++)
		be_put32(msg + 4 * i, words[i]);
	return xdr_decode(&remote_domain_get_security_label_ret_xdr, msg, 12, arena, ret, NULL, err);
}

/* A char is -128..255 in its four bytes. */
static void test_chars(void **state)
{
	struct remote_domain_get_security_label_ret r;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(decode_label((uint32_t[]){ 1, 'x', 1 }, &r, &err), 0);
	assert_int_equal(r.n_label, 1);
	assert_int_equal(r.label[0], 'x');
	assert_int_equal(decode_label((uint32_t[]){ 1, UINT32_MAX, 1 }, &r, &err), 0);
	assert_int_equal((unsigned char)r.label[0], 255);
	assert_int_equal(decode_label((uint32_t[]){ 1, 256, 1 }, &r, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "not a char"));
	assert_int_equal(decode_label((uint32_t[]){ 1, (uint32_t)-129, 1 }, &r, &err), -EBADMSG);
	assert_int_equal(decode_label((uint32_t[]){ 3, 'x', 1 }, &r, &err), -EBADMSG);
}

static void test_secrets(void **state)
{
	char pw[] = "hush";
	struct dom_graphics g = { .passwd = pw };

	(void)state;
	xdr_wipe_secrets(&dom_graphics_xdr, &g);
	assert_null(g.passwd);
	assert_int_equal(pw[0] | pw[1] | pw[2] | pw[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_strings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exact_consumption, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arena_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extensible, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enum_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wire_habits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encode_const, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chars, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
