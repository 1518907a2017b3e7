/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a binary to a process that has descriptors 0..3, the capabilities of
 * its row, a session of its own, and nothing else of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "sandbox/sandbox.h"

#define CHILD_STACK 65536
#define FD_CONTROL 3

/* What strangers make a room spend must not cost core or a guest its life. */
#define OOM_FIRST "500"
#define OOM_NORMAL "0"

static char bin_dir[PATH_MAX];
static int null_fd = -1;

struct child {
	const char *path;
	char *argv[2];
	char *const *envp;
	int ctl_fd;
	uint64_t caps;
	const char *oom;
	volatile int error;   /* memory is shared until exec */
};

int spawn_init(struct err *err)
{
	char probe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", bin_dir, sizeof(bin_dir) - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, -errno, "finding cordond's own binary");
	bin_dir[n] = '\0';
	slash = strrchr(bin_dir, '/');
	*slash = '\0';
	/* In a build tree the rooms stand beside us. */
	if (snprintf(probe, sizeof(probe), "%s/cordon-conf", bin_dir) >= (int)sizeof(probe) ||
	    access(probe, X_OK) < 0)
		snprintf(bin_dir, sizeof(bin_dir), "%s", CORDON_LIBEXECDIR);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return null_fd < 0 ? err_sys(err, -errno, "/dev/null") : 0;
}

static void child_oom(const struct child *c)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* Without it the kernel chooses by size alone: no reason to fail. */
	if (fd >= 0 && write(fd, c->oom, strlen(c->oom)) < 0)
		return;
	if (fd >= 0)
		close(fd);
}

/* Runs on a stack of its own in our memory: nothing here may touch the heap. */
static int child_main(void *arg)
{
	struct child *c = arg;
	sigset_t none;
	int r = 0;

	sigemptyset(&none);
	child_oom(c);
	if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(c->ctl_fd, FD_CONTROL) < 0 ||
	    close_range(FD_CONTROL + 1, ~0U, 0) < 0 || setsid() < 0)
		r = -errno;
	if (r == 0 && geteuid() == 0)
		r = caps_effective(~UINT64_C(0));
	if (r == 0 && geteuid() == 0)
		r = sandbox_drop_caps(c->caps, NULL);
	if (r == 0) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(c->path, c->argv, c->envp);
		r = -errno;
	}
	c->error = -r;
	_exit(127);
}

static pid_t child_clone(struct child *c)
{
#ifdef CORDON_SANITIZE
	/* the sanitizer's shadow memory does not survive a shared stack */
	pid_t pid = fork();

	if (pid == 0)
		child_main(c);
	return pid;
#else
	static _Alignas(16) char stack[CHILD_STACK];

	return clone(child_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, c);
#endif
}

pid_t spawn_exec(enum room which, int ctl_fd, struct err *err)
{
	static char *const no_env[] = { NULL };
	char path[PATH_MAX], name[32];
	struct child c = {
		.path = path, .argv = { name }, .envp = no_env, .ctl_fd = ctl_fd,
		.caps = caps_of_room(which),
		.oom = which == ROOM_CONN || which == ROOM_EDGE ? OOM_FIRST : OOM_NORMAL,
	};
	pid_t pid;

#ifdef CORDON_SANITIZE
	c.envp = environ;
#endif
	snprintf(name, sizeof(name), "cordon-%s", room_names[which]);
	if (snprintf(path, sizeof(path), "%s/%s", bin_dir, name) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, ERR_INTERNAL_ERROR, "%s: path too long", bin_dir);
	pid = child_clone(&c);
	if (pid < 0)
		return err_sys(err, -errno, "starting %s", name);
	if (c.error) {
		waitpid(pid, NULL, 0);
		return err_sys(err, -c.error, "starting %s", path);
	}
	return pid;
}
