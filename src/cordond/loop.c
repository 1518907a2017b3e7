/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordond waits for. Nothing here knows what is said on a channel. */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/cordond.h"

static int watch, signals;
static uint64_t wake;     /* 0: no need */

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int loop_init(struct err *err)
{
	static const int wanted[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	struct epoll_event ev = { .events = EPOLLIN };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, -errno, "signals");
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	watch = epoll_create1(EPOLL_CLOEXEC);
	if (signals < 0 || watch < 0 || epoll_ctl(watch, EPOLL_CTL_ADD, signals, &ev) < 0)
		return err_sys(err, -errno, "signals");
	return 0;
}

static int arm(struct proc *p, int op)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

	return epoll_ctl(watch, op, p->ch->fd, &ev) < 0 ? -errno : 0;
}

int loop_add(struct proc *p)
{
	p->ch->ctx = p;
	return arm(p, EPOLL_CTL_ADD);
}

void loop_remove(struct proc *p)
{
	/* closing alone would not do: a child has our descriptors until its exec is through */
	if (p->ch->fd >= 0)
		(void)arm(p, EPOLL_CTL_DEL);
	fd_close(&p->ch->fd);
}

void loop_wake(uint64_t at_ms)
{
	if (!wake || at_ms < wake)
		wake = at_ms;
}

static void turn(struct proc *p)
{
	ipc_chan_read(p->ch);
	if (p->ch->closed)
		proc_closed(p);
}

static void on_signals(void)
{
	struct signalfd_siginfo si;

	while (read(signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			procs_reap();
		else if (si.ssi_signo != SIGHUP)
			rooms_stop();
	}
}

void loop_run(void)
{
	while (!sup.failed && !(sup.stopping && LIST_EMPTY(&sup.procs))) {
		uint64_t now = now_ms();
		struct epoll_event ev;
		/* one at a time: what is handled may free what another event points to */
		int n = epoll_wait(watch, &ev, 1, !wake ? -1 : wake > now ? (int)(wake - now) : 0);

		if (n > 0 && ev.data.ptr)
			turn(ev.data.ptr);
		else if (n > 0)
			on_signals();
		now = now_ms();
		if (!wake || wake > now)
			continue;
		wake = 0;
		procs_tick(now);
		rooms_tick(now);
	}
}
