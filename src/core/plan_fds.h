/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's QEMU is given: the rows of launch.START. */
#ifndef CORDON_CORE_PLAN_FDS_H
#define CORDON_CORE_PLAN_FDS_H

#include "core/plan.h"
#include "ipc/chan.h"

struct plan_fds {
	struct guest_fd rows[LAUNCH_FDS_MAX];   /* without numbers: launch gives them */
	uint32_t n_rows;
	int fds[IPC_FDS_MAX];   /* of the rows that bring one, in their order; not ours */
	unsigned n_fds;         /* more than 0 at the call: places that are the caller's */
	unsigned n_ptys;        /* pseudo terminals that launch is to open */
};

/*
 * Fill `l`, in this order: the monitor; of each disk what was opened, the top image (depth 0)
 * first; loader, NVRAM, kernel, initrd, where `plain` (by enum guest_fd_kind) has one;
 * serials, consoles, channels (`depth` is the enum dom_chr_kind), none for those without a
 * device; a socket to passt for each interface of type user; one to swtpm. `index` is the place in
 * the model's list. 0, or -E2BIG: more than LAUNCH_FDS_MAX rows or IPC_FDS_MAX descriptors.
 */
int plan_list_fds(struct plan_fds *l, const struct domain *d, const struct plan_disk *disks,
		  const int *plain);

#endif
