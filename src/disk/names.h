/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as text: nothing here touches a file system. */
#ifndef CORDON_DISK_NAMES_H
#define CORDON_DISK_NAMES_H

#include "base/arena.h"
#include "base/err.h"

/*
 * The path a request names, without doubled slashes and "." parts, in `a`.
 * -EINVAL: not absolute, a ".." part, a control character, or no name at the end;
 * -ENAMETOOLONG.
 */
int path_normalize(struct arena *a, const char *path, char **ret_path, struct err *err);

/*
 * The absolute path that `name`, found in the header of `overlay`, stands for.
 * ".." is taken as text, which is exact because `overlay` was reached without
 * symbolic links. -EINVAL for "json:", "proto:" and the like, -ENAMETOOLONG.
 */
int path_backing(struct arena *a, const char *overlay, const char *name, char **ret_path,
		 struct err *err);

#endif
