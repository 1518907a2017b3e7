/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/policy.h"

#include <stdio.h>
#include <string.h>

void policy_line(const char *text, unsigned n, char out[HOST_TEXT_MAX + 1])
{
	out[0] = '\0';
	while (*text) {
		size_t len = strcspn(text, "\n"), skip = strspn(text, " \t");
		size_t word = skip < len ? strcspn(text + skip, " \t\r\n") : 0;

		if (word && text[skip] != '#' && n-- == 0) {
			if (word <= HOST_TEXT_MAX)
				snprintf(out, HOST_TEXT_MAX + 1, "%.*s", (int)word, text + skip);
			return;
		}
		text += len + (text[len] == '\n');
	}
}

bool policy_with_category(const char *label, unsigned n, char out[HOST_TEXT_MAX + 1])
{
	const char *level = label;
	int len;

	for (int i = 0; i < 3; i++) {
		level = strchr(level, ':');
		if (!level)
			return false;
		level++;
	}
	len = snprintf(out, HOST_TEXT_MAX + 1, "%.*s:c%u",
		       (int)(level - label + (long)strcspn(level, ":-,")), label, n);
	return len > 0 && len <= HOST_TEXT_MAX;
}

bool policy_with_type(const char *label, const char *type, char out[HOST_TEXT_MAX + 1])
{
	const char *role = strchr(label, ':'), *old = role ? strchr(role + 1, ':') : NULL;
	int len = !old ? -1 :
		  snprintf(out, HOST_TEXT_MAX + 1, "%.*s:%s%s", (int)(old - label), label, type,
			   old + 1 + strcspn(old + 1, ":"));

	return len > 0 && len <= HOST_TEXT_MAX;
}

bool policy_boolean_matters(const char *name)
{
	return strncmp(name, "virt_", 5) == 0 || strncmp(name, "qemu_", 5) == 0;
}
