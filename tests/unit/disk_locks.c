/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the locks on an image's bytes say about who uses it: set here as QEMU sets them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/claims.h"

/* As qemu-system-x86_64 7.2 has them: consistent read 0, write 1; the second hundred: not shared. */
enum { READS = 100, WRITES = 101, NO_WRITERS = 201 };

static int image, other;

static int setup(void **state)
{
	char path[] = "/tmp/cordon-locks-XXXXXX";

	(void)state;
	image = mkstemp(path);
	other = open(path, O_RDWR | O_CLOEXEC);
	return image < 0 || other < 0 || unlink(path) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(image) | close(other);
}

static void lock(const int *bytes)
{
	for (; *bytes; bytes++) {
		struct flock l = { .l_type = F_RDLCK, .l_start = *bytes, .l_len = 1 };

		assert_int_equal(fcntl(other, F_OFD_SETLK, &l), 0);
	}
}

static bool refused(bool write, bool shareable, bool remote)
{
	struct node *node = calloc(1, sizeof(*node));
	struct claim want = { .write = write, .shareable = shareable, .node = node };
	bool r;

	assert_non_null(node);
	node->remote = remote;
	r = claims_locked(image, &want);
	free(node);
	return r;
}

static void nobody(void **state)
{
	(void)state;
	assert_false(refused(false, false, false) || refused(true, false, false) || refused(true, true, false));
	assert_false(claims_in_use(image));
}

static void a_reader(void **state)
{
	(void)state;
	lock((const int[]){ READS, NO_WRITERS, 0 });
	assert_false(refused(false, false, false));
	assert_true(refused(true, false, false) && refused(true, true, false));
	assert_true(claims_in_use(image));
}

static void a_writer(void **state)
{
	(void)state;
	lock((const int[]){ READS, WRITES, NO_WRITERS, 0 });
	assert_true(refused(false, false, false) && refused(true, false, false) && refused(true, true, false));
	/* its server is not asked */
	assert_false(refused(true, false, true));
}

static void a_writer_that_shares(void **state)
{
	(void)state;
	lock((const int[]){ READS, WRITES, 0 });
	assert_true(refused(false, false, false) && refused(true, false, false));
	assert_false(refused(true, true, false) || refused(false, true, false));
	assert_true(claims_in_use(image));
}

/* A guest that core did tell of is named; a process that nobody knows is said to be there. */
static void what_is_locked_is_not_given(void **state)
{
	struct claim want = { .guest = { 1 }, .dev = 1, .ino = 2, .write = true, .locked = true };
	const char *path = "/i/own";
	struct claims c = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(claims_take(&c, &want, 1, &path, &err), -EBUSY);
	assert_int_equal(c.n, 0);
	assert_non_null(strstr(err.text, "/i/own"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nobody), TEST(a_reader), TEST(a_writer), TEST(a_writer_that_shares),
		TEST(what_is_locked_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
