/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every process of the host, as far as uniqueness is concerned. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selinux/selinux.h>

#include "base/fd.h"
#include "cli/cage.h"

#define STATUS_MAX 16384
#define MOUNTS_MAX (1u << 20)
#define SELINUX_ENFORCE "/sys/fs/selinux/enforce"

ssize_t cage_proc_text(pid_t pid, const char *name, char *out, size_t size)
{
	char path[300];
	CLEAN_FD int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = fd_read_all(fd, out, size - 1);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

static bool read_uids(const char *status, uid_t uid[4])
{
	const char *line = strstr(status, "\nUid:");

	return line && sscanf(line + 5, "%u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) == 4;
}

static void read_namespaces(struct cage_other *o)
{
	for (int i = 0; i < NAMESPACES; i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)o->pid, proc_ns_names[i]);
		o->ns[i] = stat(path, &st) == 0 ? st.st_ino : 0;
	}
}

static int read_one(pid_t pid, bool selinux, struct cage_other *ret)
{
	char status[STATUS_MAX];
	struct cage_other o = { .pid = pid };

	if (cage_proc_text(pid, "status", status, sizeof(status)) <= 0 || !read_uids(status, o.uid))
		return -ESRCH;
	read_namespaces(&o);
	if (selinux && cage_proc_text(pid, "attr/current", o.label, sizeof(o.label)) > 0)
		o.label[strcspn(o.label, "\n")] = '\0';
	*ret = o;
	return 0;
}

static void read_text(const char *path, char *out, size_t size)
{
	CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, out, size - 1);

	out[n < 0 ? 0 : n] = '\0';
}

/* The type in the n-th context of a list, one a line; "" when there is none. */
static void type_of_line(const char *text, unsigned n, char out[CAGE_LABEL_MAX])
{
	for (const char *l = text; l; l = strchr(l, '\n')) {
		l += strspn(l, " \t\n");
		if (*l && *l != '#' && n-- == 0) {
			if (sscanf(l, "%*[^: \t\n]:%*[^: \t\n]:%255[^: \t\r\n]", out) != 1)
				out[0] = '\0';
			return;
		}
	}
}

static void read_types(struct cage_host *h)
{
	char text[STATUS_MAX];

	read_text(selinux_virtual_image_context_path(), text, sizeof(text));
	type_of_line(text, 0, h->image_type);
	type_of_line(text, 1, h->content_type);
}

static void read_selinux(struct cage_host *h)
{
	CLEAN_FD int fd = open(SELINUX_ENFORCE, O_RDONLY | O_CLOEXEC);
	char c = '0';

	h->selinux = fd >= 0;
	h->enforcing = fd >= 0 && read(fd, &c, 1) == 1 && c == '1';
	if (!h->selinux)
		return;
	read_types(h);
	h->mounts = malloc(MOUNTS_MAX);
	if (!h->mounts)
		abort();   /* as in find_sys.c */
	if (cage_proc_text(getpid(), "mountinfo", h->mounts, MOUNTS_MAX) <= 0)
		h->mounts[0] = '\0';
}

int cage_host_read(struct cage_host *ret, struct err *err)
{
	struct cage_host h = { 0 };
	DIR *d = opendir("/proc");
	struct dirent *e;
	size_t room = 0;

	if (!d)
		return err_sys(err, -errno, "/proc");
	read_selinux(&h);
	while ((e = readdir(d))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		if (h.n == room) {
			room = room ? room * 2 : 256;
			h.list = reallocarray(h.list, room, sizeof(*h.list));
			if (!h.list)
				abort();   /* as in find_sys.c */
		}
		if (read_one(pid, h.selinux, &h.list[h.n]) == 0)
			h.n++;
	}
	closedir(d);
	*ret = h;
	return 0;
}

void cage_host_free(struct cage_host *h)
{
	free(h->list);
	free(h->mounts);
	*h = (struct cage_host){ 0 };
}

const struct cage_other *cage_host_find(const struct cage_host *h, pid_t pid)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].pid == pid)
			return &h->list[i];
	return NULL;
}
