/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the attacks aim at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

#define TARGETS_MAX 256

static struct {
	const char *key, *value;
} list[TARGETS_MAX];
static size_t n_list;

bool uncaged;
int own_disk = -1;

int targets_parse(char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *blank = strchr(line, ' ');

		if (!blank)
			continue;
		if (n_list == TARGETS_MAX)
			return -E2BIG;
		*blank = '\0';
		list[n_list].key = line;
		list[n_list++].value = blank + 1;
	}
	return n_list ? 0 : -ENOENT;
}

void target_add(const char *key, const char *value)
{
	if (n_list == TARGETS_MAX)
		return;
	list[n_list].key = key;
	list[n_list++].value = value;
}

const char *target(const char *key)
{
	for (size_t i = 0; i < n_list; i++)
		if (!strcmp(list[i].key, key))
			return list[i].value;
	return NULL;
}

long target_number(const char *key)
{
	const char *v = target(key);

	return v ? strtol(v, NULL, 10) : -1;
}

size_t target_list(const char *key, long *ret, size_t max)
{
	const char *v = target(key);
	size_t n = 0;
	char *end;

	for (; v && *v && n < max; v = *end ? end + 1 : end) {
		ret[n++] = strtol(v, &end, 10);
		if (end == v)
			return n - 1;
	}
	return n;
}
