/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's user-mode network never reaches: this host itself. */
#ifndef CORDON_LAUNCH_HOSTWALL_H
#define CORDON_LAUNCH_HOSTWALL_H

#include "base/err.h"

/*
 * No process of the control group `dir` (a descriptor of its directory, cgroup v2) or of those
 * below it sends anything to an address of this host: 127.0.0.1, ::1, or one of its interfaces'.
 * The kernel sends all of that by the loopback device; what leaves by it is dropped, of every
 * protocol. Holds as long as the group exists; a second call changes nothing. Needs CAP_NET_ADMIN
 * (bpf(2), BPF_PROG_TYPE_CGROUP_SKB). 0 or -errno with `err`.
 */
int hostwall_raise(int dir, struct err *err);

#endif
