/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading what a policy's files say; and the questions, where there is no policy to ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "host/policy.h"

static const char *line(const char *text, unsigned n)
{
	static char out[HOST_TEXT_MAX + 1];

	policy_line(text, n, out);
	return out;
}

static void test_lines(void **state)
{
	static const char text[] = "# guests\n\n  system_u:system_r:svirt_t:s0  \r\n"
				   "system_u:system_r:svirt_tcg_t:s0";
	char much[HOST_TEXT_MAX + 3];

	(void)state;
	assert_string_equal(line(text, 0), "system_u:system_r:svirt_t:s0");
	assert_string_equal(line(text, 1), "system_u:system_r:svirt_tcg_t:s0");
	assert_string_equal(line(text, 2), "");
	assert_string_equal(line("", 0), "");
	/* one that is too long is none, not half of one */
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	assert_string_equal(line(much, 0), "");
	much[HOST_TEXT_MAX] = '\0';
	assert_string_equal(line(much, 0), much);
}

static void test_category(void **state)
{
	char out[HOST_TEXT_MAX + 1], much[HOST_TEXT_MAX + 1];

	(void)state;
	assert_true(policy_with_category("u:r:t:s0", 1023, out));
	assert_string_equal(out, "u:r:t:s0:c1023");
	assert_true(policy_with_category("u:r:t:s3-s15:c0.c255", 7, out));
	assert_string_equal(out, "u:r:t:s3:c7");
	assert_false(policy_with_category("u:r:t", 7, out));
	assert_false(policy_with_category("", 7, out));
	memset(much, 'x', HOST_TEXT_MAX);
	memcpy(much, "u:r:t:s", 7);
	much[HOST_TEXT_MAX] = '\0';
	assert_false(policy_with_category(much, 7, out));
}

static void test_type(void **state)
{
	char out[HOST_TEXT_MAX + 1], much[HOST_TEXT_MAX + 1];

	(void)state;
	assert_true(policy_with_type("u:r:t:s0:c1", "other_t", out));
	assert_string_equal(out, "u:r:other_t:s0:c1");
	assert_true(policy_with_type("u:r:t", "other_t", out));
	assert_string_equal(out, "u:r:other_t");
	assert_false(policy_with_type("u:r", "other_t", out));
	memset(much, 'x', HOST_TEXT_MAX);
	memcpy(much, "u:r:t:s", 7);
	much[HOST_TEXT_MAX] = '\0';
	assert_false(policy_with_type(much, "other_t", out));
}

static void test_booleans(void **state)
{
	(void)state;
	assert_true(policy_boolean_matters("virt_use_nfs"));
	assert_true(policy_boolean_matters("qemu_full_network"));
	assert_false(policy_boolean_matters("httpd_use_nfs"));
}

/* Asked before anybody looked for a policy: as on a host without one. */
static void test_without(void **state)
{
	char *perm = (char *)(uintptr_t)"read";
	struct host_ask q = { .scontext = (char *)(uintptr_t)"a", .tcontext = (char *)(uintptr_t)"b",
			      .tclass = (char *)(uintptr_t)"file", .n_perms = 1, .perms = &perm };
	struct host_selinux *s = (struct host_selinux *)1;
	struct host_answer answer;
	char mark[POLICY_MARK_MAX];
	struct arena *a = arena_new(4096);
	struct err err = { 0 };

	(void)state;
	policy_mark(mark);
	assert_string_equal(mark, "");
	assert_int_equal(policy_gather(a, &s, &err), 0);
	assert_null(s);
	arena_free(a);
	assert_int_equal(policy_ask(&q, NULL, &answer, &err), -ENOTSUP);
	assert_int_equal(err.code, ERR_NO_SUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_category),
		cmocka_unit_test(test_type), cmocka_unit_test(test_booleans), cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
