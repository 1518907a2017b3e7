/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Child processes from start to reaping, and the other signals. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"

#define END_PATIENCE_MS 5000   /* from the end of a room's channel to SIGKILL */

struct child {
	LIST_ENTRY(child) link;
	enum room which;
	pid_t pid;
};

static LIST_HEAD(, child) children;
static sigset_t signals;
bool stopping;

int child_init(struct err *err)
{
	static const int wanted[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	int fd;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&signals, wanted[i]);
	signal(SIGPIPE, SIG_IGN);
	fd = sigprocmask(SIG_BLOCK, &signals, NULL) < 0 ? -1 : signalfd(-1, &signals, SFD_CLOEXEC);
	return fd < 0 ? err_sys(err, -errno, "signals") : fd;
}

int child_start(enum room which, struct ipc_chan *ch, struct err *err)
{
	struct child *c = malloc(sizeof(*c));
	int pair[2] = { -1, -1 }, pid = c ? ipc_pair(pair) : -ENOMEM;

	if (pid == 0)
		pid = spawn_exec(which, pair[1]);
	fd_close(&pair[1]);
	if (pid < 0) {
		fd_close(&pair[0]);
		free(c);
		return err_sys(err, pid, "starting cordon-%s", room_names[which]);
	}
	ipc_chan_init(ch, pair[0], room_names[which], (enum ipc_room)which);
	*c = (struct child){ .which = which, .pid = pid };
	LIST_INSERT_HEAD(&children, c, link);
	return pid;
}

unsigned child_count(enum room which)
{
	struct child *c;
	unsigned n = 0;

	LIST_FOREACH(c, &children, link)
		n += c->which == which;
	return n;
}

void child_kill(pid_t pid)
{
	struct child *c;

	LIST_FOREACH(c, &children, link)
		if (c->pid == pid)
			kill(pid, SIGKILL);
}

static void reap(void)
{
	struct child *c;
	int pid, status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		LIST_FOREACH(c, &children, link)
			if (c->pid == pid)
				break;
		if (c) {
			LIST_REMOVE(c, link);
			child_ended(c->which, pid, status);
		}
		free(c);
	}
}

bool child_signal(int wait_ms)
{
	const struct timespec ts = { wait_ms / 1000, wait_ms % 1000 * 1000000L };
	int sig = sigtimedwait(&signals, NULL, &ts);

	if (sig == SIGCHLD)
		reap();
	else if (sig > 0 && sig != SIGHUP)
		stopping = true;
	return sig > 0;
}

void child_end_all(void)
{
	bool killed = false;
	struct child *c;

	while (!LIST_EMPTY(&children)) {
		if (child_signal(END_PATIENCE_MS))
			continue;
		LIST_FOREACH(c, &children, link) {
			log_warn("cordon-%s[%d] does not end; %s", room_names[c->which], (int)c->pid,
				 killed ? "it hangs in the kernel, and is left behind" : "killed");
			kill(c->pid, SIGKILL);
		}
		/* it will do nothing more, whenever the kernel lets it go */
		while (killed && (c = LIST_FIRST(&children))) {
			LIST_REMOVE(c, link);
			free(c);
		}
		killed = true;
	}
}
