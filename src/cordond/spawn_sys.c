/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a binary to a process that has descriptors 0..3, the capabilities of
 * its row, a session of its own, and nothing else of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/cordond.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#ifdef CORDON_SANITIZE
#define CHILD_ENV environ       /* the sanitizer's options */
#else
#define CHILD_ENV ((char *[]){ NULL })
#endif

static int bin_dir, null_fd;

struct child {
	char *argv[2];
	int ctl_fd;
	uint64_t caps;
	volatile int error;   /* memory is shared until exec */
};

int spawn_init(struct err *err)
{
	char path[PATH_MAX] = "";

	/* 0..3 are taken from the start, so that nothing else of ours gets a number a room is given */
	do
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (null_fd >= 0 && null_fd < FD_CONTROL);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return err_sys(err, -errno, "finding cordond's own binary");
	*strrchr(path, '/') = '\0';
	bin_dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* in a build tree the rooms stand beside us */
	if (faccessat(bin_dir, "cordon-conf", X_OK, 0) < 0)
		bin_dir = open(CORDON_LIBEXECDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return bin_dir < 0 || null_fd < 0 ? err_sys(err, -errno, "'%s'", CORDON_LIBEXECDIR) : 0;
}

int spawn_instead(char *const argv[])
{
	execveat(bin_dir, "cordon-conf", argv, environ, 0);
	return -errno;
}

/* Runs in our memory until exec: nothing here may change what we rely on. */
static _Noreturn void child_main(struct child *c)
{
	sigset_t none;
	int r = 0;

	sigemptyset(&none);
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(c->ctl_fd, FD_CONTROL) < 0 ||
	    close_range(FD_CONTROL + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0 || setsid() < 0)
		r = -errno;
	if (r == 0)
		r = sandbox_effective_caps(~UINT64_C(0));
	if (r == 0)
		r = sandbox_drop_caps(c->caps, NULL);
	if (r == 0) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		execveat(bin_dir, c->argv[0], c->argv, CHILD_ENV, 0);
		r = -errno;
	}
	c->error = -r;
	_exit(127);
}

int spawn_exec(enum room which, int ctl_fd)
{
	char name[32];
	struct child c = { .argv = { name }, .ctl_fd = ctl_fd, .caps = caps_of_room(which) };
	int pid;

	snprintf(name, sizeof(name), "cordon-%s", room_names[which]);
	pid = vfork();
	if (pid == 0)
		child_main(&c);
	if (pid < 0)
		return -errno;
	if (c.error)
		waitpid(pid, NULL, 0);
	return c.error ? -c.error : pid;
}
