/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage S: a child of launch that starts QEMU's cage as its own child, arranges
 * the descriptors that src/vm/vm_fds.h promises and becomes cordon-vm, which is
 * thus QEMU's parent. It reports to launch through a pipe: QEMU's pid, or why not.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/launch.h"
#include "sandbox/sandbox.h"
#include "vm/vm_fds.h"

#define REPORT_TIMEOUT_S 5
#define VM_BINARY "cordon-vm"

struct report {
	int rc;
	pid_t pid;
	uint64_t start;
	struct err err;
};

static int open_proc(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The room programs stand beside each other: our own path with another name. 0 or -errno. */
static int vm_binary(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - sizeof(VM_BINARY));

	if (n < 0)
		return -errno;
	out[n] = '\0';
	memcpy(strrchr(out, '/') + 1, VM_BINARY, sizeof(VM_BINARY));
	return 0;
}

static void say(int fd, int rc, const struct watched *qemu, const struct err *err)
{
	const struct report r = { rc, qemu->pid, qemu->start, *err };

	(void)fd_write_all(fd, &r, sizeof(r));
}

static void become_vm(const struct stage *s, const struct watched *qemu, int args, int proc, int report)
{
	struct cage_fd fds[GUEST_PTYS_MAX + FOLDER_FDS + 8] = {
		{ 2, 2 }, { s->core_end, VM_FD_CORE }, { qemu->pidfd, VM_FD_QEMU },
		{ proc, VM_FD_PROC }, { args, VM_FD_ARGS },
	};
	char path[PATH_MAX], *argv[] = { (char *)(uintptr_t)VM_BINARY, NULL }, *envp[] = { NULL };
	char label[LABEL_SIZE] = "";
	size_t n = args < 0 ? 4 : 5;
	struct err err = { 0 };
	int rc;

	for (int i = 0; i < FOLDER_FDS; i++)
		if (folder_files[i].at >= 0)
			fds[n++] = (struct cage_fd){ s->folder[i], folder_files[i].at };
	for (unsigned i = 0; i < s->cell->n_ptys; i++)
		fds[n++] = (struct cage_fd){ s->cell->pty[i], VM_FD_PTY + (int)i };
	label_compose(launch.label, VM_TYPE, s->cell->label, label);
	rc = vm_binary(path);
	/* a network of its own: connect() then reaches what has a name in its root, nothing abstract */
	if (!rc && (fchdir(s->cell->dir) < 0 || unshare(CLONE_NEWNET) < 0))
		rc = -errno;
	if (!rc)
		rc = label_next(-1, "exec", label, false);
	if (!rc)
		rc = cage_place_fds(fds, n, &report, 1, &err);
	if (!rc) {
		say(report, 0, qemu, &err);
		execve(path, argv, envp);
		rc = -errno;
	}
	log_error("guest %s: stage S: %s", s->cell->dir_name, strerrordesc_np(-rc));
	/* QEMU's cage ends by itself: its argument socket closes with us */
}

static _Noreturn void child(const struct stage *s, int report)
{
	struct watched qemu = s->cell->qemu;
	struct err err = { 0 };
	int args[2] = { -1, -1 }, proc, rc = 0;
	pid_t pid;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, "cordon-stage");
	if (s->cage) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, args) < 0)
			rc = err_sys(&err, -errno, "argument socket");
		s->cage->args_fd = args[1];
		pid = rc ? rc : cage_spawn(s->cage, &err);
		fd_close(&args[1]);
		rc = pid < 0 ? pid : watched_open(&qemu, pid, 0);
	}
	if (!rc) {
		proc = open_proc(qemu.pid);
		if (proc < 0)
			rc = err_sys(&err, -errno, "/proc of QEMU");
	}
	if (!rc)
		become_vm(s, &qemu, args[0], proc, report);
	else
		say(report, rc, &qemu, &err);
	_exit(1);
}

static int read_report(int fd, struct report *r)
{
	struct timeval tv = { .tv_sec = REPORT_TIMEOUT_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return recv(fd, r, sizeof(*r), MSG_WAITALL) == sizeof(*r) ? 0 : -EIO;
}

int stage_run(const struct stage *s, struct err *err)
{
	struct report r = { .rc = -EIO };
	int pair[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, -errno, "guest %s", s->cell->dir_name);
	pid = fork();
	if (pid == 0)
		child(s, pair[1]);
	fd_close(&pair[1]);
	rc = pid < 0 ? -errno : read_report(pair[0], &r);
	fd_close(&pair[0]);
	if (rc || r.rc) {
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		return r.rc && !rc ? err_set(err, r.rc, ERR_INTERNAL_ERROR, "cage: %s", r.err.text) :
		       err_sys(err, rc, "guest %s: stage S", s->cell->dir_name);
	}
	rc = watched_open(&s->cell->vm, pid, 0);
	if (!rc && s->cage)
		rc = watched_open(&s->cell->qemu, r.pid, r.start);
	return rc ? err_sys(err, rc, "guest %s: it ended at once", s->cell->dir_name) : 0;
}
