/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to the daemon, as any client of libvirt would ask it. */
#ifndef CORDON_CLI_RPC_H
#define CORDON_CLI_RPC_H

#include "base/arena.h"
#include "base/err.h"
#include "proto/domain.x.h"

/*
 * The definition of a running guest, by name or uuid, from the read-only
 * socket at `path`, or NULL for where that of the instance in `dir` (NULL: the
 * installed one) is unless cordond.conf says otherwise: its XML parsed into `ret`, all memory from `a`. -errno with the daemon's own text in `err`;
 * -ENOENT when it does not run.
 */
int rpc_running_guest(const char *dir, const char *path, const char *guest, struct arena *a,
		      struct domain *ret, struct err *err);

#endif
