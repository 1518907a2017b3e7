/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core keeps of the host's facts. */
#ifndef CORDON_CORE_HOST_H
#define CORDON_CORE_HOST_H

#include "core/core.h"
#include "proto/host.x.h"

/* Ask cordon-host again; what was known stays until the answer. */
void host_refresh(void);

/*
 * As host_refresh(), and `done` runs once, later: the answer is kept then, or what was known is
 * still all there is. -errno: nothing could be asked, `done` will not run.
 */
int host_fetch(void (*done)(void *ctx), void *ctx);

/* The last answer, or NULL. Valid until the loop turns. */
const struct host_facts *host_facts(void);

/* -ENOTSUP with the reason and the way out when this host cannot run such a guest. */
int host_can_run(const struct domain *d, struct err *err);

#endif
