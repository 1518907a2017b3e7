/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond: options, then setting up in order, then serving. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cordond/cordond.h"
#include "cordond/setup.h"

static const char *instance, *config;   /* options */

/* False: it is not to run as a service. What only prints something is not for us. */
static bool options_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "instance", required_argument, NULL, 'i' }, { "config", required_argument, NULL, 'f' },
		{ "foreground", no_argument, NULL, 'F' }, { 0 },
	};
	int o;

	opterr = 0;
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'i')
			instance = optarg;
		else if (o == 'f')
			config = optarg;
		else if (o != 'F')
			return false;
	}
	return optind == argc;
}

/* Everything that needs the privilege we give up in confine(). */
static int prepare(int ret_fds[2], struct err *err)
{
	int r = paths_init(instance, err);

	if (r == 0)
		r = paths_make_first(err);
	if (r == 0)
		r = config_load(config, err);
	if (r == 0)
		r = paths_make_rest(&conf, err);
	return r < 0 ? r : sockets_bind(&conf, ret_fds, err);
}

static int run(struct err *err)
{
	int fds[2], signal_fd, r;

	if (geteuid() != 0)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "must be started by root (only "
			       "--check runs for everybody)");
	umask(022);
	signal_fd = r = child_init(err);
	if (r >= 0)
		r = prepare(fds, err);
	if (r < 0)
		return r;
	log_open("cordond", (enum log_level)conf.log_level, &ipc_req);
	notify_open();
	r = confine(err);
	if (r == 0)
		r = serve(fds, signal_fd, err);
	sockets_unlink(&conf);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	int r;

	log_open("cordond", LOG_LEVEL_WARN, &ipc_req);
	r = spawn_init(&err);
	if (r == 0 && !options_parse(argc, argv))
		r = err_sys(&err, spawn_instead(argv), "cordon-conf");
	if (r == 0)
		r = run(&err);
	if (r < 0)
		fprintf(stderr, "cordond: %s\n", err.text);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
