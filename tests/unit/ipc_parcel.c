/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files in parcels: what comes out is what went in, as often as it is asked for. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "ipc/parcel.h"

static struct stat st;

static int new_file(void)
{
	char name[] = "/tmp/parcel-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(fstat(fd, &st), 0);
	return fd;
}

static bool is_file(int fd)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_dev == st.st_dev && now.st_ino == st.st_ino;
}

static void test_wrapped(void **state)
{
	int fd = new_file(), was = fd;
	struct stat now;

	(void)state;
	assert_int_equal(parcel_wrap(&fd), 0);
	assert_int_not_equal(fd, was);
	assert_int_equal(fcntl(was, F_GETFD), -1);
	assert_int_equal(fstat(fd, &now), 0);
	assert_true(S_ISSOCK(now.st_mode));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void test_unwrapped_twice(void **state)
{
	int fd = new_file(), first, second;

	(void)state;
	assert_int_equal(parcel_wrap(&fd), 0);
	first = dup(fd);
	second = dup(fd);
	assert_int_equal(parcel_unwrap(first), 0);
	assert_true(is_file(first));
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	close(first);
	assert_int_equal(parcel_unwrap(second), 0);
	assert_true(is_file(second));
	close(second);
	close(fd);
}

static void test_no_parcel(void **state)
{
	int fd = new_file(), pair[2];
	char byte = 1;

	(void)state;
	assert_int_equal(parcel_unwrap(fd), 0);
	assert_true(is_file(fd));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(parcel_unwrap(pair[1]), -EAGAIN);
	assert_int_equal(write(pair[0], &byte, 1), 1);
	assert_int_equal(parcel_unwrap(pair[1]), -EBADMSG);
	assert_int_equal(read(pair[1], &byte, 1), 1);
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

/* What nobody takes out ends with the parcel. */
static void test_dropped(void **state)
{
	int pair[2], fd;
	char byte;

	(void)state;
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	fd = take_fd(&pair[1]);
	assert_int_equal(parcel_wrap(&fd), 0);
	assert_int_equal(read(pair[0], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	assert_int_equal(read(pair[0], &byte, 1), 0);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_unwrapped_twice),
		cmocka_unit_test(test_no_parcel),
		cmocka_unit_test(test_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
