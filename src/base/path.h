/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as text: nothing here touches a file system. */
#ifndef CORDON_BASE_PATH_H
#define CORDON_BASE_PATH_H

#include <stdbool.h>

/*
 * True for an absolute path that means what it says: no empty, "." or ".."
 * part, no control character, no slash at the end, no part above NAME_MAX.
 */
bool path_is_normal(const char *path);

/* True when `path` is `root` or lies below it; both normal but for a slash at root's end. */
bool path_below(const char *root, const char *path);

#endif
