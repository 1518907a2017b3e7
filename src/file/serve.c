/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of program file, here or in a worker. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "file/file.h"
#include "file/resolve.h"
#include "ipc/parcel.h"
#include "ipc/serve.h"

#define STUCK_GRACE 5     /* seconds: cordon-disk gives a request up before that */

struct file_room file_room;

static void limit(unsigned seconds)
{
	const struct itimerval t = { .it_value.tv_sec = seconds };

	setitimer(ITIMER_REAL, &t, NULL);
}

/*
 * What turns out to wait for a server here, against what cordon-disk thought,
 * ends the room, which is then started anew. A worker has its own limit.
 */
static void watch(bool on)
{
	if (!file_room.worker)
		limit(on ? file_room.conf->file_timeout + STUCK_GRACE : 0);
}

static void describe(int fd, const struct stat *st, char *label, struct file_opened *ret)
{
	struct statx sx = { 0 };
	struct statfs fs = { 0 };
	uint64_t size = (uint64_t)st->st_size;
	int gen = 0;

	if (S_ISBLK(st->st_mode))
		ioctl(fd, BLKGETSIZE64, &size);
	else
		ioctl(fd, FS_IOC_GETVERSION, &gen);
	label_get(fd, label);
	statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &sx);
	fstatfs(fd, &fs);
	*ret = (struct file_opened){
		.dev = st->st_dev, .ino = st->st_ino, .rdev = st->st_rdev,
		.nlink = (uint32_t)st->st_nlink, .size = size,
		.allocation = (uint64_t)st->st_blocks * 512, .generation = (uint32_t)gen,
		.fs_id = (uint64_t)(uint32_t)fs.f_fsid.__val[0] << 32 | (uint32_t)fs.f_fsid.__val[1],
		.mount = sx.stx_mnt_id, .label = label,
	};
}

int file_on_open(struct ipc_call *call, const struct file_open_args *args)
{
	const struct resolve_req req = {
		.role = args->role, .roots = args->roots, .path = args->path, .block = args->block,
		.write = args->write, .boot = args->boot,
	};
	char label[FILE_LABEL_MAX + 1];
	struct file_opened ret = { 0 };
	CLEAN_FD int fd = -1;
	struct stat st;
	int r;

	watch(true);
	r = resolve_open(&req, &fd, &st, &call->err);
	if (r == 0)
		describe(fd, &st, label, &ret);
	if (r == 0 && file_room.worker && (r = parcel_wrap(&fd)) < 0)
		err_sys(&call->err, r, "handing on '%s'", args->path);
	watch(false);
	return r < 0 ? r : ipc_reply(call, &ret, &fd, 1);
}

int file_on_make_nvram(struct ipc_call *call, const struct file_nvram_args *args)
{
	int r;

	watch(true);
	r = nvram_make(args, &call->err);
	watch(false);
	return r < 0 ? r : file_reply_make_nvram(call);
}

int file_on_unlink_nvram(struct ipc_call *call, const struct file_unlink_args *args)
{
	int r;

	watch(true);
	r = nvram_unlink(args->path, &call->err);
	watch(false);
	return r < 0 ? r : file_reply_unlink_nvram(call);
}

int file_on_set_label(struct ipc_call *call, const struct file_label_args *args)
{
	int r;

	watch(true);
	r = file_room.worker ? parcel_unwrap(call->fds[0]) : 0;
	if (r == 0)
		r = label_set(call->fds[0], args, &call->err);
	watch(false);
	return r < 0 ? r : file_reply_set_label(call);
}

static void __attribute__((noreturn)) worker(int sock)
{
	const int keep[] = { STDERR_FILENO, sock };
	struct ipc_chan ch;
	bool never = false;

	/* cordon-disk stops waiting first, and says so */
	limit(file_room.conf->file_timeout + 1);
	if (sandbox_close_others(keep, sizeof(keep) / sizeof(keep[0])) < 0)
		_exit(EXIT_FAILURE);
	file_room.worker = true;
	ipc_chan_init(&ch, sock, "disk", IPC_ROOM_DISK);
	ch.serves[0] = &file_server;
	ipc_wait(&ch, &never, -1);
	_exit(EXIT_SUCCESS);
}

static atomic_int n_workers;

static void on_child(int sig)
{
	const int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		n_workers--;
	errno = saved;
}

/* When no worker can be had the channel closes, which tells cordon-disk. */
int file_on_worker(struct ipc_call *call)
{
	pid_t pid = -1;

	signal(SIGCHLD, on_child);
	if (!file_room.worker && n_workers < FILE_WORKERS_MAX)
		pid = fork();
	if (pid == 0)
		worker(call->fds[0]);
	if (pid > 0)
		n_workers++;
	else
		log_warn("no worker for slow storage: %d are at work", n_workers);
	return ipc_reply(call, NULL, NULL, 0);
}
