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
#include "launch/label.h"
#include "launch/root.h"
#include "proto/launch.x.h"
#include "proto/room.x.h"

#define GUEST_UIDS CONF_UIDS_EACH    /* in this order: */
#define GUEST_UID_QEMU 0
#define GUEST_UID_VM 1
#define GUEST_UID_PASST 2
#define GUEST_UID_SWTPM 3
#define VM_TYPE "cordon_vm_t"        /* where the policy has it, at the guest's level */
#define GUEST_NICS_MAX 16            /* passt processes of one guest */
#define GUEST_PTYS_MAX 64
#define GUEST_FD_FIRST 10            /* number of the first descriptor in QEMU */
#define GUEST_DIR_NAME 37            /* the uuid as text */

/* A process we watch; pid 0: none. */
struct watched {
	pid_t pid;
	uint64_t start;              /* clock ticks after boot: the pid cannot be mistaken */
	bool found;                  /* it was there before us: no child of ours, which may have its pid by now */
	int pidfd;                   /* -1: gone */
};

/* A guest's cage, from START until CLEANUP has removed all of it. */
struct cell {
	uint8_t uuid[16];
	char dir_name[GUEST_DIR_NAME];
	uid_t uid;                   /* first of the ledger's four */
	char label[LABEL_SIZE];      /* of QEMU; "": no SELinux */
	char log_name[256];
	char image[LABEL_SIZE];      /* label of the files made for it */
	int dir;                     /* its folder below run_dir/guests */
	struct watched qemu, vm;
	struct watched helpers[1 + GUEST_NICS_MAX];   /* swtpm, if it has one; then passts */
	unsigned n_helpers;
	int pty[GUEST_PTYS_MAX];     /* masters, so that a console survives its cordon-vm */
	unsigned n_ptys;
	unsigned want_ptys;          /* they are gone when all who held them died */
	struct ipc_call *cleanup;    /* waits until all processes are gone */
	bool going, forget_tpm;
	struct cell *next;
};

struct launch {
	struct arena *arena;
	struct config conf;
	struct ipc_chan control, core;
	struct cgroup_tree cgroups;
	bool host_closed;            /* to passts: hostwall_raise() */
	uint32_t resolver;           /* but for this name server: hostwall_resolver() */
	struct root_template roots[ROOT_PROGRAM_COUNT];
	char label[LABEL_SIZE];      /* our own; "": no SELinux */
	int run_dir;                 /* <run>/guests */
	int log_dir;                 /* <log>/guests */
	int tpm_dir;
	int claims;                  /* the ledger's folder */
	char instance[40];           /* our name in it: src/ledger/book.h */
	int sigchld;
	int timer;                   /* while processes that are not our children are to end */
	struct cell *cells;
};

extern struct launch launch;

/* cell.c: the registry, and what is on disk about it */
struct cell *cell_find(const uint8_t uuid[16]);
struct cell *cell_new(const uint8_t uuid[16]);   /* and its folder; NULL with errno */
void cell_free(struct cell *c);                  /* the folder stays */
void cell_save(const struct cell *c);
int cells_load(void);                            /* what an earlier launch left. 0 or -errno */

/* claim_sys.c: uids and label from the ledger; -errno when they cannot be this cell's. */
int claim_open(struct err *err);
int claim_read(struct cell *c, struct err *err);

/* proc_sys.c: processes by pid and start time */
uint64_t proc_start(pid_t pid);
int watched_open(struct watched *w, pid_t pid, uint64_t start);
bool watched_alive(const struct watched *w);
void watched_kill(const struct watched *w);
void watched_close(struct watched *w);

/* folder_sys.c: sockets, fifo, journal, logs, ptys of one guest */
enum { FOLDER_LISTEN, FOLDER_FIFO_WRITE, FOLDER_FIFO_READ, FOLDER_JOURNAL, FOLDER_LOG,
       FOLDER_LOG_OLD, FOLDER_PICTURE, FOLDER_PICTURE_OUT, FOLDER_FDS };
extern const struct folder_file {
	const char *name;
	int flags;
	bool log;                    /* in the folder of logs, named after the guest */
	int at;                      /* number in cordon-vm (src/vm/vm_fds.h); -1: not there */
} folder_files[FOLDER_FDS];
int folder_make(struct cell *c, int ret_fds[FOLDER_FDS], bool fresh, struct err *err);
int folder_listen(const struct cell *c, const char *name, int type, uid_t owner,
		  const char *label, struct err *err);
int folder_ptys(struct cell *c, struct err *err);
void folder_remove(int parent, const char *name);   /* one level, no folders in it */

/* passt.c, tpm_sys.c: its end of `fd`, the other is QEMU's; `log` becomes its descriptor 2 */
int passt_start(struct cell *c, int fd, int log, struct err *err);
int tpm_start(struct cell *c, int fd, int log, struct err *err);

/* The guest has ended: what its TPM remembers is closed, or removed. */
void tpm_end(const char *name, bool forget);

/* passt.c: in the guest's group, at its level with this type, where the policy has it. */
int helper_start(struct cell *c, struct watched *w, struct cage_spec *spec, const char *type,
		 struct err *err);

/* stage.c: stage S, the child that forks QEMU's cage and becomes cordon-vm */
struct stage {
	struct cell *cell;
	struct cage_spec *cage;          /* NULL: QEMU runs already */
	int core_end;                    /* the vm's channel to core */
	const int *folder;               /* FOLDER_FDS descriptors */
};
int stage_run(const struct stage *s, struct err *err);

/* The template of a program, built again when an upgrade replaced what it is bound from. */
int template_of(enum root_program program, const char *name, const struct root_template **ret,
		struct err *err);

/* hostwall_sys.c: what a guest's user-mode network never reaches: this host itself. */
/*
 * No process of the control group `dir` (a descriptor of its directory, cgroup v2) or of those
 * below it sends anything to an address of this host: 127.0.0.1, ::1, or one of its interfaces'.
 * The kernel sends all of that by the loopback device; what leaves by it is dropped, of every
 * protocol, except UDP to port 53 of `resolver` (an IPv4 address in network order; 0: none). Holds
 * as long as the group exists; a second call replaces the first. Needs CAP_NET_ADMIN
 * and CAP_SYS_ADMIN (bpf(2), BPF_PROG_TYPE_CGROUP_SKB). 0 or -errno with `err`.
 */
int hostwall_raise(int dir, uint32_t resolver, struct err *err);

/*
 * The name server that this host asks first, if it is on its loopback: the first IPv4 address of
 * /etc/resolv.conf (resolv.conf(5)), if that begins with 127; in network order. Else 0.
 */
uint32_t hostwall_resolver(void);

/* cleanup.c */
/* End all processes, then remove the group and the folder, and close the TPM's state, or remove it. */
void cleanup_begin(struct cell *c, struct ipc_call *call, bool forget_tpm);
void cleanup_children(void);         /* reap, and finish what waited for it; also when the timer rings */

#endif
