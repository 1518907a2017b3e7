/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptors of a guest's start: core's own list, with the numbers cordon-launch would give. */
#ifndef CORDON_TESTS_PLAN_FDS_H
#define CORDON_TESTS_PLAN_FDS_H

#include "core/plan_fds.h"
#include "hv/qemu/plan.h"

/* As if cordon-disk had opened all that the model names. */
static inline void number_fds(const struct domain *d, int first, struct arena *a,
			      struct plan_resources *ret)
{
	struct plan_disk *disks = arena_calloc(a, d->n_disks + 1, sizeof(*disks));
	struct plan_fds *l = arena_calloc(a, 1, sizeof(*l));
	const struct dom_os *os = &d->os;
	const int plain[GUEST_FD_KIND_MAX + 1] = {
		[GUEST_FD_KIND_LOADER] = os->loader && os->loader->path ? 0 : -1,
		[GUEST_FD_KIND_NVRAM] = os->nvram && os->nvram->path ? 0 : -1,
		[GUEST_FD_KIND_KERNEL] = os->kernel ? 0 : -1,
		[GUEST_FD_KIND_INITRD] = os->initrd ? 0 : -1,
	};

	for (uint32_t i = 0; i < d->n_disks; i++) {
		disks[i].n = d->disks[i].path ? 1 + d->disks[i].n_backing : 0;
		disks[i].images[0].write = !d->disks[i].readonly;
	}
	assert_int_equal(plan_list_fds(l, d, disks, plain), 0);
	for (uint32_t i = 0; i < l->n_rows; i++)
		if (l->rows[i].kind != GUEST_FD_KIND_KERNEL && l->rows[i].kind != GUEST_FD_KIND_INITRD)
			l->rows[i].number = first + (int)i;
	ret->list = l->rows;
	ret->n = l->n_rows;
}

#endif
