/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people can do about a refusal of the kernel that cordon-file met. */
#include "disk/job.h"

#include <errno.h>

static const struct {
	int rc;
	int code;
	const char *text;
} rows[] = {
	{ -ELOOP, ERR_ACCESS_DENIED,
	  ": a part of it is a symbolic link; name the file it leads to (readlink -f)" },
	{ -EXDEV, ERR_ACCESS_DENIED, ": its link leads out of the folder it has to stay in" },
	{ -EACCES, ERR_SYSTEM_ERROR,
	  " (file permissions: the file system or its server refuses cordon-file)" },
	{ -EPERM, ERR_SYSTEM_ERROR,
	  " (file permissions: the file system or its server refuses cordon-file)" },
	{ -EROFS, ERR_SYSTEM_ERROR, " (mark the disk <readonly/>)" },
	{ -ETXTBSY, ERR_SYSTEM_ERROR, " (it is being executed or is an active swap file)" },
};

const char *advice_for(const struct ipc_reply *r, int *ret_code)
{
	*ret_code = r->err->code;
	if (r->err->code != ERR_SYSTEM_ERROR)
		return "";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].rc == r->rc) {
			*ret_code = rows[i].code;
			return rows[i].text;
		}
	return "";
}
