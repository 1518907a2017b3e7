/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

#define RUN_INSTALLED "/run/cordon"
#define LOCK_FILE "cordond.lock"
#define GUESTS "guests"
#define PIDS_FILE "pids"
#define PIDS_MAX 65536
#define LOCKS_MAX (1u << 20)

struct entry {
	pid_t pid, parent;
	uint64_t start;
	char name[FOUND_ROLE_MAX];
	bool ours;
	char role[FOUND_ROLE_MAX];
	char guest[37];
};

struct table {
	struct entry *list;
	size_t n, room;
};

static char *read_text(int dir, const char *name, size_t max)
{
	CLEAN_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(max + 1);
	ssize_t n;

	if (!text)
		return NULL;
	n = fd_read_all(fd, text, max);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* "pid (name) state ppid ... starttime"; the name may hold anything, so look for the last bracket. */
static bool parse_stat(const char *text, struct entry *e)
{
	const char *open_at = strchr(text, '('), *close_at = strrchr(text, ')');
	int parent;

	if (!open_at || !close_at || close_at < open_at)
		return false;
	/* fields 3 to 22 of proc(5): state, ppid, 17 that do not matter here, starttime */
	if (sscanf(close_at + 1, " %*c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		   " %*s %*s %" SCNu64, &parent, &e->start) != 2)
		return false;
	e->parent = parent;
	snprintf(e->name, sizeof(e->name), "%.*s", (int)(close_at - open_at - 1), open_at + 1);
	return true;
}

/* The program's file counts more than what a process calls itself. */
static void name_by_exe(int proc, struct entry *e)
{
	char path[64], exe[PATH_MAX], *base, *replaced;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/exe", (int)e->pid);
	n = readlinkat(proc, path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return;
	exe[n] = '\0';
	replaced = strstr(exe, " (deleted)");   /* an update: the old program runs on */
	if (replaced)
		*replaced = '\0';
	base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	if (strncmp(base, "cordon-", 7) == 0)
		base += 7;
	else if (strncmp(base, "qemu-system-", 12) == 0)
		base[4] = '\0';
	snprintf(e->name, sizeof(e->name), "%.*s", (int)sizeof(e->name) - 1, base);
}

static int read_table(struct table *t)
{
	DIR *d = opendir("/proc");
	struct dirent *de;

	if (!d)
		return -errno;
	while ((de = readdir(d)) && t->n < FOUND_MAX) {
		struct entry e = { .pid = (pid_t)strtol(de->d_name, NULL, 10) };
		char path[300], *text;

		if (e.pid <= 0)
			continue;
		snprintf(path, sizeof(path), "%s/stat", de->d_name);
		text = read_text(dirfd(d), path, 4096);
		if (text && parse_stat(text, &e)) {
			if (t->n == t->room) {
				t->room = t->room ? t->room * 2 : 256;
				t->list = reallocarray(t->list, t->room, sizeof(*t->list));
				if (!t->list)
					abort();   /* a command that prints a table has nothing to save */
			}
			name_by_exe(dirfd(d), &e);
			t->list[t->n++] = e;
		}
		free(text);
	}
	closedir(d);
	return 0;
}

static struct entry *by_pid(const struct table *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].pid == pid)
			return &t->list[i];
	return NULL;
}

/* Who holds the instance's lock, from /proc/locks: "1: FLOCK  ADVISORY  WRITE 123 fe:00:4711 0 EOF". */
static void mark_holder(const struct table *t, int run)
{
	char *text = read_text(AT_FDCWD, "/proc/locks", LOCKS_MAX), *line = text, *rest;
	struct stat st;

	if (text && fstatat(run, LOCK_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		for (; (line = strtok_r(line, "\n", &rest)); line = NULL) {
			unsigned major_no, minor_no;
			uint64_t ino;
			int pid;
			struct entry *e;

			if (sscanf(line, "%*s FLOCK %*s WRITE %d %x:%x:%" SCNu64, &pid, &major_no,
				   &minor_no, &ino) != 4 || ino != st.st_ino ||
			    makedev(major_no, minor_no) != st.st_dev)
				continue;
			e = by_pid(t, pid);
			if (e)
				e->ours = true;
		}
	free(text);
}

static void mark_listed(const struct table *t, const char *guest, char *text)
{
	char *rest, *line = text;

	for (; (line = strtok_r(line, "\n", &rest)); line = NULL) {
		char what[FOUND_ROLE_MAX];
		struct entry *e;
		uint64_t start;
		int pid;

		if (sscanf(line, "%15s %d %" SCNu64, what, &pid, &start) != 3 || start == 0)
			continue;
		e = by_pid(t, pid);
		if (!e || e->start != start)
			continue;
		e->ours = true;
		snprintf(e->role, sizeof(e->role), "%s", what);
		snprintf(e->guest, sizeof(e->guest), "%s", guest);
	}
}

static void mark_guests(const struct table *t, int run)
{
	int fd = openat(run, GUESTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[300], *text;

		if (strlen(e->d_name) != 36)
			continue;
		snprintf(path, sizeof(path), "%s/" PIDS_FILE, e->d_name);
		text = read_text(dirfd(d), path, PIDS_MAX);
		if (text)
			mark_listed(t, e->d_name, text);
		free(text);
	}
	if (d)
		closedir(d);
}

static void mark_descendants(const struct table *t)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < t->n; i++) {
			struct entry *e = &t->list[i];
			const struct entry *parent = e->ours ? NULL : by_pid(t, e->parent);

			if (!parent || !parent->ours)
				continue;
			e->ours = more = true;
			snprintf(e->guest, sizeof(e->guest), "%s", parent->guest);
		}
	}
}

static int by_order(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int r = strcmp(x->guest, y->guest);

	return r ? r : (x->pid > y->pid) - (x->pid < y->pid);
}

static int collect(const struct table *t, struct found **ret, size_t *ret_n)
{
	struct found *list = calloc(t->n + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		const struct entry *e = &t->list[i];

		if (!e->ours)
			continue;
		list[n].pid = e->pid;
		snprintf(list[n].role, sizeof(list[n].role), "%s", e->role[0] ? e->role : e->name);
		snprintf(list[n].guest, sizeof(list[n].guest), "%s", e->guest);
		n++;
	}
	qsort(list, n, sizeof(*list), by_order);
	*ret = list;
	*ret_n = n;
	return n ? 0 : -ESRCH;
}

int find_processes(const char *dir, struct found **ret, size_t *ret_n, struct err *err)
{
	char path[PATH_MAX];
	CLEAN_FD int run = -1;
	struct table t = { 0 };
	struct found *list = NULL;
	size_t n = 0;
	int r;

	if (snprintf(path, sizeof(path), "%s%s", dir ? dir : RUN_INSTALLED, dir ? "/run" : "") >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG, ERR_INVALID_ARG, "path is too long");
	run = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0)
		return err_sys(err, -errno, "'%s'", path);
	r = read_table(&t);
	if (r == 0) {
		mark_holder(&t, run);
		mark_guests(&t, run);
		mark_descendants(&t);
		r = collect(&t, &list, &n);
	}
	free(t.list);
	if (r < 0) {
		free(list);
		return r == -ESRCH ? err_set(err, r, ERR_OPERATION_FAILED, "nothing runs in '%s'", path)
				   : err_sys(err, r, "reading /proc");
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
