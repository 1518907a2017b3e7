/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting cordon-image. It is exec'ed with everything given up but the right
 * to enter an empty root, which it gives up with its first step.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "file/file.h"
#include "ipc/serve.h"
#include "sandbox/sandbox.h"

#define CHILD_CHANNEL 3
#define CHILD_ROOT 4

static int set_caps(uint64_t active, uint64_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)active, .permitted = (uint32_t)active,
		  .inheritable = (uint32_t)inheritable },
		{ 0 },
	};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int child_ids(uid_t uid)
{
	const uint64_t keep = SANDBOX_CAP(CAP_SYS_CHROOT);
	int r;

	/* inheritable first: what the bounding set lacks cannot be added to it */
	r = set_caps(FILE_KEEP_CAPS, keep);
	if (r < 0)
		return r;
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
			break;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	r = set_caps(keep, keep);
	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0) < 0)
		return -errno;
	return 0;
}

static void __attribute__((noreturn)) child(int sock)
{
	static char name[] = "cordon-image";
	char *argv[] = { name, NULL }, *envp[] = { NULL };
	struct itimerval limit = { .it_value.tv_sec = file_room.conf->file_timeout };
	int bin = file_room.image_bin;
	const int keep[] = { STDERR_FILENO, CHILD_CHANNEL, CHILD_ROOT, bin };

	/* it dies with SIGALRM: its uid is not ours, so that we could not kill it */
	if (setitimer(ITIMER_REAL, &limit, NULL) < 0 || dup3(sock, CHILD_CHANNEL, 0) < 0 ||
	    dup3(file_room.empty_root, CHILD_ROOT, 0) < 0 ||
	    sandbox_close_others(keep, sizeof(keep) / sizeof(keep[0])) < 0 ||
	    child_ids(file_room.conf->uid_image) < 0)
		_exit(126);
	execveat(bin, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

static int reader_start(struct reader *rd, struct err *err)
{
	int fds[2], high, r;

	r = ipc_pair(fds);
	if (r < 0)
		return err_sys(err, r, "starting cordon-image");
	high = fcntl(fds[1], F_DUPFD_CLOEXEC, FILE_FD_LOW);
	rd->pid = high < 0 ? -1 : fork();
	if (rd->pid == 0)
		child(high);
	r = -errno;
	fd_close(&fds[1]);
	fd_close(&high);
	if (rd->pid < 0) {
		rd->pid = 0;
		fd_close(&fds[0]);
		return err_sys(err, r, "starting cordon-image");
	}
	ipc_chan_init(&rd->ch, fds[0], "image", IPC_ROOM_IMAGE);
	return 0;
}

struct answer {
	struct arena *a;
	struct image_info *info;
	struct err *err;
	int rc;
	bool done;
};

static void on_answer(void *ctx, struct ipc_reply *r)
{
	struct answer *an = ctx;

	an->done = true;
	an->rc = r->rc;
	if (r->rc < 0)
		*an->err = *r->err;
	else if (xdr_copy(&image_info_xdr, r->ret, an->a, an->info) < 0)
		an->rc = err_set(an->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
}

int reader_read(struct reader *rd, struct arena *a, int fd, struct image_info *ret, struct err *err)
{
	struct image_info info = { 0 };
	struct err why = { 0 };
	struct answer an = { .a = a, .info = &info, .err = &why };
	int r = rd->pid ? 0 : reader_start(rd, err);

	if (r < 0)
		return r;
	r = image_call_read(&rd->ch, &fd, 1, on_answer, &an);
	if (r < 0)
		return err_sys(err, r, "asking cordon-image");
	r = ipc_wait(&rd->ch, &an.done, -1);
	if (!an.done)
		return err_sys(err, r, "waiting for cordon-image");
	if (an.rc == 0)
		*ret = info;
	else if (err)
		*err = why;
	return an.rc;
}

void reader_end(struct reader *rd)
{
	if (!rd->pid)
		return;
	ipc_chan_close(&rd->ch, "no more to read");
	fd_close(&rd->ch.fd);
	while (waitpid(rd->pid, NULL, 0) < 0 && errno == EINTR)
		;
	rd->pid = 0;
}
