/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the kernel's texts about this machine; nothing here opens anything. */
#ifndef CORDON_HOST_FACTS_H
#define CORDON_HOST_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "proto/host.x.h"

/* Numbers of a list such as "0-3,8,10-11"; calls `each` for each, ascending. -EINVAL. */
int facts_list(const char *text, void (*each)(void *ctx, unsigned n), void *ctx);

/* How many numbers a list holds; 0 for text that is no list. */
unsigned facts_list_count(const char *text);

/* The number in "MemTotal:  123 kB" (also "Node 0 MemTotal: ..."); 0 when `key` is not there. */
uint64_t facts_meminfo(const char *text, const char *key);

/*
 * The first processor's block of /proc/cpuinfo: vendor, name, family, model,
 * stepping, microcode, MHz, physical address bits, flags. Texts go to `a`.
 * What is not there stays as it was. -ENOMEM.
 */
int facts_cpuinfo(struct arena *a, const char *text, struct host_facts *f);

/* sockets, dies, cores, threads of the cells' cpus; falls back to one flat socket. */
void facts_topology(struct host_facts *f);

/* "QEMU emulator version 7.2.9 (..." as 7002009; 0: no such text. */
unsigned facts_qemu_version(const char *text);

#endif
