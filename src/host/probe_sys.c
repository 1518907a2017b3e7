/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children that try things; each has lost everything before it begins. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/probe.h"
#include "sandbox/sandbox.h"

/* No filter: what KVM and QEMU call is not ours to list, and the child lives for milliseconds. */
static int give_up_all(uid_t uid, const int *keep, size_t n_keep)
{
	const struct sandbox_path paths = { "/", SANDBOX_READ | SANDBOX_EXECUTE };
	const struct sandbox_profile profile = {
		.name = "probe", .uid = uid, .gid = uid, .root_fd = SANDBOX_ROOT_KEEP,
		.keep_fds = keep, .n_keep_fds = n_keep, .nofile = 64,
		.paths = &paths, .n_paths = 1,
	};
	const struct rlimit none = { 0, 0 };
	struct err err;

	if (setrlimit(RLIMIT_FSIZE, &none) < 0)
		return -errno;
	return sandbox_enter(&profile, &err);
}

static int start(int *ret_fd, int *ret_child_end, pid_t *ret_pid, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "starting a probe");
	*ret_pid = fork();
	if (*ret_pid < 0) {
		fd_close_all(fds, 2);
		return err_sys(err, -errno, "starting a probe");
	}
	fd_close(&fds[*ret_pid ? 1 : 0]);
	*ret_fd = fds[0];
	*ret_child_end = fds[1];
	return 0;
}

static void __attribute__((noreturn)) kvm_child(uid_t uid, int out)
{
	struct probe_kvm res = { .usable = false };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	const int keep[] = { STDERR_FILENO, out, kvm };

	alarm(PROBE_KVM_SECONDS);
	if (kvm < 0)
		snprintf(res.reason, sizeof(res.reason), "/dev/kvm: %s", strerrordesc_np(errno));
	else if (give_up_all(uid, keep, 3) < 0)
		_exit(EXIT_FAILURE);
	else
		probe_kvm_run(kvm, &res);
	_exit(fd_write_all(out, &res, sizeof(res)) < 0);
}

int probe_kvm_start(uid_t uid, int *ret_fd, struct err *err)
{
	int end;
	pid_t pid;
	int r = start(ret_fd, &end, &pid, err);

	if (r == 0 && pid == 0)
		kvm_child(uid, end);
	return r;
}

static void __attribute__((noreturn)) emulator_child(uid_t uid, const char *path, int out)
{
	static char name[] = "qemu", version[] = "--version";
	char *argv[] = { name, version, NULL }, *envp[] = { NULL };
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };

	alarm(PROBE_EMULATOR_SECONDS);
	if (dup2(out, STDOUT_FILENO) >= 0 && give_up_all(uid, keep, 3) == 0)
		execve(path, argv, envp);
	_exit(EXIT_FAILURE);
}

int probe_emulator_start(uid_t uid, const char *emulator, int *ret_fd, struct err *err)
{
	int end;
	pid_t pid;
	int r = start(ret_fd, &end, &pid, err);

	if (r == 0 && pid == 0)
		emulator_child(uid, emulator, end);
	return r;
}

size_t probe_read(int fd, void *out, size_t max, unsigned seconds)
{
	struct timespec t;
	time_t end;
	size_t len = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = t.tv_sec + (time_t)seconds;
	while (len < max) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t n;

		clock_gettime(CLOCK_MONOTONIC, &t);
		if (t.tv_sec > end)
			break;
		if (poll(&p, 1, 1000) <= 0)
			continue;
		n = read(fd, (char *)out + len, max - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}
