/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordond, the supervisor, as a whole: what its parts share. It decodes
 * nothing that a stranger, a guest or an administrator wrote: answers of the
 * rooms to their setup, and two verbs of door.
 */
#ifndef CORDON_CORDOND_H
#define CORDON_CORDOND_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "ipc/chan.h"
#include "proto/conf.x.h"
#include "proto/room.x.h"

/* One child process. Lives from its start until it was reaped. */
struct proc {
	LIST_ENTRY(proc) link;
	enum room which;
	pid_t pid;
	uint64_t since;         /* milliseconds, CLOCK_MONOTONIC */
	uint64_t overdue;       /* when it is killed if it has not ended; 0: not asked to */
	struct ipc_chan *ch;    /* NULL: a ward that is set up */
	bool ready;             /* answered SETUP */
	bool given_up;          /* told to end; its death is no news */
};

struct sup {
	struct config conf;
	LIST_HEAD(, proc) procs;
	bool stopping;
	bool failed;            /* exit status */
};
extern struct sup sup;

/* Started for door, which looks after it: cordond keeps its pid and nothing else. */
static inline bool is_ward(enum room which)
{
	return which == ROOM_CONN || which == ROOM_EDGE;
}

/* ---- loop.c: signals, channels, one moment to wake up at ---- */

uint64_t now_ms(void);

/* Block the signals that the loop reads. Before any child is started. */
int loop_init(struct err *err);

/* Drive the channel of `p`, 0 or -errno; or no longer, and close it. */
int loop_add(struct proc *p);
void loop_remove(struct proc *p);

/* Run procs_tick() and rooms_tick() at that time, or earlier. */
void loop_wake(uint64_t at_ms);

/* Until sup.failed, or until all have ended when sup.stopping. */
void loop_run(void);

/* ---- spawn_sys.c, proc.c: from a binary to a process with descriptors 0..3 ---- */

/* Where the rooms' binaries are: beside our own (a build tree), or installed. Call once. */
int spawn_init(struct err *err);

/* Become cordon-conf, which knows all options. Returns only with -errno. */
int spawn_instead(char *const argv[]);

/* Start the binary of `which` with `ctl_fd` as descriptor 3 (stays the caller's). Pid or -errno. */
pid_t spawn_exec(enum room which, int ctl_fd, struct err *err);

/*
 * Start a room with a channel, and send SETUP with the peers and the
 * descriptors (they stay the caller's). NULL with `err` filled.
 */
struct proc *proc_start(enum room which, const uint32_t *peers, unsigned n_peers, const int *fds,
			unsigned n_fds, struct err *err);

/* The one with this pid, or NULL. */
struct proc *proc_find(pid_t pid);

/* Close its channel, which ends it; SIGKILL when it has not gone soon. */
void proc_end(struct proc *p);

/* The loop found its channel closed. */
void proc_closed(struct proc *p);

/* SIGCHLD: reap what died. Kill what is overdue. */
void procs_reap(void);
void procs_tick(uint64_t now);

/* ---- config_sys.c ---- */

/* Have cordon-conf read the configuration. The result is sup.conf. */
int config_read(const struct conf_load_args *args, struct err *err);

/* ---- caps_sys.c ---- */

/* Make exactly `mask` (SANDBOX_CAP bits) of what is permitted effective. 0 or -errno. */
int caps_effective(uint64_t mask);

/* Capability set that a room starts with. */
uint64_t caps_of_room(enum room which);

/* Capabilities, system call filter. */
int confine(struct err *err);

/* ---- rooms.c ---- */

/* Start core and the rooms below it, and keep them running. `sockets` are for door. */
void rooms_start(const int sockets[2]);

void rooms_ready(void);
void rooms_died(struct proc *p);
void rooms_tick(uint64_t now);

/* End all that runs. */
void rooms_stop(void);

/* ---- notify_sys.c ---- */

/* systemd's readiness socket, if there is one. Before confine(). */
void notify_open(void);
void notify_send(const char *text);

#endif
