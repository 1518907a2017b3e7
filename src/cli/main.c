/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
	const char *name;
	command_fn *run;
	const char *help;
} commands[] = {
	{ "cage", cmd_cage, "a guest's cage, and what differs in it" },
	{ "ps", cmd_ps, "processes, their rights and their cages" },
	{ "storage", cmd_storage, "folders that images may live in" },
	{ "version", cmd_version, "which Cordon this is" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int cmd_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		fputs("Usage: cordon version\n", stderr);
		return 2;
	}
	return puts("cordon " CORDON_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(FILE *to)
{
	fputs("Usage: cordon COMMAND [OPTION...]\n\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	return to == stderr ? 2 : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(1, argv);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout);
	fprintf(stderr, "cordon: there is no command '%s'\n", argv[1]);
	return usage(stderr);
}
