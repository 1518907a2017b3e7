/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "conf/load.h"
#include "conf/read.h"
#include "sandbox/sandbox.h"

#define ARENA_MAX (16u << 20)
#define CONF_INSTALLED "/etc/cordon/cordond.conf"

static const char usage[] =
	"usage: cordond [--instance DIR] [--config FILE] [--check] [--foreground]\n"
	"  --instance DIR  run a complete private instance below DIR\n"
	"  --config FILE   instead of /etc/cordon/cordond.conf or DIR/cordond.conf\n"
	"  --check         check the configuration, print what is wrong, and end\n"
	"  --foreground    stay in the foreground (which it always does)\n"
	"  --version, --help\n"
	"See cordond(8) and cordond.conf(5).\n";

struct options {
	const char *instance;
	const char *config;
	bool check;
};

/* Parsed by whoever calls, but without its rights: no more than the open file is needed. */
static int check(const struct options *o, struct err *err)
{
	char real[PATH_MAX] = "", path[PATH_MAX + 16] = CONF_INSTALLED;
	struct conf_load l = { .instance = real, .arena = arena_new(ARENA_MAX) };
	struct config cfg;
	int fd, r;

	if (o->instance && !realpath(o->instance, real))
		return err_sys(err, -errno, "instance folder '%s'", o->instance);
	if (o->instance)
		snprintf(path, sizeof(path), "%s/cordond.conf", real);
	l.file = o->config ? o->config : path;
	fd = conf_open(l.file, o->config, err);
	l.passwd = fd < 0 ? NULL : conf_read_names("/etc/passwd", err);
	l.group = l.passwd ? conf_read_names("/etc/group", err) : NULL;
	if (!l.arena || !l.group)
		return -EIO;
	r = sandbox_landlock(NULL, 0, false, err);
	if (r == 0)
		r = sandbox_load_policy(&sandbox_policy_conf, false, err);
	if (r < 0)
		return r;
	l.text = conf_read_text(fd, l.file, &l.len, err);
	/* the accounts of the rooms need not exist yet */
	return l.text ? conf_load(&l, &cfg, err) : -EIO;
}

int conf_cli(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "instance", required_argument, NULL, 'i' }, { "config", required_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'c' }, { "foreground", no_argument, NULL, 'F' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	struct options o = { 0 };
	struct err err = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'i')
			o.instance = optarg;
		else if (c == 'f')
			o.config = optarg;
		else if (c == 'c')
			o.check = true;
		else if (c == 'V' || c == 'h') {
			fputs(c == 'h' ? usage : "cordond " CORDON_VERSION "\n", stdout);
			return EXIT_SUCCESS;
		} else if (c != 'F') {
			o.check = false;
			optind = -1;
			break;
		}
	}
	if (optind != argc || !o.check) {
		fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	if (check(&o, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	/* stdio would ask whether it is a terminal, which the policy does not pass */
	return fd_write_all(STDOUT_FILENO, "ok\n", 3) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
