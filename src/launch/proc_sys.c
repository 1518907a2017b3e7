/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"

#define STAT_MAX 1024

/* Field 22 of /proc/PID/stat (proc(5)), counted after the name, which may hold anything. 0: gone. */
uint64_t proc_start(pid_t pid)
{
	char path[40], text[STAT_MAX + 1], *p;
	CLEAN_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, STAT_MAX);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

int watched_open(struct watched *w, pid_t pid, uint64_t start)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return -errno;
	/* the pid may have been used again before we held the pidfd */
	if (start && proc_start(pid) != start) {
		close(fd);
		return -ESRCH;
	}
	w->pid = pid;
	w->start = start ? start : proc_start(pid);
	w->found = start;
	w->pidfd = fd;
	return 0;
}

bool watched_alive(const struct watched *w)
{
	struct pollfd p = { w->pidfd, POLLIN, 0 };

	return w->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

void watched_kill(const struct watched *w)
{
	if (w->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
}

void watched_close(struct watched *w)
{
	fd_close(&w->pidfd);
	w->pid = 0;
}
