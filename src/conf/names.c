/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/names.h"

#include <stddef.h>
#include <string.h>

/* Digits up to `stop`; NULL when there are none, or too many. */
static const char *digits(const char *s, char stop, uint32_t *ret_id)
{
	const char *start = s;
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9' && v < UINT32_MAX; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	if (s == start || *s != stop || v >= UINT32_MAX)
		return NULL;
	*ret_id = (uint32_t)v;
	return s;
}

bool conf_id_parse(const char *s, uint32_t *ret_id)
{
	return digits(s, '\0', ret_id) != NULL;
}

/* The text after "name:password:". */
static const char *fields_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *colon;

		if (*line == '\n')
			line++;
		if (!len || strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		colon = line + len + 1 + strcspn(line + len + 1, ":\n");
		return *colon == ':' ? colon + 1 : NULL;
	}
	return NULL;
}

bool conf_name_find(const char *text, const char *name, uint32_t *ret_id)
{
	const char *at = fields_of(text, name);

	return at && digits(at, ':', ret_id);
}

bool conf_account_find(const char *text, const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	const char *at = fields_of(text, name);
	uint32_t uid, gid;

	at = at ? digits(at, ':', &uid) : NULL;
	if (!at || !digits(at + 1, ':', &gid))
		return false;
	*ret_uid = uid;
	*ret_gid = gid;
	return true;
}
