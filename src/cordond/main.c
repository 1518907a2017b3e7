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

struct config conf;
static struct paths paths;
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

static int config_load(uint32_t uid_base, struct err *err)
{
	const struct conf_load_args args = {
		.path = config ? (char *)(uintptr_t)config : paths.conf,
		.must_exist = config, .instance = paths.instance, .uid_base = uid_base,
		.empty_root = paths.empty,
	};
	int r = config_read(&args, err);

	/* what the configuration leaves to us */
	conf.instance = paths.instance;
	conf.state_dir = paths.state;
	conf.nvram_dir = paths.nvram;
	conf.labels_dir = paths.labels;
	conf.tpm_dir = paths.tpm;
	conf.run_dir = paths.run;
	conf.log_dir = paths.log;
	return r;
}

/* Everything that needs the privilege we give up in confine(). */
static int prepare(int ret_fds[2], struct err *err)
{
	uint32_t uid_base = 0;
	int r = paths_init(instance, &paths, err);

	if (r == 0)
		r = paths_make_first(&paths, err);
	if (r == 0 && instance)
		r = uids_claim(&paths, &uid_base, err);
	if (r == 0)
		r = config_load(uid_base, err);
	if (r == 0)
		r = paths_make_rest(&paths, &conf, err);
	return r < 0 ? r : sockets_bind(&conf, ret_fds, err);
}

static int run(struct err *err)
{
	int fds[2], r;

	if (geteuid() != 0)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "must be started by root (only "
			       "--check runs for everybody)");
	umask(022);
	r = child_init(err);
	if (r == 0)
		r = prepare(fds, err);
	if (r < 0)
		return r;
	log_open("cordond", (enum log_level)conf.log_level, &ipc_req);
	notify_open();
	r = confine(err);
	if (r == 0)
		r = serve(fds, err);
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
