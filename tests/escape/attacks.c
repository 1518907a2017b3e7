/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All tables in one, and how a result is written. */
#include <stdio.h>
#include <string.h>

#include "escape.h"

const struct attack *const attack_tables[] = {
	files_attacks, hostfiles_attacks, processes_attacks, namespaces_attacks, identity_attacks,
	kernel_attacks, sockets_attacks, network_attacks, devices_attacks, resources_attacks, NULL,
};

int attack_run(const struct attack *a)
{
	return a->needs && !target(a->needs) ? ESCAPE_VOID : a->run();
}

const char *attack_result(int r, char out[64])
{
	if (r == ESCAPE_VOID)
		return "void";
	if (r == ESCAPE_UNDONE)
		return "done";
	if (r == 0)
		return "reached";
	snprintf(out, 64, "refused %s", strerrorname_np(-r) ? strerrorname_np(-r) : "?");
	return out;
}

bool attack_named(const struct attack *a, const char *list)
{
	char word[64];

	snprintf(word, sizeof(word), " %s ", a->id);
	return strstr(list, word) != NULL;
}
