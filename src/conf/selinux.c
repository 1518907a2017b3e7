/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/selinux.h"

#include <errno.h>
#include <string.h>

#define NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

int conf_selinux_image_path(const char *config, char ret[PATH_MAX])
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
		snprintf(ret, PATH_MAX, "/etc/selinux/%.*s/contexts/virtual_image_context", (int)n, line);
		return 0;
	}
	return -ENOENT;
}

static bool listed(const struct config *cfg, const char *type, size_t n)
{
	for (uint32_t i = 0; i < cfg->n_selinux_image_types; i++)
		if (strlen(cfg->selinux_image_types[i]) == n &&
		    memcmp(cfg->selinux_image_types[i], type, n) == 0)
			return true;
	return false;
}

int conf_selinux_image_types(const char *text, struct arena *a, struct config *cfg)
{
	cfg->selinux_image_types = arena_calloc(a, CONF_LIST_MAX, sizeof(char *));
	if (!cfg->selinux_image_types)
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
		if (!n || n > CONF_TEXT_MAX || !strchr(": \t\r\n", type[n]) || listed(cfg, type, n) ||
		    cfg->n_selinux_image_types == CONF_LIST_MAX)
			continue;
		cfg->selinux_image_types[cfg->n_selinux_image_types] = arena_strndup(a, type, n);
		if (!cfg->selinux_image_types[cfg->n_selinux_image_types++])
			return -ENOMEM;
	}
	return 0;
}
