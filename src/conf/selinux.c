/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/selinux.h"

#include <errno.h>
#include <string.h>

#define NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

int conf_selinux_path(const char *config, const char *list, char ret[PATH_MAX])
{
	static const char key[] = "SELINUXTYPE=";

	for (const char *line = config; line && *line; line = strchr(line, '\n')) {
		size_t n;

		line += strspn(line, "\n \t");
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line += strlen(key);
		n = strspn(line, NAME);
		if (n == 0 || n > 255 || line[0] == '.' || (line[n] && !strchr(" \t\n", line[n])))
			return -ENOENT;
		snprintf(ret, PATH_MAX, "/etc/selinux/%.*s/contexts/%s", (int)n, line, list);
		return 0;
	}
	return -ENOENT;
}

static bool listed(char **types, uint32_t n_types, const char *type, size_t n)
{
	for (uint32_t i = 0; i < n_types; i++)
		if (strlen(types[i]) == n && memcmp(types[i], type, n) == 0)
			return true;
	return false;
}

int conf_selinux_types(const char *text, struct arena *a, char ***ret, uint32_t *ret_n)
{
	char **types = arena_calloc(a, CONF_LIST_MAX, sizeof(char *));
	uint32_t n_types = 0;

	if (!types)
		return -ENOMEM;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *type;
		size_t user, role, n;

		line += strspn(line, "\n \t");
		user = strspn(line, NAME);
		role = line[user] == ':' ? strspn(line + user + 1, NAME) : 0;
		if (!user || !role || line[user + 1 + role] != ':')
			continue;
		type = line + user + 1 + role + 1;
		n = strspn(type, NAME);
		if (!n || n > CONF_TEXT_MAX || !strchr(": \t\r\n", type[n]) || listed(types, n_types, type, n) ||
		    n_types == CONF_LIST_MAX)
			continue;
		types[n_types] = arena_strndup(a, type, n);
		if (!types[n_types++])
			return -ENOMEM;
	}
	*ret = types;
	*ret_n = n_types;
	return 0;
}
