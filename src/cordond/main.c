/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond: options, then setting up in order, then the loop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "cordond/setup.h"
#include "ipc/ev.h"

#define ARENA_MAX (1u << 20)   /* our copy of paths */

struct sup sup;

struct options {
	const char *instance;
	const char *config;
	bool check;
};

static const char usage[] =
	"usage: cordond [--instance DIR] [--config FILE] [--check] [--foreground]\n"
	"  --instance DIR  run a complete private instance below DIR\n"
	"  --config FILE   instead of /etc/cordon/cordond.conf or DIR/cordond.conf\n"
	"  --check         check the configuration, print what is wrong, and end\n"
	"  --foreground    stay in the foreground (which it always does)\n"
	"  --version, --help\n"
	"See cordond(8) and cordond.conf(5).\n";

static _Noreturn void leave(FILE *out, const char *text)
{
	fputs(text, out);
	exit(out == stdout ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "instance", required_argument, NULL, 'i' }, { "config", required_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'c' }, { "foreground", no_argument, NULL, 'F' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "i:f:cFVh", longs, NULL)) != -1) {
		if (o == 'i')
			ret->instance = optarg;
		else if (o == 'f')
			ret->config = optarg;
		else if (o == 'c')
			ret->check = true;
		else if (o == 'V')
			leave(stdout, "cordond " CORDON_VERSION "\n");
		else if (o == 'h')
			leave(stdout, usage);
		else if (o != 'F')
			leave(stderr, usage);
	}
	if (optind != argc)
		leave(stderr, usage);
}

/* 0..3 are taken from the start, so that no descriptor of ours gets a number a room is given. */
static void fill_low_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd > 3)
		close(fd);
}

static void print_error(const struct err *err)
{
	fprintf(stderr, "cordond: %s\n", err->text);
}

static int config_load(const struct options *o, const struct paths *p, uint32_t uid_base,
		       int empty_fd, struct err *err)
{
	return config_read(o->config ? o->config : p->conf, o->config != NULL, p->instance, uid_base,
			   empty_fd, o->check, err);
}

/* What the configuration leaves to us. */
static int config_complete(const struct paths *p, struct err *err)
{
	struct {
		char **to;
		const char *from;
	} rows[] = {
		{ &sup.conf.instance, p->instance }, { &sup.conf.state_dir, p->state },
		{ &sup.conf.run_dir, p->run }, { &sup.conf.log_dir, p->log },
		{ &sup.conf.nvram_dir, p->nvram },
	};
	struct arena *a = arena_new(ARENA_MAX);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		*rows[i].to = a ? arena_strdup(a, rows[i].from) : NULL;
		if (!*rows[i].to)
			return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	return 0;
}

static int check_only(const struct options *o, struct err *err)
{
	struct paths p;
	int r;

	r = paths_init(o->instance, true, &p, err);
	if (r == 0)
		r = config_load(o, &p, o->instance ? 1 : 0, -1, err);
	if (r == 0)
		puts("ok");
	return r;
}

static int bind_sockets(int ret_fds[2], struct err *err)
{
	const struct config *c = &sup.conf;
	int r;

	r = socket_bind(c->unix_sock_dir, SOCKET_RW, c->unix_sock_rw_perms, c->unix_sock_gid,
			(int)c->max_queued_clients, &ret_fds[0], err);
	return r < 0 ? r : socket_bind(c->unix_sock_dir, SOCKET_RO, c->unix_sock_ro_perms,
				       c->unix_sock_gid, (int)c->max_queued_clients, &ret_fds[1], err);
}

static void unlink_sockets(void)
{
	static const char *const names[] = { SOCKET_RW, SOCKET_RO };
	char path[PATH_MAX];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", sup.conf.unix_sock_dir, names[i]);
		if (unlink(path) < 0)
			log_warn("removing '%s': %s", path, strerrordesc_np(errno));
	}
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo si;

	(void)what;
	(void)arg;
	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			procs_reap();
		else if (si.ssi_signo != SIGHUP)
			rooms_stop();
	}
	if (sup.stopping && !sup.procs)
		event_base_loopexit(sup.base, NULL);
}

static int watch_signals(struct err *err)
{
	struct event *ev;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, -errno, "signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, -errno, "signals");
	ev = event_new(sup.base, fd, EV_READ | EV_PERSIST, on_signal, NULL);
	if (!ev || event_add(ev, NULL) < 0)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	return 0;
}

/* Everything that needs the privilege we give up in confine(). */
static int prepare(const struct options *o, int ret_fds[2], struct err *err)
{
	int CLEAN_FD empty = -1;
	uint32_t uid_base = 0;
	struct paths p;
	int r;

	r = paths_init(o->instance, false, &p, err);
	if (r == 0)
		r = paths_make_first(&p, &empty, err);
	if (r == 0 && o->instance)
		r = uids_claim(&p, &uid_base, err);
	if (r == 0)
		r = config_load(o, &p, uid_base, empty, err);
	if (r == 0)
		r = config_complete(&p, err);
	if (r == 0)
		r = paths_make_rest(&p, &sup.conf, err);
	if (r == 0)
		r = host_uuid_get(&p, &sup.conf, sup.host_uuid, err);
	return r < 0 ? r : bind_sockets(ret_fds, err);
}

static int run(const struct options *o, struct err *err)
{
	int fds[2], r;

	if (geteuid() != 0)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "must be started by root (only "
			       "--check runs for everybody)");
	umask(022);
	r = prepare(o, fds, err);
	if (r < 0)
		return r;
	log_open("cordond", (enum log_level)sup.conf.log_level, &ipc_req);
	sup.base = ipc_ev_base();
	if (!sup.base)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	notify_open();
	r = watch_signals(err);
	if (r == 0)
		r = confine(err);
	if (r == 0)
		r = pool_init(err);
	if (r == 0)
		r = accept_init(fds[0], fds[1], err);
	if (r == 0)
		r = rooms_start(err);
	if (r == 0)
		event_base_dispatch(sup.base);
	unlink_sockets();
	return r;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct err err = { 0 };
	int r;

	options_parse(argc, argv, &o);
	fill_low_fds();
	log_open("cordond", LOG_LEVEL_WARN, &ipc_req);
	r = spawn_init(&err);
	if (r == 0)
		r = o.check ? check_only(&o, &err) : run(&o, &err);
	if (r < 0)
		print_error(&err);
	return r < 0 || sup.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
