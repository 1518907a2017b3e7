/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-disk's rules that need no file: paths, mounts, claims, chains. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "disk/chain.h"
#include "disk/claims.h"
#include "disk/mounts.h"
#include "disk/names.h"

static struct arena *a;
static struct err err;

static int setup(void **state)
{
	(void)state;
	a = arena_new(1 << 20);
	return a ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* ---- paths ---- */

static void normal(const char *in, int rc, const char *want)
{
	char *got = NULL;

	assert_int_equal(path_normalize(a, in, &got, &err), rc);
	if (rc == 0)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void test_normalize(void **state)
{
	char longest[5000];

	(void)state;
	normal("/a/b", 0, "/a/b");
	normal("//a///./b", 0, "/a/b");
	normal("/a/..b/c..", 0, "/a/..b/c..");
	normal("/a/../b", -EINVAL, NULL);
	normal("/..", -EINVAL, NULL);
	normal("a/b", -EINVAL, NULL);
	normal("", -EINVAL, NULL);
	normal("/", -EINVAL, NULL);
	normal("/a/", -EINVAL, NULL);
	normal("/a\nb", -EINVAL, NULL);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[4095] = '\0';
	normal(longest, 0, longest);
	longest[4095] = 'a';
	longest[4096] = '\0';
	normal(longest, -ENAMETOOLONG, NULL);
}

static void backing(const char *overlay, const char *name, int rc, const char *want)
{
	char *got = NULL;

	assert_int_equal(path_backing(a, overlay, name, &got, &err), rc);
	if (rc == 0)
		assert_string_equal(got, want);
	else
		assert_non_null(strstr(err.text, overlay));
}

static void test_backing(void **state)
{
	(void)state;
	backing("/i/top", "/b/x", 0, "/b/x");
	backing("/i/top", "x", 0, "/i/x");
	backing("/i/top", "./x", 0, "/i/x");
	backing("/i/j/top", "../b/x", 0, "/i/b/x");
	backing("/i/top", "../../../x", 0, "/x");
	backing("/top", "x", 0, "/x");
	backing("/i/top", "d/x:y", 0, "/i/d/x:y");
	backing("/i/top", "nbd:unix:/x", -EINVAL, NULL);
	backing("/i/top", "http://h/x", -EINVAL, NULL);
	backing("/i/top", "json:{}", -EINVAL, NULL);
	backing("/i/top", "file:/x", -EINVAL, NULL);
	backing("/i/top", "", -EINVAL, NULL);
	backing("/i/top", "x/", -EINVAL, NULL);
	backing("/i/top", "..", -EINVAL, NULL);
	backing("/i/top", "x\ty", -EINVAL, NULL);
}

static void test_below(void **state)
{
	(void)state;
	assert_true(path_below("/a", "/a"));
	assert_true(path_below("/a/", "/a/b"));
	assert_true(path_below("/", "/a"));
	assert_false(path_below("/a", "/ab"));
	assert_false(path_below("/a/b", "/a"));
}

/* What cordon-file goes by, who is told a path and does not make one. */
static void test_normal(void **state)
{
	static const char *const good[] = { "/a", "/a/b", "/..a/b..", "/a/.b/...", "/ /x" };
	static const char *const bad[] = { "", "a", "/", "/a/", "//a", "/a//b", "/./a", "/a/.", "/..",
					   "/a/../b", "/a\nb", "/a\x7f" };
	char longest[300] = "/";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(path_is_normal(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(path_is_normal(bad[i]));
	memset(longest + 1, 'a', 255);
	assert_true(path_is_normal(longest));
	longest[256] = 'a';
	assert_false(path_is_normal(longest));
}

/* ---- mounts ---- */

static void test_mounts(void **state)
{
	static const char text[] =
		"27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
		"28 27 0:30 / /srv/nfs rw - nfs4 host:/x rw\n"
		"29 28 8:1 / /srv/nfs/local rw - ext4 /dev/sda1 rw\n"
		"30 27 0:31 / /with\\040blank rw - fuse.sshfs h: rw\n"
		"31 27 0:32 / /tmp rw - tmpfs tmpfs rw\n";

	(void)state;
	assert_true(mounts_local_in(text, "/srv/x"));
	assert_true(mounts_local_in(text, "/tmp/x"));
	assert_true(mounts_local_in(text, "/srv/nfs2"));
	assert_false(mounts_local_in(text, "/srv/nfs"));
	assert_false(mounts_local_in(text, "/srv/nfs/x"));
	/* the way there leads through the server */
	assert_false(mounts_local_in(text, "/srv/nfs/local/x"));
	assert_false(mounts_local_in(text, "/with blank/x"));
	assert_true(mounts_local_in(text, "/with"));
	assert_false(mounts_local_in("", "/x"));
	assert_false(mounts_local_in("nonsense\n", "/x"));
	assert_false(mounts_local_in("27 1 254:0 / / rw - overlay x rw\n", "/x"));
}

static void test_mount_of(void **state)
{
	static const char text[] =
		"27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,seclabel\n"
		"28 27 0:30 / /srv/my\\040nfs rw - nfs4 host:/x rw,context=system_u:object_r:nfs_t:s0\n"
		"29 27 0:31 / /mnt/seclabel rw,seclabel - fuse.seclabel seclabel rw,noseclabel\n"
		"30 27 0:32 / /t rw - tmpfs tmpfs seclabel\n";
	struct mount_info m;

	(void)state;
	assert_true(mounts_find_in(text, 27, &m));
	assert_string_equal(m.fs, "ext4");
	assert_string_equal(m.point, "/");
	assert_true(m.labels);
	assert_true(mounts_find_in(text, 28, &m));
	assert_string_equal(m.point, "/srv/my nfs");
	assert_false(m.labels);
	/* its user chose the name and the options of the mount point; the kernel's own word counts */
	assert_true(mounts_find_in(text, 29, &m));
	assert_string_equal(m.fs, "fuse.seclabel");
	assert_false(m.labels);
	assert_true(mounts_find_in(text, 30, &m));
	assert_true(m.labels);
	assert_false(mounts_find_in(text, 2, &m));
	assert_false(mounts_find_in(text, 31, &m));
	assert_false(mounts_find_in("27 nonsense", 27, &m));
	assert_true(mounts_there_in(text, "/srv/my nfs"));
	assert_false(mounts_there_in(text, "/srv/my"));
	assert_false(mounts_there_in(text, "/srv"));
}

/* ---- claims ---- */

static struct claim claim(uint8_t guest, uint64_t ino, bool write, bool shareable)
{
	struct claim c = { .dev = 1, .ino = ino, .write = write, .shareable = shareable };

	c.guest[0] = guest;
	return c;
}

static int take(struct claims *c, struct claim w)
{
	const char *path = "/image";

	return claims_take(c, &w, 1, &path, &err);
}

static void test_claims(void **state)
{
	struct claims c = { 0 };
	struct claim two[2] = { claim(4, 1, false, false), claim(4, 1, true, false) };
	const char *paths[2] = { "/x", "/x" };

	(void)state;
	assert_int_equal(take(&c, claim(1, 7, false, false)), 0);
	assert_int_equal(take(&c, claim(2, 7, false, false)), 0);
	assert_int_equal(take(&c, claim(3, 7, true, false)), -EBUSY);
	assert_int_equal(take(&c, claim(3, 8, true, true)), 0);
	assert_int_equal(take(&c, claim(4, 8, true, true)), 0);
	assert_int_equal(take(&c, claim(5, 8, false, false)), -EBUSY);
	assert_int_equal(take(&c, claim(5, 8, false, true)), 0);
	/* all or nothing, and within one request */
	assert_int_equal(claims_take(&c, two, 2, paths, &err), -EBUSY);
	assert_non_null(strstr(err.text, "two disks of this guest"));
	assert_null(claims_of(&c, two[0].guest, 1, 1));
	assert_non_null(claims_of(&c, claim(1, 0, 0, 0).guest, 1, 7));
	assert_null(claims_of(&c, claim(3, 0, 0, 0).guest, 1, 7));
	claims_release(&c, claim(1, 0, 0, 0).guest);
	claims_release(&c, claim(2, 0, 0, 0).guest);
	assert_null(claims_of(&c, claim(1, 0, 0, 0).guest, 1, 7));
	assert_int_equal(take(&c, claim(3, 7, true, false)), 0);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(take(&c, claim(9, 100 + i, true, false)), 0);
	claims_release(&c, claim(9, 0, 0, 0).guest);
	assert_non_null(claims_of(&c, claim(4, 0, 0, 0).guest, 1, 8));
	for (uint8_t g = 3; g <= 5; g++)
		claims_release(&c, claim(g, 0, 0, 0).guest);
	assert_int_equal(c.n, 0);
	assert_null(c.list);
}

/* ---- chains ---- */

static int step(const struct disk_open_args *args, unsigned depth, const struct image_info *info,
		struct chain_image *next, bool *more)
{
	const struct chain_image top = { .path = "/i/top", .format = DOM_DISK_FORMAT_QCOW2 };

	memset(&err, 0, sizeof(err));
	return chain_step(a, args, depth, &top, info, next, more, &err);
}

static void test_chain_unlisted(void **state)
{
	const struct disk_open_args args = { .path = "/i/top" };
	struct image_info info = { .qcow2 = true, .backing = "base", .backing_format = "raw" };
	struct chain_image next;
	bool more;

	(void)state;
	assert_int_equal(step(&args, 0, &info, &next, &more), 0);
	assert_true(more);
	assert_string_equal(next.path, "/i/base");
	assert_int_equal(next.format, DOM_DISK_FORMAT_RAW);
	assert_int_equal(next.roots, FILE_ROOTS_BACKING);
	assert_int_equal(step(&args, DOM_CHAIN_MAX - 1, &info, &next, &more), -E2BIG);
	info.backing_format = NULL;
	assert_int_equal(step(&args, 0, &info, &next, &more), -EINVAL);
	info.backing_format = "vmdk";
	assert_int_equal(step(&args, 0, &info, &next, &more), -EOPNOTSUPP);
	info.backing = NULL;
	assert_int_equal(step(&args, 0, &info, &next, &more), 0);
	assert_false(more);
	info.encrypted = true;
	assert_int_equal(step(&args, 0, &info, &next, &more), -EOPNOTSUPP);
	info = (struct image_info){ .qcow2 = true, .data_file = true };
	assert_int_equal(step(&args, 0, &info, &next, &more), -EOPNOTSUPP);
	info = (struct image_info){ .qcow2 = false };
	assert_int_equal(step(&args, 0, &info, &next, &more), -EINVAL);
}

static void test_chain_listed(void **state)
{
	struct dom_image low = { .type = DOM_DISK_SOURCE_TYPE_FILE, .format = DOM_DISK_FORMAT_RAW,
				 .path = "/i/./base" };
	struct disk_open_args args = { .path = "/i/top", .backing_given = true, .n_backing = 1,
				       .backing = &low };
	struct image_info info = { .qcow2 = true, .backing = "base" };
	struct chain_image next;
	bool more;

	(void)state;
	/* the definition may give the format that the header lacks, but not contradict it */
	assert_int_equal(step(&args, 0, &info, &next, &more), 0);
	assert_int_equal(next.format, DOM_DISK_FORMAT_RAW);
	assert_int_equal(next.roots, FILE_ROOTS_ROLE);
	info.backing_format = "qcow2";
	assert_int_equal(step(&args, 0, &info, &next, &more), -EINVAL);
	info.backing_format = "raw";
	info.backing = "other";
	assert_int_equal(step(&args, 0, &info, &next, &more), -EACCES);
	info.backing = NULL;
	assert_int_equal(step(&args, 0, &info, &next, &more), -EINVAL);
	/* raw has nothing below it */
	assert_int_equal(step(&args, 0, NULL, &next, &more), -EINVAL);
	assert_int_equal(step(&args, 1, NULL, &next, &more), 0);
	assert_false(more);
	/* listed as empty */
	args.n_backing = 0;
	info.backing = "base";
	assert_int_equal(step(&args, 0, &info, &next, &more), -EACCES);
	assert_non_null(strstr(err.text, "/i/base"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalize), cmocka_unit_test(test_backing),
		cmocka_unit_test(test_below), cmocka_unit_test(test_normal),
		cmocka_unit_test(test_mounts), cmocka_unit_test(test_mount_of),
		cmocka_unit_test(test_claims), cmocka_unit_test(test_chain_unlisted),
		cmocka_unit_test(test_chain_listed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
