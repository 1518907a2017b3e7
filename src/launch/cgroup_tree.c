/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which control group hierarchies does this machine or container give us? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/cgroup.h"

static const struct {
	const char *name;
	unsigned bit;
	bool v2;          /* also a controller of the unified hierarchy */
	const char *loss;
} controllers[] = {
	{ "cpu", CGROUP_CPU, true, "cpu" },
	{ "cpuacct", CGROUP_CPUACCT, false, NULL },   /* v2 counts without a controller */
	{ "memory", CGROUP_MEMORY, true, "memory" },
	{ "pids", CGROUP_PIDS, true, "pids" },
	{ "devices", CGROUP_DEVICES, false, NULL },   /* v2 has none: nodev mounts, no CAP_MKNOD */
};
#define N_CONTROLLERS (sizeof(controllers) / sizeof(controllers[0]))

static unsigned controller_bits(char *list, const char *separators, bool v2)
{
	unsigned bits = 0;
	char *save = NULL;

	for (char *s = strtok_r(list, separators, &save); s; s = strtok_r(NULL, separators, &save))
		for (size_t i = 0; i < N_CONTROLLERS; i++)
			if (!strcmp(s, controllers[i].name) && (!v2 || controllers[i].v2))
				bits |= controllers[i].bit;
	return bits;
}

static unsigned read_v2_controllers(int dir)
{
	CLEAN_FD int fd = openat(dir, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return 0;
	text[n] = '\0';
	return controller_bits(text, " \n", true);
}

static void put_quietly(int dir, const char *file, const char *text)
{
	CLEAN_FD int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	/* A refusal shows in cgroup.controllers of the child, where we look. */
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return;
}

/* Hand each controller on to the children of `dir`, one by one: some may be refused. */
static void delegate(int dir)
{
	for (size_t i = 0; i < N_CONTROLLERS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "+%s", controllers[i].name);
		if (controllers[i].v2)
			put_quietly(dir, "cgroup.subtree_control", text);
	}
}

/* All guests together weigh less than the host's services, Cordon's own among them. */
static void weigh(int dir, bool unified, unsigned weight)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", unified ? weight : weight * 1024 / 100);
	put_quietly(dir, unified ? "cpu.weight" : "cpu.shares", text);
}

/* Walk and create `parent` below the root of a hierarchy. Returns the directory or -errno. */
static int open_parent(int mount, const char *parent, bool unified, unsigned weight)
{
	CLEAN_FD int dir = fcntl(mount, F_DUPFD_CLOEXEC, 0);
	char path[256], *save = NULL;

	if (dir < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s", parent);
	for (char *s = strtok_r(path, "/", &save); s; s = strtok_r(NULL, "/", &save)) {
		int next;

		if (s[0] == '.')
			return -EINVAL;
		if (unified)
			delegate(dir);
		if (mkdirat(dir, s, 0755) < 0 && errno != EEXIST)
			return -errno;
		next = openat(dir, s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		fd_close(&dir);
		dir = next;
		weigh(dir, unified, weight);
	}
	if (unified)
		delegate(dir);
	return take_fd(&dir);
}

struct mount_line {
	char *point;
	char *type;
	char *super;
};

/* "36 35 98:0 /root /point rw - cgroup source rw,cpu": the part behind " - " floats. */
static bool parse_mount(char *line, struct mount_line *ret)
{
	char *dash = strstr(line, " - "), *save = NULL, *s = NULL;

	if (!dash)
		return false;
	*dash = '\0';
	s = strtok_r(line, " ", &save);
	for (int i = 0; s && i < 4; i++)
		s = strtok_r(NULL, " ", &save);
	ret->point = s;
	save = NULL;
	ret->type = strtok_r(dash + 3, " \n", &save);
	strtok_r(NULL, " \n", &save);
	ret->super = strtok_r(NULL, " \n", &save);
	return ret->point && ret->type && ret->super && !strchr(ret->point, '\\');
}

static int add_mount(struct cgroup_tree *t, struct mount_line *m, struct err *err)
{
	CLEAN_FD int mount = -1;
	struct cgroup_hierarchy h = { .fd = -1 };
	unsigned offered;

	h.unified = !strcmp(m->type, "cgroup2");
	if (!h.unified && strcmp(m->type, "cgroup"))
		return 0;
	if (h.unified && t->n && t->h[0].unified)
		return 0;   /* the same tree, mounted once more */
	offered = h.unified ? 0 : controller_bits(m->super, ",", false);
	if ((!h.unified && !(offered & ~t->have)) || t->n == CGROUP_HIERARCHIES_MAX)
		return 0;
	mount = open(m->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	h.fd = mount < 0 ? -errno : open_parent(mount, t->parent, h.unified, t->weight);
	if (h.fd == -EROFS || h.fd == -EACCES || h.fd == -EPERM)
		return 0;   /* a container shows it but withholds it: ends up in ->missing */
	if (h.fd < 0)
		return err_sys(err, h.fd, "cgroup: creating '%s' below %s", t->parent, m->point);
	h.controllers = (h.unified ? read_v2_controllers(h.fd) : offered) & ~t->have;
	t->have |= h.controllers;
	h.mount_fd = take_fd(&mount);
	/* The unified one first: killing and listing start there. */
	if (h.unified && t->n) {
		t->h[t->n] = t->h[0];
		t->h[0] = h;
	} else {
		t->h[t->n] = h;
	}
	t->n++;
	return 0;
}

static void name_missing(struct cgroup_tree *t)
{
	size_t at = 0;

	for (size_t i = 0; i < N_CONTROLLERS; i++)
		if (controllers[i].loss && !(t->have & controllers[i].bit) &&
		    at < sizeof(t->missing))
			at += (size_t)snprintf(t->missing + at, sizeof(t->missing) - at, "%s%s",
					       at ? ", "
						  : "no cgroup controller here, so no limit for: ",
					       controllers[i].loss);
}

int cgroup_tree_open(const char *parent, unsigned weight, struct cgroup_tree *ret, struct err *err)
{
	struct cgroup_tree t = { .weight = weight };
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	int r = 0;

	if (!f)
		return err_sys(err, -errno, "cgroup: reading the mount table");
	if ((size_t)snprintf(t.parent, sizeof(t.parent), "%s", parent) >= sizeof(t.parent))
		r = err_set(err, -ENAMETOOLONG, ERR_INVALID_ARG, "cgroup: path too long");
	while (r == 0 && fgets(line, sizeof(line), f)) {
		struct mount_line m;

		if (parse_mount(line, &m))
			r = add_mount(&t, &m, err);
	}
	fclose(f);
	if (r < 0) {
		cgroup_tree_close(&t);
		return r;
	}
	name_missing(&t);
	*ret = t;
	return 0;
}

void cgroup_tree_close(struct cgroup_tree *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		fd_close(&t->h[i].fd);
		fd_close(&t->h[i].mount_fd);
	}
	t->n = 0;
}

void cgroup_tree_remove(const struct cgroup_tree *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		char path[sizeof(t->parent)], *slash = path;

		memcpy(path, t->parent, sizeof(path));
		while (slash && unlinkat(t->h[i].mount_fd, path, AT_REMOVEDIR) == 0) {
			slash = strrchr(path, '/');
			if (slash)
				*slash = '\0';
		}
	}
}
