/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Child processes from start to reaping. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "ipc/ev.h"

#define END_PATIENCE_MS 2000   /* from closing a room's channel to SIGKILL */

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void after_ms(unsigned ms, event_callback_fn fn, void *arg)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (event_base_once(sup.base, -1, EV_TIMEOUT, fn, arg, &tv) < 0)
		abort();
}

/* Whoever closed the channel, the process has no use any more. */
static void on_closed(struct ipc_chan *ch)
{
	struct proc *p = ch->ctx;

	proc_end(p);
}

static void on_setup(void *ctx, struct ipc_reply *r)
{
	struct proc *p = ctx;

	if (r->rc == 0) {
		p->ready = true;
		if (p->on_ready)
			p->on_ready(p);
		return;
	}
	if (!p->given_up)
		log_error("cordon-%s[%d] could not set itself up: %s", room_names[p->which],
			  (int)p->pid, r->err->text);
	proc_end(p);
}

static int send_setup(struct proc *p, const uint32_t *peers, const int *fds, unsigned n_peers)
{
	struct room_setup s = {
		.conf = sup.conf, .n_peers = n_peers, .peers = (uint32_t *)(uintptr_t)peers,
	};

	memcpy(s.host_uuid, sup.host_uuid, sizeof(s.host_uuid));
	return room_call_setup(&p->ch, &s, fds, n_peers, on_setup, p);
}

static void link_proc(struct proc *p)
{
	p->link = &sup.procs;
	p->next = sup.procs;
	if (p->next)
		p->next->link = &p->next;
	sup.procs = p;
}

struct proc *proc_start(enum room which, const uint32_t *peers, const int *fds, unsigned n_peers,
			struct err *err)
{
	int pair[2] = { -1, -1 }, r;
	struct proc *p = calloc(1, sizeof(*p));

	r = p ? ipc_pair(pair) : -ENOMEM;
	if (r < 0) {
		err_sys(err, r, "starting cordon-%s", room_names[which]);
		free(p);
		return NULL;
	}
	p->which = which;
	p->since = now_ms();
	p->pid = spawn_exec(which, pair[1], err);
	fd_close(&pair[1]);
	if (p->pid < 0) {
		fd_close(&pair[0]);
		free(p);
		return NULL;
	}
	link_proc(p);
	/* rooms are numbered from 1 on the wire, as bits from 0 */
	ipc_chan_init(&p->ch, pair[0], room_names[which], (enum ipc_room)(which - 1));
	p->ch.ctx = p;
	p->ch.on_closed = on_closed;
	if (which == ROOM_CORE || which == ROOM_CONN)
		p->ch.serves[0] = &sup_server;
	r = ipc_ev_attach(sup.base, &p->ch);
	if (r == 0)
		r = send_setup(p, peers, fds, n_peers);
	if (r < 0) {
		err_sys(err, r, "setting up cordon-%s", room_names[which]);
		proc_end(p);
		return NULL;
	}
	return p;
}

static struct proc *find(pid_t pid)
{
	struct proc *p = sup.procs;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

static void patience_over(evutil_socket_t fd, short what, void *arg)
{
	pid_t pid = (pid_t)(intptr_t)arg;
	struct proc *p = find(pid);

	(void)fd;
	(void)what;
	/* a pid that came again belongs to a younger process of ours that is still wanted */
	if (!p || !p->given_up)
		return;
	log_warn("cordon-%s[%d] does not end; killed", room_names[p->which], (int)pid);
	kill(pid, SIGKILL);
}

void proc_end(struct proc *p)
{
	if (p->given_up)
		return;
	p->given_up = true;
	ipc_ev_detach(&p->ch);
	after_ms(END_PATIENCE_MS, patience_over, (void *)(intptr_t)p->pid);
}

void proc_kill(struct proc *p)
{
	proc_end(p);
	kill(p->pid, SIGKILL);
}

static void log_death(const struct proc *p, int status)
{
	const char *name = room_names[p->which];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && p->given_up)
		log_debug("cordon-%s[%d] was killed by us", name, (int)p->pid);
	else if (WIFSIGNALED(status))
		log_warn("cordon-%s[%d] was killed by signal %d (%s)%s", name, (int)p->pid,
			 WTERMSIG(status), sigabbrev_np(WTERMSIG(status)),
			 WTERMSIG(status) == SIGSYS ? ": a system call outside its policy" : "");
	else if (WEXITSTATUS(status) || (!p->given_up && p->which != ROOM_CONN &&
					 p->which != ROOM_EDGE))
		log_warn("cordon-%s[%d] exited with status %d", name, (int)p->pid,
			 WEXITSTATUS(status));
}

void procs_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct proc *p = find(pid);

		if (!p)
			continue;
		log_death(p, status);
		*p->link = p->next;
		if (p->next)
			p->next->link = p->link;
		p->given_up = true;   /* what its channel says now is no news */
		ipc_ev_detach(&p->ch);
		if (p->on_death)
			p->on_death(p);
		free(p);
	}
}
