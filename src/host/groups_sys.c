/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which limits of guests this host can keep at all. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/gather.h"

#define GROUPS "/sys/fs/cgroup"

/* Is `name` among the controllers of v2, there alone or beside v1? */
static bool unified_has(const char *name)
{
	static const char *const files[] = {
		GROUPS "/cgroup.controllers", GROUPS "/unified/cgroup.controllers",
	};
	char line[512], *rest, *word;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *f = fopen(files[i], "re");
		bool read = f && fgets(line, sizeof(line), f);

		if (f)
			fclose(f);
		/* the list of devices is a program there, for which no controller is needed */
		if (f && strcmp(name, "devices") == 0)
			return true;
		for (word = read ? strtok_r(line, " \n", &rest) : NULL; word;
		     word = strtok_r(NULL, " \n", &rest))
			if (strcmp(word, name) == 0)
				return true;
	}
	return false;
}

bool gather_missing_limits(char *out, size_t size)
{
	static const char *const names[] = { "memory", "pids", "cpu", "devices" };
	char path[64];

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(out);

		snprintf(path, sizeof(path), GROUPS "/%s/tasks", names[i]);
		if (access(path, F_OK) < 0 && !unified_has(names[i]))
			snprintf(out + len, size - len, "%s%s", len ? ", " : "", names[i]);
	}
	return out[0];
}
