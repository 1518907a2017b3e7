/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-file, played by a test: labels are extended attributes, whether the kernel knows SELinux or not. */
#ifndef CORDON_TESTS_PLAYED_FILE_H
#define CORDON_TESTS_PLAYED_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "ipc/chan.h"
#include "proto/file.x.h"

extern const struct ipc_handlers file_server;

static struct ipc_chan file;      /* to cordon-disk */

/* Room for the test to misbehave: fail before, die before or after the label was set, say nothing. */
static int fault;
static struct ipc_call *unanswered;   /* with FAULT_SILENT: the test's to end */
enum { FAULT_NONE, FAULT_REFUSE, FAULT_DIE_BEFORE, FAULT_DIE_AFTER, FAULT_SILENT };

static void label_of(int fd, char *out)
{
	ssize_t n = fgetxattr(fd, "security.selinux", out, 255);

	out[n < 0 ? 0 : n] = '\0';
}

int file_on_open(struct ipc_call *call, const struct file_open_args *args)
{
	CLEAN_FD int fd = open(args->path, args->write ? O_RDWR : O_RDONLY);
	char label[256];
	struct stat st;
	struct statx sx;

	if (fd < 0 || fstat(fd, &st) < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
		return err_sys(&call->err, -errno, "%s", args->path);
	label_of(fd, label);
	const struct file_opened ret = {
		.dev = st.st_dev, .ino = st.st_ino, .nlink = 1, .size = (uint64_t)st.st_size,
		.mount = sx.stx_mnt_id, .label = label,
	};
	return ipc_reply(call, &ret, &fd, 1);
}

int file_on_set_label(struct ipc_call *call, const struct file_label_args *args)
{
	char label[256];
	struct stat st;

	if (fault == FAULT_REFUSE)
		return err_set(&call->err, -EROFS, ERR_SYSTEM_ERROR, "read-only");
	if (fault == FAULT_SILENT) {
		unanswered = call;
		return 0;
	}
	if (fault == FAULT_DIE_BEFORE) {
		ipc_chan_close(&file, "dies");
		return -EIO;
	}
	assert_int_equal(fstat(call->fds[0], &st), 0);
	label_of(call->fds[0], label);
	if (st.st_dev != args->dev || st.st_ino != args->ino || strcmp(label, args->expected) != 0)
		return err_set(&call->err, -ESTALE, ERR_OPERATION_FAILED, "is '%s', not '%s'", label,
			       args->expected);
	if (fsetxattr(call->fds[0], "security.selinux", args->label, strlen(args->label) + 1, 0) < 0)
		return err_sys(&call->err, -errno, "fsetxattr");
	if (fault == FAULT_DIE_AFTER) {
		ipc_chan_close(&file, "dies");
		return -EIO;
	}
	return file_reply_set_label(call);
}

int file_on_make_nvram(struct ipc_call *call, const struct file_nvram_args *args)
{
	(void)args;
	return ipc_refuse_unsupported(call);
}

int file_on_unlink_nvram(struct ipc_call *call, const struct file_unlink_args *args)
{
	(void)args;
	return ipc_refuse_unsupported(call);
}

int file_on_worker(struct ipc_call *call)
{
	return ipc_reply(call, NULL, NULL, 0);
}

#endif
