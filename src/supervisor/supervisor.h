/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-supervisor: which rooms run, with channels to whom, and what is done
 * when one dies. It holds no privilege: cordond starts for it and says who
 * ended. A room hears of the configuration from cordond, of its neighbours
 * from here.
 */
#ifndef CORDON_SUPERVISOR_SUPERVISOR_H
#define CORDON_SUPERVISOR_SUPERVISOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "ipc/chan.h"
#include "proto/room.x.h"

/* One room. Lives from its start until cordond says that it ended, or that it cannot be started. */
struct proc {
	LIST_ENTRY(proc) link;
	enum room which;
	pid_t pid;                /* 0 until cordond answered */
	uint64_t since;           /* milliseconds, CLOCK_MONOTONIC */
	uint64_t overdue;         /* when it is killed if it has not ended; 0: not asked to */
	struct ipc_chan ch;       /* its control channel */
	bool open;                /* that is there */
	bool ready;               /* answered SETUP */
	bool given_up;            /* told to end; its death is no news */
	bool killed;
	struct ipc_call *asked;   /* door's question for it, until it is answered */
};

struct supervisor {
	struct event_base *base;
	struct ipc_chan cordond;
	LIST_HEAD(, proc) procs;
};
extern struct supervisor supervisor;

/* Started for door, which looks after it: all that is kept of it here is its pid. */
static inline bool is_ward(enum room which)
{
	return which == ROOM_CONN || which == ROOM_EDGE;
}

/* ---- main.c ---- */

/* Run procs_tick() and rooms_tick() at that time, or earlier. */
void wake_at(uint64_t at_ms);

/* The rooms do not come up: end, and cordond with us. */
_Noreturn void give_up(const char *text);

/* ---- proc.c ---- */

/*
 * Have cordond start a room, and set it up with a channel to each peer (they
 * stay the caller's). `asked` may be NULL. NULL with `err` filled; when cordond
 * refuses later, rooms_died() is called.
 */
struct proc *proc_start(enum room which, const uint32_t *peers, unsigned n_peers, const int *fds,
			struct ipc_call *asked, struct err *err);

/* The one with this pid, or NULL. */
struct proc *proc_find(pid_t pid);

/* Close its channel, which ends it; SIGKILL when it has not gone soon. */
void proc_end(struct proc *p);
/* At once. */
void proc_kill(struct proc *p);

/* Kill what is overdue. */
void procs_tick(uint64_t now);

/* ---- rooms.c ---- */

void rooms_ready(void);
/* `p` is about to be freed. `refused`: it was never there. */
void rooms_died(struct proc *p, bool refused);
/* Start what is to run and does not. */
void rooms_tick(uint64_t now);

#endif
