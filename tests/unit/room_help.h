/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests that run rooms as processes. After cmocka.h. */
#ifndef CORDON_TESTS_ROOM_HELP_H
#define CORDON_TESTS_ROOM_HELP_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline int remove_one(const char *p, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(p);
}

static inline int remove_tree(const char *dir)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static inline double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What the process may do, as the kernel has it; CapEff and CapBnd in hexadecimal. */
static inline void has_only(pid_t pid, uint32_t uid, const char *caps)
{
	char text[8192], want[64];
	int fd;
	ssize_t n;

	snprintf(want, sizeof(want), "/proc/%d/status", pid);
	fd = open(want, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	assert_non_null(strstr(text, "Seccomp:\t2"));
	snprintf(want, sizeof(want), "Uid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "CapEff:\t%s", caps);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof(want), "CapBnd:\t%s", caps);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "CapAmb:\t0000000000000000"));
}

#endif
