/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file/label.h"

#include <string.h>

static bool listed(char *const *list, uint32_t n, const char *type, size_t len)
{
	for (uint32_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && memcmp(list[i], type, len) == 0)
			return true;
	return false;
}

/* user:role:type:level of a type for images; which levels there are the kernel knows. */
static bool image_label(const struct config *c, const char *label)
{
	const char *role = strchr(label, ':'), *type = role ? strchr(role + 1, ':') : NULL;
	const char *level = type ? strchr(type + 1, ':') : NULL;
	size_t n = level ? (size_t)(level - type - 1) : 0;

	return n && level[1] == 's' && !level[1 + strspn(level + 1, "sc0123456789.,:-")] &&
	       (listed(c->selinux_image_types, c->n_selinux_image_types, type + 1, n) ||
		listed(c->static_label_types, c->n_static_label_types, type + 1, n));
}

bool label_allowed(const struct config *c, const char *now, const char *label)
{
	return image_label(c, now) || image_label(c, label);
}
