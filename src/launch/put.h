/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORDON_LAUNCH_PUT_H
#define CORDON_LAUNCH_PUT_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Write a text to one of the kernel's own files, in one go. 0 or -errno. */
static inline int put_text(int dir, const char *path, const char *text)
{
	CLEAN_FD int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

#endif
