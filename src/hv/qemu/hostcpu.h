/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's processor in QEMU's words. */
#ifndef CORDON_HV_QEMU_HOSTCPU_H
#define CORDON_HV_QEMU_HOSTCPU_H

#include <stdbool.h>
#include <stddef.h>

#include "hv/qemu/table.h"

struct arena;
struct host_facts;

struct plan_host_cpu {
	const struct plan_cpu_model *model;
	const char **extra;     /* features beyond the model's, QEMU's names, in the host's order */
	size_t n_extra;
	const char **all;       /* every feature a guest can be given */
	size_t n_all;
};

/*
 * The named model nearest to the host: of those whose every feature the host
 * has, first those of the host's vendor (else of no vendor), then the one with
 * most features, then the first in the table. 0; -ENOENT when none fits; -ENOMEM.
 */
int plan_host_cpu(const struct host_facts *host, struct arena *a, struct plan_host_cpu *ret);

/* libvirt's word for the processor's maker: "Intel", "AMD", "Hygon", "unknown". */
const char *plan_host_vendor(const struct host_facts *host);

/* Does the kernel list this feature (QEMU's name) among the processor's, be it for guests or not. */
bool plan_host_lists(const struct host_facts *host, const char *feature);

/* Can KVM on this host give a guest everything the model stands for. */
bool plan_host_has(const struct plan_host_cpu *host, const struct plan_cpu_model *model);

#endif
