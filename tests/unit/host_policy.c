/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading what a policy's files say; the questions, where there is no policy to ask; and what is
 * gathered of one that has so many categories: what libselinux says is played here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selinux/avc.h>
#include <selinux/selinux.h>

#include "base/fd.h"
#include "host/policy.h"

/* ---- libselinux, played: a policy with labels u:r:svirt_t:s0, u:r:svirt_t:s0:c0, ... ---- */

#define SVIRT "u:r:svirt_t:s0"

static bool mls = true;
static unsigned categories, asked;
static char contexts[] = "/tmp/cordon-contexts-XXXXXX";

int is_selinux_enabled(void)
{
	return 1;
}

int is_selinux_mls_enabled(void)
{
	return mls;
}

int selinux_status_open(int fallback)
{
	(void)fallback;
	return 0;
}

int selinux_status_getenforce(void)
{
	return 1;
}

int selinux_getpolicytype(char **policytype)
{
	*policytype = strdup("played");
	return *policytype ? 0 : -1;
}

const char *selinux_virtual_domain_context_path(void)
{
	return contexts;
}

const char *selinux_virtual_image_context_path(void)
{
	return contexts;
}

int security_get_boolean_names(char ***names, int *n)
{
	(void)names;
	(void)n;
	return -1;
}

int security_check_context(const char *con)
{
	char *end;
	unsigned long n;

	asked++;
	if (strncmp(con, SVIRT, strlen(SVIRT)) != 0)
		return -1;
	con += strlen(SVIRT);
	if (!*con)
		return 0;
	if (strncmp(con, ":c", 2) != 0)
		return -1;
	n = strtoul(con + 2, &end, 10);
	return *end || n >= categories ? -1 : 0;
}

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

/* How many categories there are is what the policy takes, whatever policies mostly have. */
static void test_range(void **state)
{
	static const unsigned counts[] = { 1024, 1023, 1025, 1, 2, 7, 256, 16384, 0 };
	int fd = mkstemp(contexts);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, SVIRT "\n", strlen(SVIRT) + 1), 0);
	fd_close(&fd);
	policy_open();
	for (size_t i = 0; i <= sizeof(counts) / sizeof(counts[0]); i++) {
		struct arena *a = arena_new(65536);
		struct host_selinux *s = NULL;
		struct err err = { 0 };
		unsigned want;

		/* the last one: a policy without levels, which is not even asked */
		mls = i < sizeof(counts) / sizeof(counts[0]);
		categories = mls ? counts[i] : 1024;
		want = mls ? categories : 0;
		asked = 0;
		assert_int_equal(policy_gather(a, &s, &err), 0);
		assert_non_null(s);
		assert_string_equal(s->process, SVIRT);
		if (s->categories != want)
			fail_msg("%u categories of %u", s->categories, want);
		assert_true(asked < 25);
		arena_free(a);
	}
	assert_int_equal(unlink(contexts), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_category),
		cmocka_unit_test(test_type), cmocka_unit_test(test_booleans), cmocka_unit_test(test_without),
		cmocka_unit_test(test_range),      /* after the one without: it opens the policy */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
