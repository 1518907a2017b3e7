/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordond prints and does not do: --check, --version, --help, and what is wrong with its options. */
#ifndef CORDON_CONF_CLI_H
#define CORDON_CONF_CLI_H

/* The command line is cordond's. An exit status. */
int conf_cli(int argc, char **argv);

#endif
