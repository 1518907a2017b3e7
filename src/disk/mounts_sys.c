/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "disk/mounts.h"

static int mounts_fd = -1;
static char *mounts_text;

int mounts_open(int *ret_fd)
{
	mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (mounts_fd < 0)
		return -errno;
	*ret_fd = mounts_fd;
	return 0;
}

static void reread(void)
{
	size_t len = 0, room = 16384;
	char *text = malloc(room + 1);

	free(mounts_text);
	mounts_text = NULL;
	if (lseek(mounts_fd, 0, SEEK_SET) < 0) {
		free(text);
		return;
	}
	while (text) {
		ssize_t n = read(mounts_fd, text + len, room - len);
		char *more;

		if (n == 0)
			break;
		if (n < 0 || len + (size_t)n > MOUNTS_TEXT_MAX) {
			free(text);
			return;
		}
		len += (size_t)n;
		if (room - len >= 4096)
			continue;
		room *= 2;
		more = realloc(text, room + 1);
		if (!more)
			free(text);
		text = more;
	}
	if (text)
		text[len] = '\0';
	mounts_text = text;
}

/* The text as it is now, or NULL. */
static const char *now(void)
{
	struct pollfd p = { mounts_fd, POLLPRI, 0 };

	if (mounts_fd >= 0 && (!mounts_text || poll(&p, 1, 0) != 0))
		reread();
	return mounts_text;
}

bool mounts_local(const char *path)
{
	return now() && mounts_local_in(mounts_text, path);
}

bool mounts_find(uint64_t id, struct mount_info *ret)
{
	return now() && mounts_find_in(mounts_text, id, ret);
}

bool mounts_there(const char *point)
{
	return now() && mounts_there_in(mounts_text, point);
}
