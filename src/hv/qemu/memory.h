/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's control group is to allow: core says it, `cordon cage` compares. */
#ifndef CORDON_HV_QEMU_MEMORY_H
#define CORDON_HV_QEMU_MEMORY_H

#include <stdint.h>

#include "proto/domain.x.h"

/* What QEMU needs beside the guest's RAM, all KiB. */
#define MEMORY_BASE_KIB (UINT64_C(512) << 10)      /* QEMU, its devices, video memory */
#define MEMORY_PER_CPU_KIB (UINT64_C(32) << 10)    /* stacks, per-processor state */
#define MEMORY_RAM_SHIFT 5                         /* 1/32 of RAM: page tables, dirty bitmaps */
#define MEMORY_TCG_KIB (UINT64_C(1024) << 10)      /* TCG's translation buffer */

/* KiB; `overhead_kib` is cordond.conf's guest_memory_overhead_kib. */
static inline uint64_t memory_limit(const struct domain *d, uint64_t overhead_kib)
{
	return d->memory_kib + (d->memory_kib >> MEMORY_RAM_SHIFT) + MEMORY_BASE_KIB +
	       d->vcpus * MEMORY_PER_CPU_KIB + (d->type == DOM_TYPE_KVM ? 0 : MEMORY_TCG_KIB) + overhead_kib;
}

#endif
