/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For programs of which not every row is served. */
#include <errno.h>

#include "ipc/call.h"

int ipc_refuse_unsupported(struct ipc_call *call)
{
	return ipc_refuse_text(call, -EOPNOTSUPP, ERR_NO_SUPPORT,
			       "this function is not supported by the connection driver: %s",
			       ipc_row_name(call->row));
}
