/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups of guests: v2, v1 or both side by side, all below one parent
 * so that leftovers can be found, and so that guests together weigh less than
 * Cordon itself.
 */
#ifndef CORDON_LAUNCH_CGROUP_H
#define CORDON_LAUNCH_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CGROUP_HIERARCHIES_MAX 12
#define CGROUP_NAME_MAX 64            /* [a-z0-9-], starts with a letter or digit */

/* Memory that QEMU needs beside the guest's RAM; named so that the config can change them. */
#define CGROUP_MEMORY_BASE (UINT64_C(512) << 20)       /* QEMU, its devices, video memory */
#define CGROUP_MEMORY_PER_CPU (UINT64_C(32) << 20)     /* stacks, per-processor state */
#define CGROUP_MEMORY_RAM_SHIFT 5                      /* 1/32 of RAM: page tables, dirty bitmaps */
#define CGROUP_MEMORY_TCG (UINT64_C(1024) << 20)       /* TCG's translation buffer */

enum cgroup_controller {
	CGROUP_CPU = 1, CGROUP_CPUACCT = 2, CGROUP_MEMORY = 4, CGROUP_PIDS = 8,
	CGROUP_DEVICES = 16,
};

struct cgroup_hierarchy {
	unsigned controllers;   /* enum cgroup_controller bits that live here */
	bool unified;
	int fd;                 /* the directory of our parent group */
	int mount_fd;           /* and of the hierarchy's root */
};

struct cgroup_tree {
	unsigned n;
	struct cgroup_hierarchy h[CGROUP_HIERARCHIES_MAX];
	unsigned have;          /* controllers that work */
	unsigned weight;        /* of all guests together, against 100 of each other service */
	char parent[256];       /* as given to cgroup_tree_open() */
	char missing[160];      /* "" or what to log once: which limits will not hold, and why */
};

struct cgroup_limits {
	uint64_t memory_max;    /* bytes; 0: none */
	uint32_t pids_max;      /* threads of QEMU; 0: none */
	uint32_t cpu_weight;    /* 1..10000, against the other guests; 0: default 100 */
	bool kvm;               /* /dev/kvm is on the device list (v1) */
};

/* One guest's group, open for a process about to enter it. */
struct cgroup_group {
	int into_fd;            /* unified directory for CLONE_INTO_CGROUP, or -1 */
	unsigned n_tasks;
	int tasks_fd[CGROUP_HIERARCHIES_MAX];   /* v1 `tasks` files, for cgroup_join() */
};

/* Bytes to grant a guest of `ram` bytes and `cpus` processors. */
uint64_t cgroup_memory_max(uint64_t ram, unsigned cpus, bool tcg);

/*
 * Find the hierarchies and open (create) the group `parent`, such as
 * "cordon.slice/NAME", in each. Controllers that this machine or container
 * withholds are listed in ->missing, not an error; no hierarchy at all is not
 * an error either. -errno when a group cannot be made at all.
 */
int cgroup_tree_open(const char *parent, unsigned weight, struct cgroup_tree *ret,
		     struct err *err);
void cgroup_tree_close(struct cgroup_tree *t);

/*
 * At the end of an instance without guests: remove the parent group and those
 * above it, as far as they are empty. Guests or other instances in it: nothing
 * happens to theirs.
 */
void cgroup_tree_remove(const struct cgroup_tree *t);

/*
 * Make the group `name` with its limits. An empty leftover of that name is
 * replaced; -EBUSY when processes still live in it.
 */
int cgroup_create(const struct cgroup_tree *t, const char *name, const struct cgroup_limits *lim,
		  struct cgroup_group *ret, struct err *err);
void cgroup_group_close(struct cgroup_group *g);

/*
 * Called by a single-threaded child: move into the v1 groups (the unified one
 * is entered by clone3). Async-signal-safe. 0 or -errno.
 */
int cgroup_join(const struct cgroup_group *g);

/* Send SIGKILL to all processes of the group, forks included. A missing group is a success. */
int cgroup_kill(const struct cgroup_tree *t, const char *name, struct err *err);

/* Remove the group. Missing: success. -EBUSY while processes (also unreaped ones) are in it. */
int cgroup_remove(const struct cgroup_tree *t, const char *name, struct err *err);

/* Processes in the group: 1 some, 0 none or no such group, -errno. */
int cgroup_populated(const struct cgroup_tree *t, const char *name);

/* The processes of the group, as many as fit. Their number, 0 without a group, or -errno. */
int cgroup_pids(const struct cgroup_tree *t, const char *name, pid_t *ret_pids, size_t max);

/* Call `each` for each group below the parent, whoever made it, until non-zero, which it returns. */
int cgroup_list(const struct cgroup_tree *t, int (*each)(void *ctx, const char *name), void *ctx,
		struct err *err);

#endif
