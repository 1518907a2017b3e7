/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

#define STATUS_MAX 16384

const char *const proc_ns_names[NAMESPACES] = { "user", "mnt", "pid", "net", "ipc", "uts", "cgroup",
						"time" };

static ssize_t read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	CLEAN_FD int fd = -1;
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) != 0) {
		if (n < 0)
			return -errno;
		len += (size_t)n;
	}
	out[len] = '\0';
	return (ssize_t)len;
}

bool proc_field(const char *status, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	for (const char *s = status; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
		if (strncmp(s, key, n) != 0 || s[n] != ':')
			continue;
		s += n + 1;
		s += strspn(s, " \t");
		snprintf(out, size, "%.*s", (int)strcspn(s, " \t\n"), s);
		return true;
	}
	return false;
}

static uint64_t field_number(const char *status, const char *key, int base)
{
	char word[32];

	return proc_field(status, key, word, sizeof(word)) ? strtoull(word, NULL, base) : 0;
}

/*
 * Process 1 stands for the host; where we may not look at it (inside a
 * container, say), we do.
 */
static int stat_host(const char *what, struct stat *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/1/%s", what);
	if (stat(path, ret) == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/%s", what);
	return stat(path, ret);
}

static void view_namespaces(pid_t pid, struct proc_view *v)
{
	for (int i = 0; i < NAMESPACES; i++) {
		char path[64], what[32];
		struct stat own, host;

		snprintf(what, sizeof(what), "ns/%s", proc_ns_names[i]);
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
		if (stat(path, &own) == 0 && stat_host(what, &host) == 0)
			v->own_ns[i] = own.st_ino != host.st_ino;
	}
}

static void view_root(pid_t pid, struct proc_view *v)
{
	struct stat own, host;
	struct dirent *e;
	char path[64];
	DIR *d;

	v->root = ROOT_UNKNOWN;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	if (stat(path, &own) < 0 || stat_host("root", &host) < 0)
		return;
	if (own.st_dev == host.st_dev && own.st_ino == host.st_ino) {
		v->root = ROOT_HOST;
		return;
	}
	d = opendir(path);
	if (!d)
		return;
	v->root = ROOT_EMPTY;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			v->root = ROOT_PRIVATE;
	closedir(d);
}

static DIR *open_fds(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	return opendir(path);
}

static unsigned count_fds(pid_t pid)
{
	DIR *d = open_fds(pid);
	unsigned n = 0;

	while (d) {
		struct dirent *e = readdir(d);

		if (!e)
			break;
		n += e->d_name[0] != '.';
	}
	if (d)
		closedir(d);
	return n;
}

int proc_view(pid_t pid, struct proc_view *ret)
{
	struct proc_view v = { 0 };
	char text[STATUS_MAX], *gid;
	ssize_t n = read_proc(pid, "status", text, sizeof(text));

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	if (strstr(text, "\nState:\tZ"))
		return -ESRCH;
	v.uid = (uid_t)field_number(text, "Uid", 10);
	gid = strstr(text, "\nGid:");     /* the effective one; a guest's real one differs on purpose */
	if (gid)
		sscanf(gid, "\nGid: %*u %u", &v.gid);
	v.cap_inh = field_number(text, "CapInh", 16);
	v.cap_prm = field_number(text, "CapPrm", 16);
	v.cap_eff = field_number(text, "CapEff", 16);
	v.cap_bnd = field_number(text, "CapBnd", 16);
	v.cap_amb = field_number(text, "CapAmb", 16);
	v.no_new_privs = (int)field_number(text, "NoNewPrivs", 10);
	v.seccomp = (int)field_number(text, "Seccomp", 10);
	v.filters = (unsigned)field_number(text, "Seccomp_filters", 10);
	if (read_proc(pid, "smaps_rollup", text, sizeof(text)) > 0)
		v.pss_kib = field_number(text, "Pss", 10);
	view_namespaces(pid, &v);
	view_root(pid, &v);
	v.fds = count_fds(pid);
	*ret = v;
	return 0;
}

void proc_fds(pid_t pid, struct buf *out)
{
	DIR *d = open_fds(pid);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char what[PATH_MAX];
		ssize_t n;

		if (e->d_name[0] == '.')
			continue;
		n = readlinkat(dirfd(d), e->d_name, what, sizeof(what) - 1);
		if (n < 0)
			continue;
		what[n] = '\0';
		for (char *s = what; *s; s++)
			if ((unsigned char)*s < 0x20 || *s == 0x7f)
				*s = '?';
		buf_printf(out, "    fd %s %s\n", e->d_name, what);
	}
	if (d)
		closedir(d);
}
