/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon storage add-root: what it makes of cordond.conf, which folders it refuses, and one real run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/roots.h"

#define DEFAULTS "\"/var/lib/libvirt/images\", \"/var/lib/cordon/images\""

/* `want` NULL: nothing is to change. */
static void adds(const char *text, const char *want)
{
	CLEAN_BUF struct buf out;
	struct err err = { 0 };
	int rc;

	buf_init(&out, 65536);
	rc = roots_add(text, "image_roots", DEFAULTS, "/srv/vm", &out, &err);
	if (rc != (want ? 1 : 0))
		fail_msg("%d %s", rc, err.text);
	assert_string_equal(buf_str(&out), want ? want : "");
}

static void test_add(void **state)
{
	(void)state;
	adds("", "image_roots = [ " DEFAULTS ", \"/srv/vm\" ]\n");
	adds("max_guests = 7", "max_guests = 7\nimage_roots = [ " DEFAULTS ", \"/srv/vm\" ]\n");
	/* a comment is no key, and neither is a text */
	adds("#image_roots = [ \"/srv\" ]\nemulator = \"image_roots = [ '/srv' ]\"\n",
	     "#image_roots = [ \"/srv\" ]\nemulator = \"image_roots = [ '/srv' ]\"\n"
	     "image_roots = [ " DEFAULTS ", \"/srv/vm\" ]\n");
	adds("image_roots = [ \"/a\" ]\n", "image_roots = [ \"/a\", \"/srv/vm\" ]\n");
	adds("image_roots=['/a']   # mine\nlog_level = 1\n",
	     "image_roots=['/a', \"/srv/vm\"]   # mine\nlog_level = 1\n");
	adds("image_roots = []\n", "image_roots = [ \"/srv/vm\"]\n");
	adds("image_roots = [\n  \"/a\",   # one ] here\n  \"/b\", # the last\n]\n",
	     "image_roots = [\n  \"/a\",   # one ] here\n  \"/b\", \"/srv/vm\", # the last\n]\n");
	adds("x = \"\"\"\nimage_roots = [ \"/srv\" ]\n\"\"\"\nimage_roots = [ \"/a\" ]",
	     "x = \"\"\"\nimage_roots = [ \"/srv\" ]\n\"\"\"\nimage_roots = [ \"/a\", \"/srv/vm\" ]");
	/* others that begin or end alike */
	adds("image_roots_more = [ \"/srv\" ]\nimage_roots = [ \"/srv/vms\", \"/srv/v\" ]\n",
	     "image_roots_more = [ \"/srv\" ]\nimage_roots = [ \"/srv/vms\", \"/srv/v\", \"/srv/vm\" ]\n");
}

static void test_there(void **state)
{
	(void)state;
	adds("image_roots = [ \"/srv/vm\" ]\n", NULL);
	adds("image_roots = [ \"/a\", '/srv/' ]\n", NULL);
	adds("image_roots = [ \"/\" ]\n", NULL);
}

static void test_broken(void **state)
{
	static const char *const texts[] = {
		"image_roots = [ \"/a\"\n", "image_roots = [ \"/a ]\n", "image_roots [ ]\n", "= 1\n",
		"image_roots = [ \"/a\" \"/b\" ]\n", "image_roots = [ /a ]\n", "a = \n", "a = 1 b\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEAN_BUF struct buf out;
		struct err err = { 0 };

		buf_init(&out, 65536);
		assert_int_equal(roots_add(texts[i], "image_roots", DEFAULTS, "/srv/vm", &out, &err),
				 -EINVAL);
		assert_int_equal(err.code, ERR_CONF_SYNTAX);
		assert_int_equal(out.len, 0);
	}
}

static void test_check(void **state)
{
	static const char *const bad[] = { "/", "/etc", "/etc/vm", "/usr/local", "/var/lib", "/home",
					   "/dev/shm", "/var/lib/cordon", "/var/lib/cordon/state",
					   "/var/lib/cordon/labels", "/var/lib/cordon/nvram",
					   "/var/lib/cordon/tpm", "/var/lib/cordon/imagesx",
					   "/var/lib/libvirt", "/var/lib/libvirt/qemu",
					   "/var/lib/libvirt/qemu/nvram", "/var/lib/libvirt/swtpm",
					   "/var/lib/libvirt/dnsmasq", "/var/lib/libvirt/lockd/files",
					   "/var/lib/libvirt/sanlock", "/var/lib/libvirt/imagesx",
					   "/var/log", "/var/log/cordon", "/srv/my images", "/srv/a\"b", "/srv/a'b",
					   "/srv/a\nb" };
	static const char *const good[] = { "/srv/vm", "/home/ann/vm", "/var/lib/vm", "/etcetera",
					    "/var/lib/cordon/images", "/var/lib/cordon/images/iso",
					    "/var/lib/libvirt/images", "/var/lib/libvirt/images/iso",
					    "/var/lib/libvirt/boot", "/var/lib/libvirt2",
					    "/usrlocal", "/srv/vm.1" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (roots_check(bad[i], &err) != -EINVAL)
			fail_msg("%s was accepted", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (roots_check(good[i], &err))
			fail_msg("%s", err.text);
}

static void test_expression(void **state)
{
	CLEAN_BUF struct buf b;

	(void)state;
	buf_init(&b, 4096);
	roots_expression("/srv/vm.1+(x)", &b);
	assert_string_equal(buf_str(&b), "/srv/vm\\.1\\+\\(x\\)(/.*)?");
}

static void test_labels_of_guests(void **state)
{
	static const char contexts[] = "# images\n\nsystem_u:object_r:svirt_image_t:s0\r\n"
				       "system_u:object_r:virt_content_t:s0";
	static const char *const good[] = { "system_u:object_r:svirt_image_t:s0:c1,c2",
					    "unconfined_u:object_r:virt_content_t:s0", "a:b:virt_content_t" };
	static const char *const bad[] = { "system_u:object_r:virt_image_t:s0", "system_u:object_r:svirt_image:s0",
					   "system_u:object_r:svirt_image_tt:s0", "svirt_image_t", "a:svirt_image_t",
					   "system_u:object_r::s0", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!roots_label_of_guest(contexts, good[i]))
			fail_msg("%s is a guest's", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (roots_label_of_guest(contexts, bad[i]))
			fail_msg("%s is none", bad[i]);
	assert_false(roots_label_of_guest("", good[0]));
	assert_false(roots_label_of_guest("# a:b:svirt_image_t:s0", good[0]));
}

/* The default that it writes out is the one that the packaged file shows. */
static void test_defaults(void **state)
{
	const char *root = getenv("CORDON_SOURCE_ROOT");
	char path[PATH_MAX], text[32768], *at;
	FILE *f;

	(void)state;
	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/packaging/cordond.conf", root);
	f = fopen(path, "re");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	at = strstr(text, "#image_roots = [ " DEFAULTS " ]\n");
	assert_non_null(at);
	snprintf(path, sizeof(path), "%s/src/cli/storage_sys.c", root);
	f = fopen(path, "re");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_non_null(strstr(text, "\"\\\"/var/lib/libvirt/images\\\", \\\"/var/lib/cordon/images\\\"\""));
}

static int run(const char *program, const char *const argv[])
{
	char path[PATH_MAX];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(path, sizeof(path), "%s/%s", getenv("CORDON_BUILD_ROOT"), program);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The program itself, twice, on a private instance; cordond takes what it wrote. */
static void test_run(void **state)
{
	char dir[] = "/tmp/cordon-roots-XXXXXX", images[64], conf[64], text[4096], want[256];
	const char *const add[] = { "cordon", "storage", "add-root", "-i", dir, images, NULL };
	const char *const check[] = { "cordond", "--check", "--instance", dir, NULL };
	struct stat st;
	ssize_t n;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(images, sizeof(images), "%s/more", dir);
	snprintf(conf, sizeof(conf), "%s/cordond.conf", dir);
	assert_int_equal(run("cordon", add), 1);        /* no such folder */
	assert_int_equal(mkdir(images, 0755), 0);
	fd = open(conf, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_int_equal(fd_write_all(fd, "max_guests = 7\n", 15), 0);
	fd_close(&fd);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run("cordon", add), 0);
		fd = open(conf, O_RDONLY | O_CLOEXEC);
		n = fd_read_all(fd, text, sizeof(text) - 1);
		assert_int_equal(fstat(fd, &st), 0);
		fd_close(&fd);
		assert_true(n > 0);
		text[n] = '\0';
		snprintf(want, sizeof(want), "max_guests = 7\nimage_roots = [ \"%s/images\", \"%s\" ]\n",
			 dir, images);
		assert_string_equal(text, want);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_int_equal(run("cordond", check), 0);
	assert_int_equal(unlink(conf), 0);
	assert_int_equal(rmdir(images), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add), cmocka_unit_test(test_there),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_check),
		cmocka_unit_test(test_labels_of_guests), cmocka_unit_test(test_expression),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
