/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small checks that handlers share. */
#ifndef CORDON_CORE_ARGS_H
#define CORDON_CORE_ARGS_H

#include <errno.h>

#include "ipc/call.h"
#include "proto/remote.x.h"

/* virDomainModificationImpact */
#define AFFECT_LIVE 1u
#define AFFECT_CONFIG 2u
#define TYPED_PARAM_STRING_OKAY 4u

/* Refuse a flag that this row does not know, as libvirt words it. */
static inline int args_flags(struct ipc_call *call, uint32_t flags, uint32_t known)
{
	if (!(flags & ~known))
		return 0;
	return err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "unsupported flags (0x%x) in function %s",
		       flags & ~known, ipc_row_name(call->row));
}

#endif
