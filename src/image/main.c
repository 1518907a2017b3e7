/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-image: reads headers of images for cordon-disk. What it reads, a guest
 * may have written: every chain gets a process of its own, forked from one that
 * has never seen an image, which has no call but to read and to answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "image/qcow2.h"
#include "ipc/parcel.h"
#include "ipc/serve.h"
#include "proto/image.x.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#define SETUP_TIMEOUT_MS 30000
#define READERS_MAX 256
#define NOFILE 64

static struct ipc_chan control, disk;
static struct ipc_call *setup_call;   /* answered from inside the sandbox */
static bool ready;
static unsigned timeout;              /* seconds a reader may take */
static char run_dir[PATH_MAX];
static uint32_t uid;

/* ---- a reader ---- */

/* Read until `len` bytes, or the end of the file. Bytes read or -errno. */
static ssize_t read_head(int fd, uint8_t *data, size_t from, size_t len)
{
	while (from < len) {
		ssize_t n = pread(fd, data + from, len - from, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		from += (size_t)n;
	}
	return (ssize_t)from;
}

static int read_qcow2(int fd, uint8_t *data, struct qcow2 *ret, bool *ret_is, struct err *err)
{
	ssize_t n = read_head(fd, data, 0, QCOW2_HEAD_MIN);
	size_t want;
	int r;

	*ret_is = n > 0 && qcow2_is(data, (size_t)n);
	if (n >= 0 && !*ret_is)
		return 0;
	if (n == QCOW2_HEAD_MIN) {
		r = qcow2_wanted(data, &want, err);
		if (r < 0)
			return r;
		n = read_head(fd, data, QCOW2_HEAD_MIN, want);
	}
	if (n < 0)
		return err_sys(err, (int)n, "reading the image's header");
	return qcow2_parse(data, (size_t)n, ret, err);
}

int image_on_read(struct ipc_call *call)
{
	static uint8_t data[QCOW2_CLUSTER_MAX];
	struct image_info info = { 0 };
	struct qcow2 q = { 0 };
	int r;

	r = parcel_unwrap(call->fds[0]);
	if (r == 0)
		r = read_qcow2(call->fds[0], data, &q, &info.qcow2, &call->err);
	/* a server that is silent by now is met before the answer */
	fd_close(&call->fds[0]);
	if (r < 0)
		return r;
	info.virtual_size = q.virtual_size;
	info.version = q.version;
	info.data_file = q.data_file;
	info.encrypted = q.encrypted;
	info.backing = q.has_backing ? q.backing : NULL;
	info.backing_format = q.has_format ? q.format : NULL;
	return image_reply_read(call, &info);
}

static void __attribute__((noreturn)) reader(int sock)
{
	const int keep[] = { STDERR_FILENO, sock };
	const struct itimerval limit = { .it_value.tv_sec = timeout };
	struct ipc_chan ch;
	bool never = false;

	if (setitimer(ITIMER_REAL, &limit, NULL) < 0 ||
	    sandbox_close_others(keep, sizeof(keep) / sizeof(keep[0])) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    sandbox_load_policy(&sandbox_policy_reader, false, NULL) < 0)
		_exit(EXIT_FAILURE);
	ipc_chan_init(&ch, sock, "disk", IPC_ROOM_DISK);
	ch.serves[0] = &image_server;
	ipc_wait(&ch, &never, -1);
	_exit(EXIT_SUCCESS);
}

/* ---- the room ---- */

static atomic_int n_readers;

static void on_child(int sig)
{
	const int saved = errno;

	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		n_readers--;
	errno = saved;
}

/* When no reader can be had the channel closes, which tells cordon-disk. */
int image_on_reader(struct ipc_call *call)
{
	pid_t pid = -1;

	if (n_readers < READERS_MAX)
		pid = fork();
	if (pid == 0)
		reader(call->fds[0]);
	if (pid > 0)
		n_readers++;
	else
		log_warn("no reader for an image: %d are at work", n_readers);
	return ipc_reply(call, NULL, NULL, 0);
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	if (ready || args->n_peers != 1 || args->peers[0] != ROOM_DISK || call->n_fds != 1)
		return err_set(&call->err, -EINVAL, ERR_INTERNAL_ERROR, "cordon-image serves cordon-disk");
	log_open("image", (enum log_level)args->conf.log_level, &ipc_req);
	timeout = args->conf.file_timeout + 1;   /* cordon-disk stops waiting first */
	uid = args->conf.uid_image;
	snprintf(run_dir, sizeof(run_dir), "%s", args->conf.run_dir);
	ipc_chan_init(&disk, take_fd(&call->fds[0]), "disk", IPC_ROOM_DISK);
	disk.serves[0] = &image_server;
	disk.state = IPC_STATE_OPEN;
	setup_call = call;
	ready = true;
	return 0;
}

static int enter(struct err *err)
{
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, FD_CONTROL, disk.fd };
	struct sandbox_profile profile = {
		.name = "image",
		.policy = &sandbox_policy_image,
		.uid = uid,
		.gid = uid,
		.keep_fds = keep,
		.n_keep_fds = sizeof(keep) / sizeof(keep[0]),
		.nofile = NOFILE,
	};
	int CLEAN_FD run = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int CLEAN_FD root = openat(run, "empty", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (root < 0)
		return err_sys(err, -errno, "%s/empty", run_dir);
	profile.root_fd = take_fd(&root);
	return sandbox_enter(&profile, err);
}

int main(void)
{
	struct ipc_chan *chans[] = { &control, &disk };
	struct err err = { 0 };

	log_open("image", LOG_LEVEL_INFO, &ipc_req);
	signal(SIGCHLD, on_child);
	ipc_chan_init(&control, FD_CONTROL, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	control.state = IPC_STATE_OPEN;
	if (ipc_wait(&control, &ready, SETUP_TIMEOUT_MS) < 0) {
		log_error("no setup from cordond");
		return EXIT_FAILURE;
	}
	if (enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	room_reply_setup(setup_call);
	/* nothing to tidy, and no call but these few: not even the C library's last ones */
	_exit(ipc_serve(chans, 2, NULL, 0, NULL, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
