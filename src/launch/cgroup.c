/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life of one guest's group. Finding the hierarchies: cgroup_tree.c. */
#include "launch/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define KILL_ROUNDS 32   /* without cgroup.kill a fork may slip through; look again */

/*
 * The device numbers a QEMU may open (v1); on v2 nodev mounts and the lack of CAP_MKNOD do it.
 * "m", because the cage's nodes are made from inside the group.
 */
static const char *const devices_allowed[] = {
	"c 1:3 rwm",     /* null */
	"c 1:5 rwm",     /* zero */
	"c 1:8 rm",      /* random */
	"c 1:9 rm",      /* urandom */
};
#define DEVICE_KVM "c 10:232 rwm"

uint64_t cgroup_memory_max(uint64_t ram, unsigned cpus, bool tcg)
{
	return ram + (ram >> CGROUP_MEMORY_RAM_SHIFT) + CGROUP_MEMORY_BASE +
	       cpus * CGROUP_MEMORY_PER_CPU + (tcg ? CGROUP_MEMORY_TCG : 0);
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= CGROUP_NAME_MAX && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int put(int dir, const char *file, const char *text)
{
	CLEAN_FD int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int put_number(int dir, const char *file, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return put(dir, file, text);
}

static int limit_devices(int dir, bool kvm)
{
	int r = put(dir, "devices.deny", "a");

	for (size_t i = 0; r == 0 && i < sizeof(devices_allowed) / sizeof(devices_allowed[0]); i++)
		r = put(dir, "devices.allow", devices_allowed[i]);
	if (r == 0 && kvm)
		r = put(dir, "devices.allow", DEVICE_KVM);
	return r;
}

static int limit(const struct cgroup_hierarchy *h, int dir, const struct cgroup_limits *lim,
		 struct err *err)
{
	uint32_t weight = lim->cpu_weight ? lim->cpu_weight : 100;
	const char *what = "memory";
	int r = 0;

	if (h->controllers & CGROUP_MEMORY && lim->memory_max)
		r = put_number(dir, h->unified ? "memory.max" : "memory.limit_in_bytes",
			       lim->memory_max);
	if (r == 0 && h->controllers & CGROUP_PIDS && lim->pids_max) {
		what = "pids";
		r = put_number(dir, "pids.max", lim->pids_max);
	}
	if (r == 0 && h->controllers & CGROUP_CPU) {
		what = "cpu";
		r = h->unified ? put_number(dir, "cpu.weight", weight)
			       : put_number(dir, "cpu.shares", (uint64_t)weight * 1024 / 100);
	}
	if (r == 0 && h->controllers & CGROUP_DEVICES) {
		what = "devices";
		r = limit_devices(dir, lim->kvm);
	}
	return r < 0 ? err_sys(err, r, "cgroup: setting the %s limit", what) : 0;
}

static int make_group(int parent, const char *name)
{
	if (mkdirat(parent, name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return mkdirat(parent, name, 0755) < 0 ? -errno : 0;
}

static int create_in(const struct cgroup_hierarchy *h, const char *name,
		     const struct cgroup_limits *lim, struct cgroup_group *g, struct err *err)
{
	CLEAN_FD int dir = -1;
	int r = make_group(h->fd, name);

	if (r == -EBUSY)
		return err_set(err, r, ERR_OPERATION_FAILED,
			       "cgroup '%s' still holds processes of an earlier run", name);
	if (r < 0)
		return err_sys(err, r, "cgroup: creating '%s'", name);
	dir = openat(h->fd, name, DIR_FLAGS);
	if (dir < 0)
		return err_sys(err, -errno, "cgroup: opening '%s'", name);
	r = limit(h, dir, lim, err);
	if (r < 0)
		return r;
	if (h->unified) {
		g->into_fd = take_fd(&dir);
		return 0;
	}
	g->tasks_fd[g->n_tasks] = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
	if (g->tasks_fd[g->n_tasks] < 0)
		return err_sys(err, -errno, "cgroup: opening the tasks of '%s'", name);
	g->n_tasks++;
	return 0;
}

int cgroup_create(const struct cgroup_tree *t, const char *name, const struct cgroup_limits *lim,
		  struct cgroup_group *ret, struct err *err)
{
	struct cgroup_group g = { .into_fd = -1 };

	if (!name_ok(name))
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cgroup: bad name");
	for (unsigned i = 0; i < t->n; i++) {
		int r = create_in(&t->h[i], name, lim, &g, err);

		if (r < 0) {
			cgroup_group_close(&g);
			if (r != -EBUSY)
				cgroup_remove(t, name, NULL);
			return r;
		}
	}
	*ret = g;
	return 0;
}

void cgroup_group_close(struct cgroup_group *g)
{
	fd_close(&g->into_fd);
	fd_close_all(g->tasks_fd, g->n_tasks);
	g->n_tasks = 0;
}

int cgroup_join(const struct cgroup_group *g)
{
	/* "0" into tasks moves this one thread without waiting for a grace period. */
	for (unsigned i = 0; i < g->n_tasks; i++)
		if (write(g->tasks_fd[i], "0", 1) < 0)
			return -errno;
	return 0;
}

/* What cgroup.procs lists now, as far as it fits. */
static int read_pids(int dir, pid_t *ret, size_t max)
{
	CLEAN_FD int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	size_t found = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	for (char *p = text; *p && found < max; p++) {
		long pid = strtol(p, &p, 10);

		if (*p != '\n')
			break;   /* cut by the end of the buffer: not this process's number */
		if (pid > 1)
			ret[found++] = (pid_t)pid;
	}
	return (int)found;
}

int cgroup_pids(const struct cgroup_tree *t, const char *name, pid_t *ret_pids, size_t max)
{
	CLEAN_FD int dir = -1;

	if (!name_ok(name) || !t->n)
		return name_ok(name) ? 0 : -EINVAL;
	dir = openat(t->h[0].fd, name, DIR_FLAGS);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	return read_pids(dir, ret_pids, max);
}

static int kill_listed(int dir)
{
	pid_t pids[256];
	int n = read_pids(dir, pids, sizeof(pids) / sizeof(pids[0]));

	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	return n;
}

static int kill_in(const struct cgroup_hierarchy *h, const char *name)
{
	CLEAN_FD int dir = openat(h->fd, name, DIR_FLAGS);
	int r = 1;

	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	if (h->unified && put(dir, "cgroup.kill", "1") == 0)
		return 0;
	for (int round = 0; round < KILL_ROUNDS && r > 0; round++)
		r = kill_listed(dir);
	return r < 0 ? r : 0;
}

int cgroup_kill(const struct cgroup_tree *t, const char *name, struct err *err)
{
	if (!name_ok(name))
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cgroup: bad name");
	/* All hierarchies hold the same processes; the unified one, if any, comes first. */
	for (unsigned i = 0; i < t->n; i++) {
		int r = kill_in(&t->h[i], name);

		if (r < 0)
			return err_sys(err, r, "cgroup: killing '%s'", name);
		if (t->h[i].unified)
			break;
	}
	return 0;
}

int cgroup_remove(const struct cgroup_tree *t, const char *name, struct err *err)
{
	int ret = 0;

	if (!name_ok(name))
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cgroup: bad name");
	for (unsigned i = 0; i < t->n; i++)
		if (unlinkat(t->h[i].fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			ret = -errno;
	return ret < 0 ? err_sys(err, ret, "cgroup: removing '%s'", name) : 0;
}

int cgroup_populated(const struct cgroup_tree *t, const char *name)
{
	if (!name_ok(name))
		return -EINVAL;
	for (unsigned i = 0; i < t->n; i++) {
		CLEAN_FD int dir = openat(t->h[i].fd, name, DIR_FLAGS);
		CLEAN_FD int fd = dir < 0 ? -1 : openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
		char c;

		if (fd >= 0 && read(fd, &c, 1) == 1)
			return 1;
	}
	return 0;
}

static bool seen_before(const struct cgroup_tree *t, unsigned upto, const char *name)
{
	for (unsigned i = 0; i < upto; i++)
		if (faccessat(t->h[i].fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

int cgroup_list(const struct cgroup_tree *t, int (*each)(void *ctx, const char *name), void *ctx,
		struct err *err)
{
	for (unsigned i = 0; i < t->n; i++) {
		int fd = openat(t->h[i].fd, ".", DIR_FLAGS), r = 0;
		DIR *d = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *e;

		if (!d) {
			fd_close(&fd);
			return err_sys(err, -errno, "cgroup: listing");
		}
		while (r == 0 && (e = readdir(d)))
			if (e->d_type == DT_DIR && name_ok(e->d_name) &&
			    !seen_before(t, i, e->d_name))
				r = each(ctx, e->d_name);
		closedir(d);
		if (r)
			return r;
	}
	return 0;
}
