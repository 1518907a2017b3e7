/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordond, the supervisor, as a whole: what its parts share. It decodes
 * nothing that a stranger, a guest or an administrator wrote; typed messages of
 * core and one-way rows of conn are all it reads.
 */
#ifndef CORDON_CORDOND_H
#define CORDON_CORDOND_H

#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cordond/clients.h"
#include "ipc/chan.h"
#include "proto/conf.x.h"
#include "proto/room.x.h"

/* One child process. Lives from its start until it was reaped. */
struct proc {
	struct proc *next, **link;
	enum room which;
	pid_t pid;
	uint64_t since;              /* milliseconds, CLOCK_MONOTONIC */
	struct ipc_chan ch;
	bool ready;                  /* answered SETUP */
	bool given_up;               /* told to end; its death is no news */
	bool used;                   /* conn: has a client */
	struct client client;        /* conn in use */
	uint8_t guest[16];           /* edge */
	void (*on_ready)(struct proc *p);   /* optional, as the next */
	void (*on_death)(struct proc *p);   /* reaped; the channel is gone, the struct goes next */
};

struct sup {
	struct event_base *base;
	struct arena *arena;         /* the configuration's memory */
	struct config conf;
	uint8_t host_uuid[16];
	struct proc *procs;
	struct proc *core;           /* NULL while it is being restarted */
	struct clients clients;
	bool stopping;
	bool failed;                 /* exit status */
};
extern struct sup sup;

uint64_t now_ms(void);

/* A one-shot timer that frees itself. Aborts when memory is short. */
void after_ms(unsigned ms, event_callback_fn fn, void *arg);

/* ---- spawn_sys.c, proc.c: from a binary to a process with descriptors 0..3 ---- */

/* Where the rooms' binaries are: beside our own (a build tree), or installed. Call once. */
int spawn_init(struct err *err);

/* Start the binary of `which` with `ctl_fd` as descriptor 3 (stays the caller's). Pid or -errno. */
pid_t spawn_exec(enum room which, int ctl_fd, struct err *err);

/*
 * Start a room with a channel, and send SETUP with the peers and their
 * descriptors (they stay the caller's). NULL with `err` filled.
 */
struct proc *proc_start(enum room which, const uint32_t *peers, const int *fds, unsigned n_peers,
			struct err *err);

/* Close its channel, which ends it; SIGKILL when it has not gone soon. */
void proc_end(struct proc *p);
/* At once, for one that may not be willing. */
void proc_kill(struct proc *p);

/* SIGCHLD: reap what died. */
void procs_reap(void);

/* ---- config_sys.c ---- */

/*
 * Have cordon-conf read `path`, which must exist when `asked` for. The result
 * is sup.conf and lives in sup.arena. `empty_fd` < 0: without privilege.
 */
int config_read(const char *path, bool asked, const char *instance, uint32_t uid_base, int empty_fd,
		bool check, struct err *err);

/* ---- caps_sys.c ---- */

extern const struct cap_row {
	int cap;
	bool own;              /* effective in cordond itself, not only held to be passed on */
	const char *reason;
} cap_rows[];
extern const unsigned cap_n_rows;

/* All of the table; only the own ones. SANDBOX_CAP bits. */
uint64_t caps_all(void);
uint64_t caps_own(void);

/* Make exactly `mask` effective. 0 or -errno. */
int caps_effective(uint64_t mask);

/* Capability set that a room starts with. */
uint64_t caps_of_room(enum room which);

/* rlimits, OOM score, capabilities, system call filter. */
int confine(struct err *err);

/* ---- rooms.c ---- */

/* Start core and the rooms it talks to, and keep them running. */
int rooms_start(struct err *err);

/* End all that runs, then leave the loop; twice: without waiting for core. */
void rooms_stop(void);

/* ---- pool.c ---- */

int pool_init(struct err *err);
/* A conn that has no client yet; NULL with `err` when none can be started. */
struct proc *pool_take(struct err *err);
/* Conns without a client go (core died: their setup stays good, but nothing waits for them). */
void pool_pause(bool paused);

/* ---- accept.c ---- */

/* Watch the two bound sockets; nothing is accepted before accept_pause(false). */
int accept_init(int rw_fd, int ro_fd, struct err *err);
void accept_pause(bool paused);
/* All connections end. */
void accept_drop_all(void);

/* ---- identity_sys.c ---- */

/*
 * Who is at the other end of a unix socket, by the kernel's word. Lists are
 * put into `gids` (ROOM_GIDS_MAX). 0 or -errno.
 */
int identity_of_peer(int fd, bool readonly, uint32_t *gids, struct identity *ret);

/* May this identity use the read-write, or if it came by that one the read-only socket? Pure. */
bool identity_admitted(const struct config *c, const struct identity *who);

/* ---- listeners.c: viewers ---- */

/* Core was restarted: what it does not claim again soon is closed. */
void listeners_orphan(void);

/* ---- notify_sys.c ---- */

/* systemd's readiness socket, if there is one. Before confine(). */
void notify_open(void);
void notify_send(const char *text);

#endif
