/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/path.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

bool path_is_normal(const char *path)
{
	for (const char *s = path; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	if (*path != '/')
		return false;
	while (*path) {
		size_t n = strcspn(++path, "/");

		if (n == 0 || n > NAME_MAX || (path[0] == '.' && (n == 1 || (n == 2 && path[1] == '.'))))
			return false;
		path += n;
	}
	return true;
}

bool path_below(const char *root, const char *path)
{
	size_t n = strlen(root);

	while (n && root[n - 1] == '/')
		n--;
	return strncmp(root, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}
