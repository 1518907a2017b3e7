/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file/label.h"

#include <stdlib.h>
#include <string.h>

/* user:role:type:level; true for an image type, with the level behind it. */
static bool image_type(const struct config *c, const char *label, const char **ret_level)
{
	const char *role = strchr(label, ':'), *type = role ? strchr(role + 1, ':') : NULL;
	const char *level = type ? strchr(type + 1, ':') : NULL;

	for (uint32_t i = 0; level && i < c->n_selinux_image_types; i++) {
		const char *t = c->selinux_image_types[i];
		size_t n = strlen(t);

		if (n == (size_t)(level - type - 1) && memcmp(t, type + 1, n) == 0) {
			*ret_level = level + 1;
			return true;
		}
	}
	return false;
}

/* "PN", a letter and a number; where it ends, or NULL. */
static const char *numbered(const char *s, char letter, unsigned long *ret)
{
	char *end;

	if (s[0] != letter || s[1] < '0' || s[1] > '9')
		return NULL;
	*ret = strtoul(s + 1, &end, 10);
	return end;
}

/* s0, or s0:c1,c2 with the lower one first, as the kernel writes it. */
static bool level_allowed(const char *s)
{
	unsigned long sens, a = 0, b = 0;

	s = numbered(s, 's', &sens);
	if (!s || !*s)
		return s;
	s = *s == ':' ? numbered(s + 1, 'c', &a) : NULL;
	s = s && *s == ',' ? numbered(s + 1, 'c', &b) : NULL;
	return s && !*s && a < b;
}

bool label_allowed(const struct config *c, const char *now, const char *label)
{
	const char *level;

	return image_type(c, now, &level) || (image_type(c, label, &level) && level_allowed(level));
}
