/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "conf/load.h"

#define NAMES_MAX (4u << 20)   /* bytes of passwd or group */

static char *read_whole(int fd, size_t max, const char *what, size_t *ret_len, struct err *err)
{
	char *text = malloc(max + 1);
	ssize_t n;

	if (!text) {
		err_set(err, -ENOMEM, ERR_NO_MEMORY, "%s: out of memory", what);
		return NULL;
	}
	n = fd_read_all(fd, text, max);
	if (n < 0) {
		err_sys(err, (int)n, "reading %s", what);
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*ret_len = (size_t)n;
	return text;
}

int conf_open(const char *path, bool must_exist, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENOENT && !must_exist)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, -errno, "%s", path) : fd;
}

char *conf_read_text(int fd, const char *path, size_t *ret_len, struct err *err)
{
	return read_whole(fd, CONF_FILE_MAX, path, ret_len, err);
}

char *conf_read_names(const char *path, struct err *err)
{
	int CLEAN_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len;

	if (fd < 0) {
		err_sys(err, -errno, "%s", path);
		return NULL;
	}
	return read_whole(fd, NAMES_MAX, path, &len, err);
}
