/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other ends of QEMU's sockets and pipes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"

#define ANSWER_SIZE 32768
#define ELSEWHERE "its name is not in the guest's folder"

struct socket_end {
	ino_t ino, peer;          /* 0: nobody is there, or not any more */
	bool named;               /* it has a file: */
	uint32_t file;            /* the last 32 bits of its inode number */
};

struct holder {
	ino_t ino;
	pid_t pid;
	bool pipe;
};

struct cage_ends {
	const struct cage_guest *g;
	struct socket_end *sockets;
	struct holder *holders;
	struct stat *files;       /* of the guest's folder */
	size_t n_sockets, n_holders, n_files;
	char why[128];
};

/* One more place in a list that doubles. */
static void *room(void *list, size_t n, size_t size)
{
	if (n & (n - 1) || (n && n < 64))
		return list;
	list = reallocarray(list, n ? 2 * n : 64, size);
	if (!list)
		abort();   /* as in find_sys.c */
	return list;
}

/* ---- what the kernel tells of sockets ---- */

static void add_socket(struct cage_ends *e, struct nlmsghdr *h)
{
	struct unix_diag_msg *m = NLMSG_DATA(h);
	struct socket_end s = { .ino = m->udiag_ino };
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));

	for (struct rtattr *a = (void *)(m + 1); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		struct unix_diag_vfs file;
		uint32_t peer;

		if (a->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(a) >= sizeof(peer)) {
			memcpy(&peer, RTA_DATA(a), sizeof(peer));
			s.peer = peer;
		} else if (a->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(a) >= sizeof(file)) {
			memcpy(&file, RTA_DATA(a), sizeof(file));
			s.file = file.udiag_vfs_ino;
			s.named = true;
		}
	}
	e->sockets = room(e->sockets, e->n_sockets, sizeof(*e->sockets));
	e->sockets[e->n_sockets++] = s;
}

static int read_answer(struct cage_ends *e, void *data, ssize_t n, bool *ret_done)
{
	unsigned left = (unsigned)n;

	for (struct nlmsghdr *h = data; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		*ret_done = *ret_done || h->nlmsg_type == NLMSG_DONE;
		if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			add_socket(e, h);
	}
	return 0;
}

static int read_sockets(struct cage_ends *e, int fd)
{
	const struct {
		struct nlmsghdr head;
		struct unix_diag_req body;
	} q = {
		.head = { .nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX,
			  .udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_VFS },
	};
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	bool done = false;
	int rc = send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;

	while (rc == 0 && !done) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);

		rc = n < 0 ? -errno : n == 0 ? -EPIPE : read_answer(e, answer, n, &done);
	}
	return rc;
}

/* ---- who has what open ---- */

static void add_holders(struct cage_ends *e, pid_t pid)
{
	char path[64], what[64];
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), entry->d_name, what, sizeof(what) - 1);
		struct holder h = { .pid = pid };

		what[n < 0 ? 0 : n] = '\0';
		if (sscanf(what, "socket:[%lu]", &h.ino) != 1) {
			h.pipe = sscanf(what, "pipe:[%lu]", &h.ino) == 1;
			if (!h.pipe)
				continue;
		}
		e->holders = room(e->holders, e->n_holders, sizeof(*e->holders));
		e->holders[e->n_holders++] = h;
	}
	if (d)
		closedir(d);
}

static void read_folder(struct cage_ends *e)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *d;

	if (!e->g->run_dir || snprintf(path, sizeof(path), "%s/guests/%s", e->g->run_dir, e->g->uuid) >= PATH_MAX)
		return;
	d = opendir(path);
	while (d && (entry = readdir(d)))
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			e->files = room(e->files, e->n_files, sizeof(*e->files));
			e->files[e->n_files++] = st;
		}
	if (d)
		closedir(d);
}

/* A socket that asks in the network namespace of `pid`: sockets are made in a process's own, and stay there. */
static int open_diag(int own, pid_t pid)
{
	char path[64];
	CLEAN_FD int ns = -1, fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (setns(own, CLONE_NEWNET) < 0)
		abort();   /* nothing that follows would be true */
	return take_fd(&fd);
}

/*
 * QEMU's were made by cordon-launch, in cordond's namespace; by the guest's cordon-vm, which connects to
 * it; or by itself.
 */
static int read_namespaces(struct cage_ends *e)
{
	const struct cage_guest *g = e->g;
	CLEAN_FD int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int rc = own < 0 ? -errno : 0;

	for (size_t i = 0; i < g->n_all && rc == 0; i++) {
		const struct found *f = &g->list[i];
		const char *role = f->role;
		CLEAN_FD int fd = -1;

		if (i < g->n ? strcmp(role, "qemu") != 0 && strcmp(role, "vm") != 0
			     : f->guest[0] || strcmp(role, "cordond") != 0)
			continue;
		fd = open_diag(own, f->pid);
		rc = fd < 0 ? fd : read_sockets(e, fd);
	}
	return rc;
}

struct cage_ends *cage_ends_read(const struct cage_guest *g)
{
	struct cage_ends *e = calloc(1, sizeof(*e));
	struct dirent *entry;
	DIR *d;

	if (!e)
		abort();
	e->g = g;
	if (read_namespaces(e) < 0) {
		cage_ends_free(e);
		return NULL;
	}
	read_folder(e);
	d = opendir("/proc");
	while (d && (entry = readdir(d))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0)
			add_holders(e, pid);
	}
	if (d)
		closedir(d);
	return e;
}

void cage_ends_free(struct cage_ends *e)
{
	if (!e)
		return;
	free(e->sockets);
	free(e->holders);
	free(e->files);
	free(e);
}

/* ---- what may be ---- */

static bool may_hold(const struct cage_guest *g, pid_t pid)
{
	for (size_t i = 0; i < g->n_all; i++)
		if (g->list[i].pid == pid)
			return i < g->n || (!g->list[i].guest[0] && (strcmp(g->list[i].role, "launch") == 0 ||
								     strcmp(g->list[i].role, "edge") == 0));
	return false;
}

static const char *check_holders(struct cage_ends *e, ino_t ino, bool pipe, bool needed)
{
	bool found = false;

	for (size_t i = 0; i < e->n_holders; i++) {
		const struct holder *h = &e->holders[i];
		char name[17] = "?";

		if (h->ino != ino || h->pipe != pipe)
			continue;
		found = true;
		if (may_hold(e->g, h->pid))
			continue;
		if (cage_proc_text(h->pid, "comm", name, sizeof(name)) > 0)
			name[strcspn(name, "\n")] = '\0';
		snprintf(e->why, sizeof(e->why), "its other end is held by process %d (%s)", (int)h->pid, name);
		return e->why;
	}
	return found || !needed ? NULL : "its other end is held by no process that can be seen";
}

static const struct socket_end *find_socket(const struct cage_ends *e, ino_t ino)
{
	for (size_t i = 0; i < e->n_sockets; i++)
		if (e->sockets[i].ino == ino)
			return &e->sockets[i];
	return NULL;
}

const char *cage_ends_socket(struct cage_ends *e, ino_t ino)
{
	const struct socket_end *s = find_socket(e, ino);
	bool there = s && !s->named;

	if (!s)
		return "made in a network namespace that is not the guest's: its other end cannot be told";
	for (size_t i = 0; i < e->n_files && !there; i++)
		there = S_ISSOCK(e->files[i].st_mode) && (uint32_t)e->files[i].st_ino == s->file;
	return !there ? ELSEWHERE : s->peer ? check_holders(e, s->peer, false, true) : NULL;
}

const char *cage_ends_pipe(struct cage_ends *e, const struct stat *st, bool named)
{
	bool there = !named;

	for (size_t i = 0; i < e->n_files && !there; i++)
		there = e->files[i].st_dev == st->st_dev && e->files[i].st_ino == st->st_ino;
	return !there ? ELSEWHERE : named ? NULL : check_holders(e, st->st_ino, true, false);
}
