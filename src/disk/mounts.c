/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/mounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Their data is on this machine's own devices, or in its memory. */
static const char *const local_types[] = {
	"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "ramfs", "devtmpfs", "rootfs", "f2fs",
	"bcachefs", "zfs", "squashfs", "iso9660", "vfat", "hugetlbfs", "devpts", NULL,
};

static bool type_local(const char *s, size_t n)
{
	for (unsigned i = 0; local_types[i]; i++)
		if (strlen(local_types[i]) == n && memcmp(local_types[i], s, n) == 0)
			return true;
	return false;
}

static bool is_octal(const char *s)
{
	return s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
	       s[3] >= '0' && s[3] <= '7';
}

/* The mount point (blanks are written \040) is `path` or above it. */
static bool point_covers(const char *s, size_t n, const char *path)
{
	const char *end = s + n;

	if (n == 1 && *s == '/')
		return true;
	while (s < end) {
		char c = *s;

		if (end - s >= 4 && is_octal(s)) {
			c = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		}
		s++;
		if (*path++ != c)
			return false;
	}
	return *path == '\0' || *path == '/';
}

/* The n-th blank-separated word of a line, counted from 0. */
static const char *word(const char *line, const char *end, unsigned n, size_t *ret_len)
{
	while (line < end) {
		const char *stop = memchr(line, ' ', (size_t)(end - line));

		if (!stop)
			stop = end;
		if (n-- == 0) {
			*ret_len = (size_t)(stop - line);
			return line;
		}
		line = stop + 1;
	}
	return NULL;
}

bool mounts_local_in(const char *text, const char *path)
{
	bool found = false;

	while (*text) {
		const char *end = strchrnul(text, '\n'), *point, *sep, *type;
		size_t n_point, n_type;

		point = word(text, end, 4, &n_point);
		sep = memmem(text, (size_t)(end - text), " - ", 3);
		type = sep ? word(sep + 3, end, 0, &n_type) : NULL;
		if (!point || !type)
			return false;
		if (point_covers(point, n_point, path)) {
			if (!type_local(type, n_type))
				return false;
			found = true;
		}
		text = *end ? end + 1 : end;
	}
	return found;
}

/* "rw,seclabel,size=8k" has the option `name`. */
static bool has_option(const char *s, size_t n, const char *name)
{
	const char *end = s + n;

	while (s < end) {
		const char *stop = memchr(s, ',', (size_t)(end - s));

		if (!stop)
			stop = end;
		if (strlen(name) == (size_t)(stop - s) && memcmp(s, name, strlen(name)) == 0)
			return true;
		s = stop + 1;
	}
	return false;
}

/* Undo the kernel's \040 and the like; false when `max` bytes do not hold it. */
static bool decode(const char *s, size_t n, char *out, size_t max)
{
	const char *end = s + n;

	while (s < end && max > 1) {
		bool octal = end - s >= 4 && is_octal(s);

		*out++ = octal ? (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0')) : *s;
		s += octal ? 4 : 1;
		max--;
	}
	*out = '\0';
	return s == end;
}

bool mounts_find_in(const char *text, uint64_t id, struct mount_info *ret)
{
	while (*text) {
		const char *end = strchrnul(text, '\n'), *point, *sep, *type, *opts;
		size_t n_point, n_type, n_opts;

		if (strtoull(text, NULL, 10) != id) {
			text = *end ? end + 1 : end;
			continue;
		}
		point = word(text, end, 4, &n_point);
		sep = memmem(text, (size_t)(end - text), " - ", 3);
		type = sep ? word(sep + 3, end, 0, &n_type) : NULL;
		opts = sep ? word(sep + 3, end, 2, &n_opts) : NULL;
		if (!point || !opts || !decode(point, n_point, ret->point, sizeof(ret->point)))
			return false;
		snprintf(ret->fs, sizeof(ret->fs), "%.*s", (int)n_type, type);
		ret->labels = has_option(opts, n_opts, "seclabel");
		return true;
	}
	return false;
}

bool mounts_there_in(const char *text, const char *path)
{
	while (*text) {
		const char *end = strchrnul(text, '\n'), *point;
		char decoded[PATH_MAX];
		size_t n;

		point = word(text, end, 4, &n);
		if (point && decode(point, n, decoded, sizeof(decoded)) && !strcmp(decoded, path))
			return true;
		text = *end ? end + 1 : end;
	}
	return false;
}
