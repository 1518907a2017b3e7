/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordon cage says of a process's descriptors: here of our own, in the place of QEMU's. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"

#define NAME_LONG 200     /* bytes of each folder's name in a path that is too long */
#define DEPTH (PATH_MAX / NAME_LONG + 1)

/* Is there a row that differs for descriptor `fd`, with `text` in it? */
static bool differs(int fd, const char *text)
{
	const struct cage_host host = { 0 };
	const struct cage_guest g = { .host = &host };
	struct cage_report r = { 0 };
	char begin[64];
	bool found = false;

	buf_init(&r.out, 1 << 20);
	cage_files(&g, getpid(), &r);
	snprintf(begin, sizeof(begin), "  DIFFERS  descriptor       %d is ", fd);
	for (const char *l = buf_str(&r.out); (l = strstr(l, begin)); l++) {
		const char *at = strstr(l, text);

		found = found || (at && at < strchr(l, '\n'));
	}
	/* "nothing else" is only said where nothing was left out */
	assert_true(!found || !strstr(buf_str(&r.out), "nothing else"));
	buf_free(&r.out);
	return found;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* A unix socket with an abstract name. */
static int listen_as(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path + 1, name, strlen(name));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))), 0);
	return fd;
}

static void test_sockets(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int pair[2];

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, pair), 0);
		assert_false(differs(pair[0], ""));
		fd_close(&pair[0]);
		fd_close(&pair[1]);
	}
	for (size_t i = 0; i < 2; i++) {
		CLEAN_FD int fd = socket(AF_INET, types[i] | SOCK_CLOEXEC, 0);

		assert_true(differs(fd, "no unix socket"));
	}
}

/* Anybody may bind a name that looks like another socket's line of /proc/net/unix, or a part of it. */
static void test_sockets_with_names(void **state)
{
	static const char *const names[] = {
		"x", "x\n0000000000000000: 00000002 00000000 00010000 0001 01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEAN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other = -1;
		char name[100];

		snprintf(name, sizeof(name), "%s %ju y", names[i], (uintmax_t)inode_of(fd));
		other = listen_as(name);
		assert_false(differs(other, ""));
		assert_true(differs(fd, "no unix socket"));
	}
}

/* A path that readlink(2) does not tell, ENAMETOOLONG, belongs to a descriptor that is open all the same. */
static void test_a_path_too_long(void **state)
{
	char top[] = "/tmp/cordon-cage-XXXXXX", name[NAME_LONG + 1] = "";
	int dirs[DEPTH + 1], fd;

	(void)state;
	assert_non_null(mkdtemp(top));
	memset(name, 'x', NAME_LONG);
	dirs[0] = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		assert_int_equal(mkdirat(dirs[i], name, 0700), 0);
		dirs[i + 1] = openat(dirs[i], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(dirs[i + 1] >= 0);
	}
	fd = openat(dirs[DEPTH], "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	unlinkat(dirs[DEPTH], "file", 0);
	for (int i = DEPTH; i > 0; i--) {
		fd_close(&dirs[i]);
		unlinkat(dirs[i - 1], name, AT_REMOVEDIR);
	}
	fd_close(&dirs[0]);
	rmdir(top);
	assert_true(differs(fd, strerrordesc_np(ENAMETOOLONG)));
	fd_close(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_sockets_with_names),
		cmocka_unit_test(test_a_path_too_long),
	};

	return cmocka_run_group_tests_name("cli_cage", tests, NULL, NULL);
}
