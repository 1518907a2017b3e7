/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Child processes from start to reaping. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"

#define END_PATIENCE_MS 5000   /* from closing a room's channel to SIGKILL */

extern const struct ipc_handlers sup_server;

static void on_setup(void *ctx, struct ipc_reply *r)
{
	struct proc *p = ctx;

	if (r->rc < 0) {
		if (!p->given_up)
			log_error("cordon-%s[%d] could not set itself up: %s",
				  room_names[p->which], (int)p->pid, r->err->text);
		proc_end(p);
		return;
	}
	p->ready = true;
	if (is_ward(p->which))
		ipc_chan_close(p->ch, "set up");
	else
		rooms_ready();
}

struct proc *proc_start(enum room which, const uint32_t *peers, unsigned n_peers, const int *fds,
			unsigned n_fds, struct err *err)
{
	const struct room_setup setup = {
		.conf = sup.conf, .n_peers = n_peers, .peers = (uint32_t *)(uintptr_t)peers,
	};
	int pair[2] = { -1, -1 }, r;
	struct proc *p = malloc(sizeof(*p));
	struct ipc_chan *ch = malloc(sizeof(*ch));

	r = p && ch ? ipc_pair(pair) : -ENOMEM;
	if (r < 0)
		err_sys(err, r, "starting cordon-%s", room_names[which]);
	else
		r = spawn_exec(which, pair[1], err);
	fd_close(&pair[1]);
	if (r < 0) {
		fd_close(&pair[0]);
		free(ch);
		free(p);
		return NULL;
	}
	*p = (struct proc){ .which = which, .since = now_ms(), .pid = r, .ch = ch };
	LIST_INSERT_HEAD(&sup.procs, p, link);
	/* rooms are numbered from 1 on the wire, as bits from 0 */
	ipc_chan_init(ch, pair[0], room_names[which], (enum ipc_room)(which - 1));
	if (which == ROOM_DOOR)
		ch->serves[0] = &sup_server;
	r = loop_add(p);
	if (r == 0)
		r = room_call_setup(ch, &setup, fds, n_fds, on_setup, p);
	if (r < 0) {
		err_sys(err, r, "setting up cordon-%s", room_names[which]);
		proc_end(p);
		return NULL;
	}
	return p;
}

struct proc *proc_find(pid_t pid)
{
	struct proc *p;

	LIST_FOREACH(p, &sup.procs, link)
		if (p->pid == pid)
			break;
	return p;
}

void proc_end(struct proc *p)
{
	if (p->given_up)
		return;
	p->given_up = true;
	if (p->ch) {
		ipc_chan_close(p->ch, "no longer needed");
		loop_remove(p);
	}
	p->overdue = now_ms() + END_PATIENCE_MS;
	loop_wake(p->overdue);
}

/* Whoever closed the channel, a room that is not a ward has no use any more. */
void proc_closed(struct proc *p)
{
	if (!is_ward(p->which) || !p->ready) {
		proc_end(p);
		return;
	}
	loop_remove(p);
	free(take_ptr(p->ch));
}

void procs_tick(uint64_t now)
{
	struct proc *p;

	LIST_FOREACH(p, &sup.procs, link) {
		if (p->overdue > now)
			loop_wake(p->overdue);
		if (!p->overdue || p->overdue > now)
			continue;
		log_warn("cordon-%s[%d] does not end; killed", room_names[p->which], (int)p->pid);
		kill(p->pid, SIGKILL);
		p->overdue = 0;
	}
}

static void log_death(const struct proc *p, int status)
{
	const char *name = room_names[p->which];

	if (WIFSIGNALED(status) && !(WTERMSIG(status) == SIGKILL && p->given_up))
		log_warn("cordon-%s[%d] was killed by signal %d (%s)%s", name, (int)p->pid,
			 WTERMSIG(status), sigabbrev_np(WTERMSIG(status)),
			 WTERMSIG(status) == SIGSYS ? ": a system call outside its policy" : "");
	else if (WIFEXITED(status) && (WEXITSTATUS(status) || !(p->given_up || is_ward(p->which))))
		log_warn("cordon-%s[%d] exited with status %d", name, (int)p->pid,
			 WEXITSTATUS(status));
}

void procs_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct proc *p = proc_find(pid);

		if (!p)
			continue;
		log_death(p, status);
		LIST_REMOVE(p, link);
		if (!is_ward(p->which))
			rooms_died(p);
		proc_end(p);
		free(p->ch);
		free(p);
	}
}
