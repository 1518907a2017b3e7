/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels on descriptors: a path that changes under us has no say. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "file/file.h"
#include "file/label.h"
#include "file/resolve.h"

#define XATTR "security.selinux"

void label_get(int fd, char ret[FILE_LABEL_MAX + 1])
{
	ssize_t n = fgetxattr(fd, XATTR, ret, FILE_LABEL_MAX);

	ret[n < 0 ? 0 : n] = '\0';
}

/* What the descriptor goes by now, for texts and image_deny. */
static void name_of(int fd, char path[PATH_MAX])
{
	char self[64];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
}

int label_set(int fd, const struct file_label_args *args, struct err *err)
{
	char now[FILE_LABEL_MAX + 1], path[PATH_MAX];
	struct stat st;

	name_of(fd, path);
	resolve_act_as(path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "label of '%s'", path);
	if (st.st_dev != args->dev || st.st_ino != args->ino ||
	    !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return err_set(err, -ESTALE, ERR_INTERNAL_ERROR, "'%s' is not the file to be labelled",
			       path);
	label_get(fd, now);
	if (strcmp(now, args->expected) != 0)
		return err_set(err, -ESTALE, ERR_OPERATION_FAILED,
			       "label of '%s': it was '%s' and is '%s' now: somebody else changed it",
			       path, args->expected, now);
	if (!label_allowed(file_room.conf, now, args->label) ||
	    resolve_denied(path, S_ISBLK(st.st_mode)))
		return err_set(err, -EACCES, ERR_ACCESS_DENIED,
			       "'%s' with label '%s' must not be given the label '%s'", path, now,
			       args->label);
	if (fsetxattr(fd, XATTR, args->label, strlen(args->label) + 1, 0) < 0)
		return err_sys(err, -errno, "setting the label of '%s' to '%s'", path, args->label);
	return 0;
}
