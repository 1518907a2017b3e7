/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-launch as a whole: the cages it knows, and what it serves core with. */
#ifndef CORDON_LAUNCH_LAUNCH_H
#define CORDON_LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/chan.h"
#include "launch/cage.h"
#include "launch/cgroup.h"
#include "launch/ledger.h"
#include "launch/root.h"
#include "proto/launch.x.h"
#include "proto/room.x.h"

#define GUEST_NICS_MAX 16            /* passt processes of one guest */
#define GUEST_PTYS_MAX 64
#define GUEST_FD_FIRST 10            /* number of the first descriptor in QEMU */
#define GUEST_DIR_NAME 37            /* the uuid as text */

/* A process we watch; pid 0: none. */
struct watched {
	pid_t pid;
	uint64_t start;              /* clock ticks after boot: the pid cannot be mistaken */
	int pidfd;                   /* -1: gone */
};

struct cell {
	uint8_t uuid[16];
	char dir_name[GUEST_DIR_NAME];
	char host_name[CAGE_NAME_MAX + 1];
	char log_name[256];
	int dir;                     /* its folder below run_dir/guests */
	uid_t uid;                   /* first of the ledger's four */
	struct watched qemu, vm;
	struct watched passt[GUEST_NICS_MAX];
	unsigned n_passt;
	int pty[GUEST_PTYS_MAX];     /* masters, kept so that a console survives its cordon-vm */
	unsigned n_ptys;
	unsigned want_ptys;          /* as many as the guest has; they are gone when all who held them died */
	struct ipc_call *cleanup;    /* waits until all processes are gone */
	bool going;
	struct cell *next;
};

struct launch {
	struct arena *arena;
	struct config conf;
	struct ipc_chan control;
	struct ipc_chan core;
	struct cgroup_tree cgroups;
	struct ledger ledger;
	struct root_template qemu;
	struct root_template passt;
	bool passt_built;
	int run_dir;                 /* <run>/guests */
	int log_dir;                 /* <log>/guests */
	int watch;                   /* epoll: SIGCHLD, pidfds and the timer */
	int sigchld;
	int timer;                   /* while processes that are not our children are to end */
	struct cell *cells;
};

extern struct launch launch;

/* cell.c: the registry, and what is on disk about it */
struct cell *cell_find(const uint8_t uuid[16]);
struct cell *cell_new(const uint8_t uuid[16], struct err *err);
void cell_free(struct cell *c);
void cell_save_pids(const struct cell *c);
int cell_load_all(struct err *err);

/* proc_sys.c: processes by pid and start time */
uint64_t proc_start(pid_t pid);
int watched_open(struct watched *w, pid_t pid, uint64_t start);
bool watched_alive(const struct watched *w);
void watched_kill(const struct watched *w);
void watched_close(struct watched *w);

/* folder_sys.c: sockets, fifo, journal, logs, ptys of one guest */
struct folder_fds {
	int listen_vm, fifo_read, fifo_write, journal, log, log_old, picture, picture_out;
};
int folder_make(struct cell *c, struct folder_fds *ret, bool fresh, struct err *err);
void folder_close(struct folder_fds *f);
int folder_listen(const struct cell *c, const char *name, int type, uid_t owner, struct err *err);
int folder_ptys(struct cell *c, unsigned n, struct err *err);
void folder_remove(const struct cell *c);

/* passt.c */
int passt_start(struct cell *c, int qemu_end, struct err *err);

/* stage.c: stage S, the child that forks QEMU's cage and becomes cordon-vm */
struct stage {
	struct cell *cell;
	const struct cage_spec *cage;    /* NULL: QEMU runs already */
	int core_end;                    /* the vm's channel to core */
	const struct folder_fds *folder;
};
int stage_run(const struct stage *s, struct err *err);

/* cleanup.c */
void cleanup_begin(struct cell *c, struct ipc_call *call);
void cleanup_children(void);         /* reap, and finish what waited for it; also when the timer rings */

#endif
