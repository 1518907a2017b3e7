/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rooms from the question to cordond until it says that they ended. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/ev.h"
#include "supervisor/supervisor.h"

#define END_PATIENCE_MS 5000   /* from closing a room's channel to SIGKILL */

/* one numbering: what a room is on the wire, and at the end of a channel */
_Static_assert((int)ROOM_CORDOND == (int)IPC_ROOM_CORDOND && (int)ROOM_VM == (int)IPC_ROOM_VM &&
	       (int)ROOM_SUPERVISOR == (int)IPC_ROOM_SUPERVISOR, "enum room and enum ipc_room differ");

static void overdue_soon(struct proc *p)
{
	p->overdue = ipc_ev_ms() + END_PATIENCE_MS;
	wake_at(p->overdue);
}

static void proc_free(struct proc *p, bool refused)
{
	LIST_REMOVE(p, link);
	p->given_up = true;
	if (p->open)
		ipc_chan_close(&p->ch, "it ended");
	if (!is_ward(p->which))
		rooms_died(p, refused);
	free(p);
}

/* Whoever closed the channel, a room that is not a ward has no use any more. */
static void closed(struct ipc_chan *ch)
{
	struct proc *p = ch->ctx;

	p->open = false;
	if (!(is_ward(p->which) && p->ready) && !p->overdue)
		overdue_soon(p);
}

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
		ipc_chan_close(&p->ch, "set up");
	else
		rooms_ready();
}

/* Its channel has SETUP in it, of which we hear the answer. */
static int adopt(struct proc *p, int fd)
{
	ipc_chan_init(&p->ch, fd, room_names[p->which], (enum ipc_room)p->which);
	p->ch.ctx = p;
	p->ch.on_closed = closed;
	if (p->which == ROOM_DOOR)
		p->ch.serves[0] = &sup_server;
	if (ipc_call_expect(&p->ch, &room_program, ROOM_SETUP - 1, on_setup, p) < 0 ||
	    ipc_ev_attach(supervisor.base, &p->ch) < 0)
		return -ENOMEM;
	p->open = true;
	return 0;
}

static void on_started(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *asked;
	struct sup_ward ward;
	struct proc *p = ctx;
	bool doomed = p->given_up;

	asked = take_ptr(p->asked);
	if (r->rc < 0) {
		if (asked)
			ipc_refuse(asked, r->rc, r->err);
		else
			log_error("%s", r->err->text);
		proc_free(p, true);
		return;
	}
	ward.pid = p->pid = ((const struct starter_child *)r->ret)->pid;
	if (adopt(p, take_fd(&r->fds[0])) < 0)
		give_up("out of memory");
	if (doomed)
		ipc_chan_close(&p->ch, "no longer needed");
	if (asked)
		sup_reply_start(asked, &ward);
	wake_at(ipc_ev_ms());   /* those below may be waiting for it */
}

struct proc *proc_start(enum room which, const uint32_t *peers, unsigned n_peers, const int *fds,
			struct ipc_call *asked, struct err *err)
{
	const struct starter_room args = {
		.which = which, .n_peers = n_peers, .peers = (uint32_t *)(uintptr_t)peers,
	};
	struct proc *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (p)
		r = starter_call_start(&supervisor.cordond, &args, fds, n_peers, on_started, p);
	if (r < 0) {
		free(p);
		err_sys(err, r, "starting cordon-%s", room_names[which]);
		return NULL;
	}
	p->which = which;
	p->since = ipc_ev_ms();
	p->asked = asked;
	LIST_INSERT_HEAD(&supervisor.procs, p, link);
	return p;
}

struct proc *proc_find(pid_t pid)
{
	struct proc *p;

	LIST_FOREACH(p, &supervisor.procs, link)
		if (p->pid == pid)
			break;
	return p;
}

void proc_end(struct proc *p)
{
	if (p->given_up)
		return;
	p->given_up = true;
	if (p->open)
		ipc_chan_close(&p->ch, "no longer needed");
	if (!p->overdue)
		overdue_soon(p);
}

void proc_kill(struct proc *p)
{
	const struct starter_child child = { .pid = p->pid };

	p->killed = true;
	(void)starter_send_kill(&supervisor.cordond, &child);
}

void procs_tick(uint64_t now)
{
	struct proc *p;

	LIST_FOREACH(p, &supervisor.procs, link) {
		if (p->overdue > now)
			wake_at(p->overdue);
		if (!p->overdue || p->overdue > now || !p->pid)
			continue;
		log_warn("cordon-%s[%d] does not end; killed", room_names[p->which], (int)p->pid);
		proc_kill(p);
		p->overdue = 0;
	}
}

static void log_death(const struct proc *p, int status)
{
	const char *name = room_names[p->which];

	if (WIFSIGNALED(status) && !(WTERMSIG(status) == SIGKILL && p->killed))
		log_warn("cordon-%s[%d] was killed by signal %d (%s)%s", name, (int)p->pid,
			 WTERMSIG(status), sigabbrev_np(WTERMSIG(status)),
			 WTERMSIG(status) == SIGSYS ? ": a system call outside its policy" : "");
	else if (WIFEXITED(status) && (WEXITSTATUS(status) || !(p->given_up || is_ward(p->which))))
		log_warn("cordon-%s[%d] exited with status %d", name, (int)p->pid,
			 WEXITSTATUS(status));
}

int supervisor_on_ended(struct ipc_call *call, const struct supervisor_death *args)
{
	struct proc *p = proc_find(args->pid);

	if (p && args->pid > 0) {
		log_death(p, args->status);
		proc_free(p, false);
	}
	return ipc_reply(call, NULL, NULL, 0);
}
