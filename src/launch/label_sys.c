/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/label.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/put.h"

const char *label_part(const char *label, int n)
{
	while (n-- && label) {
		label = strchr(label, ':');
		label = label ? label + 1 : NULL;
	}
	return label;
}

bool label_type_in(const char *label, char *const *types, size_t n)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:";
	const char *type = label_part(label, 2), *level = label_part(label, 3);
	size_t len = strlen(label);

	if (!level || len >= LABEL_SIZE || strspn(label, allowed) != len)
		return false;
	len = (size_t)(level - type - 1);
	for (size_t i = 0; i < n; i++)
		if (strlen(types[i]) == len && !memcmp(types[i], type, len))
			return true;
	return false;
}

void label_compose(const char *who, const char *type, const char *level, char out[LABEL_SIZE])
{
	const char *rest = label_part(who, 2);

	level = label_part(level, 3);
	if (!rest || !level ||
	    snprintf(out, LABEL_SIZE, "%.*s%s:%s", (int)(rest - who), who, type, level) >= LABEL_SIZE)
		out[0] = '\0';
}

void label_own(char out[LABEL_SIZE])
{
	CLEAN_FD int fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, LABEL_SIZE - 1);

	out[n < 0 ? 0 : n] = '\0';
	if (!label_part(out, 3))
		out[0] = '\0';   /* of another security module */
}

int label_next(int proc, const char *what, const char *label, bool must)
{
	char path[40];
	int r;

	if (!label[0])
		return 0;
	snprintf(path, sizeof(path), "%sattr/%s", proc < 0 ? "/proc/self/" : "", what);
	r = put_text(proc, path, label);
	return r == -EINVAL && !must ? 0 : r;
}

int label_file(int fd, const char *name, const char *label)
{
	const size_t size = strlen(label) + 1;
	int r = size == 1 ? 0 : fd >= 0 ? fsetxattr(fd, "security.selinux", label, size, 0) :
		lsetxattr(name, "security.selinux", label, size, 0);

	return r < 0 ? -errno : 0;
}
