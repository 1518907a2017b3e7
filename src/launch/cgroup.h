/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups of guests: v2, v1 or both side by side, all below one parent
 * so that leftovers can be found, and so that they can be weighed together.
 */
#ifndef CORDON_LAUNCH_CGROUP_H
#define CORDON_LAUNCH_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CGROUP_HIERARCHIES_MAX 8

struct cgroup_tree {
	unsigned n;
	struct cgroup_hierarchy {
		int root;
		bool unified;
		dev_t dev;
	} h[CGROUP_HIERARCHIES_MAX];  /* the unified one, if there is one, first */
	int devices[2];         /* the programs that are v2's device list, without and with KVM; -1: none */
	char parent[64];        /* as given to cgroup_tree_open(); longer is cut */
};

struct cgroup_limits {
	uint64_t memory_max;    /* bytes, and as many again of swap; 0: none */
	uint32_t pids_max;      /* threads of QEMU; 0: none */
	bool kvm;               /* /dev/kvm is on the device list */
};

/* A device that a cage has. */
struct cgroup_device {
	const char *name;       /* below /dev */
	unsigned major, minor;
	mode_t mode;
	bool kvm;               /* only for guests that use it */
};
extern const struct cgroup_device cgroup_devices[];
extern const size_t cgroup_n_devices;

/*
 * Find the hierarchies (below /sys/fs/cgroup, where systemd and all others
 * mount them) and make the group `parent`, such as "cordon-NAME", in each, of
 * `weight` against 100 of every other service. A hierarchy that this
 * machine or container withholds is logged and no error, nor is it when there
 * is none at all; cordon-host says which limits that costs.
 */
int cgroup_tree_open(const char *parent, unsigned weight, struct cgroup_tree *ret,
		     struct err *err);

/*
 * At the end of an instance without guests: remove the parent group. Guests in
 * it: nothing happens.
 */
void cgroup_tree_remove(const struct cgroup_tree *t);

/*
 * Make the group `name` with its limits and its device list. An empty leftover
 * of that name is replaced; -EBUSY when processes still live in it. After a failure it may be there.
 */
int cgroup_create(const struct cgroup_tree *t, const char *name, const struct cgroup_limits *lim,
		  struct err *err);

/* The unified group's directory, for CLONE_INTO_CGROUP; -1: there is none. */
int cgroup_open_unified(const struct cgroup_tree *t, const char *name);

/* Called by a single-threaded child: move into the v1 groups. 0 or -errno. */
int cgroup_join(const struct cgroup_tree *t, const char *name);

/*
 * Send SIGKILL to the processes of the group; those that are forked in this moment may be missed,
 * so it is repeated until nobody is left.
 */
void cgroup_kill(const struct cgroup_tree *t, const char *name);

/* Remove the group. Missing: success. -EBUSY while processes (also unreaped ones) are in it. */
int cgroup_remove(const struct cgroup_tree *t, const char *name, struct err *err);

/* Processes in the group: are there any? */
bool cgroup_populated(const struct cgroup_tree *t, const char *name);

#endif
