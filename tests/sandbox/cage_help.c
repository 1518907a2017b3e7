/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cage_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define QEMU "/usr/bin/qemu-system-x86_64"

const char *const help_qemu_args[] = {
	"-name", "probe", "-no-user-config", "-nodefaults", "-display", "none", "-vnc", "none",
	"-M", "q35,usb=off", "-accel", "tcg", "-cpu", "qemu64", "-m", "64", "-smp", "1",
	"-chardev", "socket,id=q,fd=10,server=on,wait=off", "-mon", "chardev=q,mode=control",
	"-device", "virtio-balloon-pci", "-device", "VGA", "-device", "qemu-xhci",
	"-device", "usb-tablet", "-object", "rng-random,id=r,filename=/dev/urandom",
	"-device", "virtio-rng-pci,rng=r",
	"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
	"-msg", "timestamp=on", NULL,
};

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err ? err->text : strerror(errno));
	exit(1);
}

double help_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void help_open(struct help *h)
{
	struct err err = { 0 };
	char dir[160], parent[96];

	signal(SIGPIPE, SIG_IGN);
	memset(h, 0, sizeof(*h));
	snprintf(h->dir, sizeof(h->dir), "/tmp/cordon-cage-XXXXXX");
	if (!mkdtemp(h->dir))
		die(h->dir, NULL);
	if (root_detach(&err) < 0)
		die("root_detach", &err);
	snprintf(dir, sizeof(dir), "%s/qemu", h->dir);
	if (root_build(ROOT_QEMU_X86_64, dir, &h->qemu, &err) < 0)
		die("root_build", &err);
	snprintf(dir, sizeof(dir), "%s/passt", h->dir);
	if (root_build(ROOT_PASST, dir, &h->passt, &err) < 0)
		die("root_build", &err);
	snprintf(parent, sizeof(parent), "cordon-test-%d", (int)getpid());
	if (cgroup_tree_open(parent, 100, &h->groups, &err) < 0)
		die("cgroup_tree_open", &err);
}

/* A failed assertion leaves guests behind. */
static void kill_leftover(struct help *h, unsigned uid)
{
	char name[16];

	snprintf(name, sizeof(name), "g%u", uid);
	cgroup_kill(&h->groups, name);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	for (int i = 0; i < 100 && cgroup_remove(&h->groups, name, NULL) == -EBUSY; i++)
		usleep(10000);
}

void help_close(struct help *h)
{
	for (unsigned i = 0; i < h->next; i++)
		kill_leftover(h, HELP_UID_FIRST + i);
	cgroup_tree_remove(&h->groups);
	root_drop(&h->qemu);
	root_drop(&h->passt);
	rmdir(h->qemu.dir);
	rmdir(h->passt.dir);
	rmdir(h->dir);
}

static void listen_on(struct help *h, struct help_guest *g)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(g, 0, sizeof(*g));
	g->qmp = g->args_fd = -1;
	g->uid = HELP_UID_FIRST + h->next++;
	snprintf(g->socket, sizeof(g->socket), "%s/q%u", h->dir, g->uid);
	snprintf(g->group, sizeof(g->group), "g%u", g->uid);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", g->socket);
	g->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(g->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(g->listener, 4) < 0)
		die("listen", NULL);
}

/* From here on both programs are alike: group, socket, cage, arguments. */
static void spawn(struct help *h, struct help_guest *g, struct cage_spec *spec,
		  const struct cgroup_limits *lim, const char *const *args)
{
	struct err err = { 0 };
	struct buf msg;
	int pair[2];
	size_t n = 0;

	if (cgroup_create(&h->groups, g->group, lim, &err) < 0)
		die("cgroup_create", &err);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair", NULL);
	spec->uid = g->uid;
	spec->groups = &h->groups;
	spec->group = g->group;
	spec->args_fd = pair[1];
	g->cage.pid = cage_spawn(spec, &err);
	if (g->cage.pid < 0)
		die("cage_spawn", &err);
	close(pair[1]);
	g->args_fd = pair[0];
	while (args[n])
		n++;
	buf_init(&msg, 1 << 21);
	if (execargs_encode(args, n, &msg, &err) < 0)
		die("execargs_encode", &err);
	fd_write_all(g->args_fd, msg.data, msg.len);
	buf_free(&msg);
}

void help_cage(struct help *h, struct help_guest *g, const char *const *args,
	       const struct cage_fd *more, size_t n_more, const struct root_copy *copies,
	       size_t n_copies)
{
	const struct cgroup_limits lim = {
		.memory_max = UINT64_C(2) << 30, .pids_max = 256,
		.kvm = access("/dev/kvm", F_OK) == 0,
	};
	struct cage_fd fds[32] = { { .at = HELP_QMP_FD },
				   { .fd = 2, .at = 1 },
				   { .fd = 2, .at = 2 } };
	struct cage_spec spec = {
		.root = &h->qemu, .kvm = lim.kvm, .fds = fds, .n_fds = 3 + n_more,
		.copies = copies, .n_copies = n_copies, .limits = CAGE_LIMITS_QEMU,
	};

	listen_on(h, g);
	fds[0].fd = g->listener;
	if (n_more)
		memcpy(&fds[3], more, n_more * sizeof(fds[0]));
	spawn(h, g, &spec, &lim, args);
}

void help_passt(struct help *h, struct help_guest *g, int wire)
{
	static const char *const args[] = { "--foreground", "--stderr", "--quiet", "--one-off",
					    "--fd", "3", NULL };
	const struct cgroup_limits lim = { .memory_max = 256 << 20, .pids_max = 8 };
	const struct cage_fd fds[] = { { .fd = 2, .at = 2 }, { .fd = wire, .at = 3 } };
	struct cage_spec spec = {
		.root = &h->passt, .host_net = true, .fds = fds, .n_fds = 2,
		.limits = CAGE_LIMITS_PASST,
	};

	listen_on(h, g);
	spawn(h, g, &spec, &lim, args);
}

void help_bare(struct help *h, struct help_guest *g, const char *const *args)
{
	char *argv[128] = { QEMU };

	listen_on(h, g);
	for (size_t i = 0; args[i] && i < 126; i++)
		argv[i + 1] = (char *)args[i];
	g->cage.pid = fork();
	if (g->cage.pid == 0) {
		dup2(g->listener, HELP_QMP_FD);
		execv(QEMU, argv);
		_exit(1);
	}
}

const char *help_report(struct help_guest *g)
{
	static struct execargs_report rep;

	for (int i = 0; i < 2; i++) {
		ssize_t n = recv(g->args_fd, &rep, sizeof(rep), MSG_WAITALL);

		if (n == 0)
			return i ? "" : "ended before it was ready";
		if (n != (ssize_t)sizeof(rep) || rep.code)
			return rep.text;
	}
	return "two reports";
}

static const char *read_line(int fd)
{
	static char line[65536];
	size_t n = 0;

	while (n < sizeof(line) - 1) {
		ssize_t r = read(fd, line + n, 1);

		if (r <= 0)
			return "";
		if (line[n++] == '\n')
			break;
	}
	line[n] = '\0';
	return line;
}

const char *help_qmp(struct help_guest *g, const char *command)
{
	const char *line;

	dprintf(g->qmp, "{\"execute\":\"%s\"}\n", command);
	do
		line = read_line(g->qmp);
	while (strstr(line, "\"event\""));
	return line;
}

void help_qmp_open(struct help_guest *g)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", g->socket);
	/* Only QEMU may hold the listener, or its death would leave us waiting. */
	fd_close(&g->listener);
	g->qmp = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(g->qmp, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("connect", NULL);
	read_line(g->qmp);
	help_qmp(g, "qmp_capabilities");
}

int help_kill(struct help *h, struct help_guest *g)
{
	struct err err = { 0 };
	int status = 0;

	cgroup_kill(&h->groups, g->group);
	kill(g->cage.pid, SIGKILL);
	waitpid(g->cage.pid, &status, 0);
	if (cgroup_remove(&h->groups, g->group, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	fd_close(&g->qmp);
	fd_close(&g->args_fd);
	fd_close(&g->listener);
	unlink(g->socket);
	return status;
}
