/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-file's own rules about labels and about /boot, which hold whatever cordon-disk asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "file/file.h"
#include "file/label.h"
#include "file/resolve.h"

#define OTHER "system_u:object_r:etc_t:s0"
#define IMAGE "system_u:object_r:svirt_image_t:s0"

static char *types[] = { "svirt_image_t", "virt_content_t" };
static char *more[] = { "mine_t" };
static const struct config conf = { .n_selinux_image_types = 2, .selinux_image_types = types,
				    .n_static_label_types = 1, .static_label_types = more };

static void test_given(void **state)
{
	static const char *const good[] = {
		IMAGE, IMAGE ":c1,c2", IMAGE ":c0,c1023", "system_u:object_r:virt_content_t:s0",
		"u:r:svirt_image_t:s3:c5,c9", "u:r:mine_t:s0",
		/* a user's own: wider, or of several sensitivities */
		IMAGE ":c1", IMAGE ":c1,c2,c3", IMAGE ":c0.c1023", IMAGE "-s15:c0.c255",
	};
	static const char *const bad[] = {
		/* not of an image type */
		"", "nonsense", OTHER, "system_u:object_r:svirt_image_t", "svirt_image_t:s0",
		"system_u:object_r:svirt_image_t2:s0", "system_u:object_r:svirt_imag:s0",
		"system_u:svirt_image_t:x:s0", "svirt_image_t:svirt_image_t:etc_t:s0", "u:r::s0",
		"u:r:mine:s0",
		/* no level */
		IMAGE ":c1,c2 ", IMAGE ":c+1,c2", IMAGE "\n", "system_u:object_r:svirt_image_t:",
		"system_u:object_r:svirt_image_t:c1,c2", "system_u:object_r:svirt_image_t:x0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!label_allowed(&conf, OTHER, good[i]))
			fail_msg("'%s' is refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (label_allowed(&conf, OTHER, bad[i]))
			fail_msg("'%s' is allowed", bad[i]);
}

/* What is an image may become what it was before. */
static void test_put_back(void **state)
{
	(void)state;
	assert_true(label_allowed(&conf, IMAGE ":c1,c2", OTHER));
	assert_true(label_allowed(&conf, IMAGE, OTHER));
	assert_false(label_allowed(&conf, "", OTHER));
	assert_false(label_allowed(&conf, "x:y:svirt_image_t", OTHER));
}

/* Without a policy no label is one of an image. */
static void test_no_policy(void **state)
{
	static const struct config none;

	(void)state;
	assert_false(label_allowed(&none, IMAGE, IMAGE));
}

/* Where image_deny has /boot: a kernel in it is read, and gets its label; nobody writes there. */
static void test_boot(void **state)
{
	static char *deny[] = { "/boot", "/etc" };
	const struct config c = { .n_image_deny = 2, .image_deny = deny, .uid_file = geteuid() };
	struct resolve_req req = { .role = FILE_ROLE_ROOT, .path = "/boot/no-such-kernel", .boot = true };
	struct err err = { 0 };
	struct stat st;
	int fd;

	(void)state;
	file_room.conf = &c;
	assert_int_equal(resolve_open(&req, &fd, &st, &err), -ENOENT);
	assert_false(resolve_denied(req.path, false));
	req.write = true;
	assert_int_equal(resolve_open(&req, &fd, &st, &err), -EACCES);
	req.write = req.boot = false;
	assert_int_equal(resolve_open(&req, &fd, &st, &err), -EACCES);
	assert_true(resolve_denied("/etc/shadow", false));
	file_room.conf = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given), cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_no_policy), cmocka_unit_test(test_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
