/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU planner: what libvirt's QEMU driver knows about a guest, as pure
 * functions over the model of proto/domain.x. No system call, no clock, no
 * random number, no file: what is needed from outside comes in by argument.
 * Linked by cordon-conn (define) and cordon-vm (start).
 */
#ifndef CORDON_HV_QEMU_PLAN_H
#define CORDON_HV_QEMU_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/domain.x.h"
#include "proto/launch.x.h"

struct arena;
struct buf;
struct err;
struct host_facts;

/* Where the cage shows what QEMU opens by path instead of by descriptor. */
#define PLAN_CAGE_KERNEL "/boot/kernel"
#define PLAN_CAGE_INITRD "/boot/initrd"

/* What completing a definition needs from outside. */
struct plan_env {
	/* Fill `n` bytes, 0 or -errno. For a missing uuid and missing MACs; NULL: they are refused.
	 */
	int (*random)(void *ctx, void *out, size_t n);
	void *ctx;
	/* Folder for firmware variable stores; NULL: UEFI needs an explicit <nvram>. */
	const char *nvram_dir;
};

/*
 * Fill in everything the definition leaves open and refuse what cannot run:
 * defaults, implicit devices, addresses, as libvirt 9.0 does on QEMU 7.2.
 * Completing a completed model changes nothing. New memory comes from `a`.
 * 0; -EINVAL (ERR_XML_ERROR), -ENOTSUP (ERR_CONFIG_UNSUPPORTED) or -ENOMEM with
 * `err` filled: then the model is half done and must be thrown away.
 */
int plan_complete(struct domain *d, const struct plan_env *env, struct arena *a, struct err *err);

/*
 * Give every device of a completed model its libvirt alias ("virtio-disk0",
 * "net0", "pci.1"); aliases the user chose ("ua-...") stay. 0 or -ENOMEM.
 */
int plan_aliases(struct domain *d, struct arena *a);

struct plan_resources {
	/*
	 * launch's answer to core's list (src/core/plan_fds.h): `number` is the descriptor in QEMU,
	 * but for kernel and initrd, which are at PLAN_CAGE_KERNEL and PLAN_CAGE_INITRD
	 */
	const struct guest_fd *list;
	size_t n;
	const struct host_facts *host;  /* for cpu mode host-model; NULL: QEMU's "host" instead */
	int64_t now;                    /* seconds since 1970, UTC; for clock offset='variable' */
	int64_t utc_offset;             /* seconds east of Greenwich of the host's local time */
};

/* NULL-terminated argument list, argv[0] is the emulator's path. */
struct plan_argv {
	char **argv;
	size_t argc;
	/* QMP commands (one JSON text each) to send once, before the first "cont". */
	char **setup;
	size_t n_setup;
};

/*
 * The argument list of a caged QEMU for a completed model with aliases and
 * with the real backing chains in place. All of it is in `a`. 0, -ENOTSUP with
 * the device named, -EINVAL when a descriptor is missing, -ENOMEM.
 */
int plan_argv(const struct domain *d, const struct plan_resources *r, struct arena *a,
	      struct plan_argv *ret, struct err *err);

/*
 * The number libvirt gives the image at `depth` of disk `index` ("libvirt-3-format",
 * <source index='3'>): disks counted from the last to the first, each top first.
 */
uint32_t plan_node_index(const struct domain *d, uint32_t index, uint32_t depth);

/* Alias to QOM id: a console that stands for a serial port shares its device. */
bool plan_console_is_serial(const struct domain *d, uint32_t index);

/* The letters of a disk target as a number: "vda" 0, "sdaa" 26; -1 if it is not one. */
int plan_target_index(const char *target);

/*
 * virConnectGetCapabilities and virConnectGetDomainCapabilities as text,
 * appended to `out`. 0, or its error (-ENOMEM, -E2BIG). For the latter NULL
 * arguments mean libvirt's default; -EINVAL with ERR_INVALID_ARG in `err` when this
 * host has no such emulator, architecture, machine or type.
 */
int plan_capabilities_xml(const struct host_facts *host, struct buf *out);
int plan_domcapabilities_xml(const struct host_facts *host, const char *emulator, const char *arch,
			     const char *machine, const char *virttype, struct buf *out,
			     struct err *err);

#endif
