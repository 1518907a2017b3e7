/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small things that many attacks do. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"

#define LOOK_MAX (64u << 10)

int outcome(long r)
{
	return r < 0 ? -errno : 0;
}

int better(int a, int b)
{
	return a == 0 || b == 0 ? 0 : a;
}

int holds_secret(int fd, const char *key)
{
	const char *secret = target(key);
	char *data = malloc(LOOK_MAX);
	ssize_t n = data ? pread(fd, data, LOOK_MAX, 0) : -1;
	int r = n < 0 ? -errno : -ENODATA;

	if (n > 0 && secret && memmem(data, (size_t)n, secret, strlen(secret)))
		r = 0;
	free(data);
	return r;
}

int read_secret(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = holds_secret(fd, "victim_secret");
	close(fd);
	return r;
}

int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}
