/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/names.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/domain.x.h"

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* Append the parts of `s` to `out`, which holds a normalized path ("" for the root). */
static int append_parts(char *out, size_t max, const char *s, bool parents)
{
	size_t len = strlen(out);

	while (*s) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.') {
			if (!parents)
				return -EINVAL;
			while (len && out[--len] != '/')
				;
			out[len] = '\0';
		} else if (n && !(n == 1 && s[0] == '.')) {
			if (len + 1 + n > max)
				return -ENAMETOOLONG;
			out[len++] = '/';
			memcpy(out + len, s, n);
			len += n;
			out[len] = '\0';
		}
		s += n;
		s += strspn(s, "/");
	}
	return 0;
}

int path_normalize(struct arena *a, const char *path, char **ret_path, struct err *err)
{
	size_t len = strlen(path);
	char *out;
	int r;

	if (path[0] != '/')
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "path '%s' is not absolute: give the full path", path);
	if (has_control(path))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "a path holds a control character");
	if (len > DOM_PATH_MAX)
		return err_set(err, -ENAMETOOLONG, ERR_CONFIG_UNSUPPORTED, "path is too long");
	out = arena_alloc(a, len + 2);
	if (!out)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	r = append_parts(out, DOM_PATH_MAX, path, false);
	if (r == -EINVAL)
		return err_set(err, r, ERR_CONFIG_UNSUPPORTED,
			       "path '%s' has a '..' in it: give the path without", path);
	if (r < 0 || !out[0] || path[len - 1] == '/')
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED, "path '%s' names no file", path);
	*ret_path = out;
	return 0;
}

int path_backing(struct arena *a, const char *overlay, const char *name, char **ret_path,
		 struct err *err)
{
	const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
	char *out;
	int r;

	if (!name[0] || has_control(name))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': the name of its backing file is empty or holds a control character",
			       overlay);
	/* QEMU takes what stands before a colon as a protocol, or as JSON */
	if (colon && (!slash || colon < slash))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': backing file '%s' is not a plain file name; only files and block devices can back an image",
			       overlay, name);
	out = arena_alloc(a, DOM_PATH_MAX + 2);
	if (!out)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	r = 0;
	if (name[0] != '/') {
		r = append_parts(out, DOM_PATH_MAX, overlay, false);
		if (r == 0)
			*strrchr(out, '/') = '\0';
	}
	if (r == 0)
		r = append_parts(out, DOM_PATH_MAX, name, true);
	if (r < 0 || !out[0] || name[strlen(name) - 1] == '/')
		return err_set(err, r < 0 ? r : -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': backing file '%s' names no file", overlay, name);
	*ret_path = out;
	return 0;
}
