/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cages of this instance; "pids" in each guest's folder lets the next launch find them again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/launch.h"

#define PIDS_FILE "pids"
#define PIDS_MAX 2048

struct cell *cell_find(const uint8_t uuid[16])
{
	struct cell *c = launch.cells;

	while (c && memcmp(c->uuid, uuid, 16))
		c = c->next;
	return c;
}

static void uuid_text(const uint8_t u[16], char out[GUEST_DIR_NAME])
{
	char *p = out;

	for (int i = 0; i < 16; i++)
		p += snprintf(p, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", u[i]);
}

static int uuid_parse(const char *s, uint8_t out[16])
{
	char again[GUEST_DIR_NAME];
	unsigned v;

	for (int i = 0; i < 16; i++) {
		if (*s == '-')
			s++;
		if (sscanf(s, "%2x", &v) != 1 || !s[0] || !s[1])
			return -EINVAL;
		out[i] = (uint8_t)v;
		s += 2;
	}
	uuid_text(out, again);
	return *s ? -EINVAL : 0;
}

static struct cell *cell_add(const uint8_t uuid[16])
{
	struct cell *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	memcpy(c->uuid, uuid, 16);
	uuid_text(uuid, c->dir_name);
	c->dir = c->qemu.pidfd = c->vm.pidfd = -1;
	for (unsigned i = 0; i < GUEST_NICS_MAX; i++)
		c->passt[i].pidfd = -1;
	c->next = launch.cells;
	launch.cells = c;
	return c;
}

struct cell *cell_new(const uint8_t uuid[16], struct err *err)
{
	struct cell *c = cell_add(uuid);

	if (!c) {
		err_set(err, -ENOMEM, ERR_NO_MEMORY, "cordon-launch: out of memory");
		return NULL;
	}
	if (ledger_claim_uids(&launch.ledger, uuid, &c->uid, err)) {
		cell_free(c);
		return NULL;
	}
	return c;
}

void cell_free(struct cell *c)
{
	struct cell **p = &launch.cells;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	watched_close(&c->qemu);
	watched_close(&c->vm);
	for (unsigned i = 0; i < c->n_passt; i++)
		watched_close(&c->passt[i]);
	fd_close_all(c->pty, c->n_ptys);
	fd_close(&c->dir);
	free(c);
}

static void put(char *out, size_t size, const char *what, const struct watched *w)
{
	size_t n = strlen(out);

	if (w->pid)
		snprintf(out + n, size - n, "%s %d %" PRIu64 "\n", what, (int)w->pid, w->start);
}

/* One line a process: what, pid, start time. Whoever reads it checks both. */
void cell_save_pids(const struct cell *c)
{
	char text[PIDS_MAX] = "";
	CLEAN_FD int fd = -1;
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "uid %u 0\nptys %u 0\n", (unsigned)c->uid,
			     c->want_ptys);
	if (n >= sizeof(text))
		return;
	put(text, sizeof(text), "qemu", &c->qemu);
	put(text, sizeof(text), "vm", &c->vm);
	for (unsigned i = 0; i < c->n_passt; i++)
		put(text, sizeof(text), "passt", &c->passt[i]);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, "log %s\n", c->log_name);
	fd = openat(c->dir, PIDS_FILE ".tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fd_write_all(fd, text, strlen(text)) ||
	    renameat(c->dir, PIDS_FILE ".tmp", c->dir, PIDS_FILE))
		log_error("guest %s: its list of processes cannot be written", c->dir_name);
}

static void load_line(struct cell *c, const char *line)
{
	char what[16];
	uint64_t start;
	unsigned pid;

	if (!strncmp(line, "log ", 4)) {
		snprintf(c->log_name, sizeof(c->log_name), "%.255s", line + 4);
		return;
	}
	if (sscanf(line, "%15s %u %" SCNu64, what, &pid, &start) != 3)
		return;
	if (!strcmp(what, "uid"))
		c->uid = pid;
	else if (!strcmp(what, "ptys"))
		c->want_ptys = pid;
	else if (!strcmp(what, "qemu"))
		(void)watched_open(&c->qemu, (pid_t)pid, start);
	else if (!strcmp(what, "vm"))
		(void)watched_open(&c->vm, (pid_t)pid, start);
	else if (!strcmp(what, "passt") && c->n_passt < GUEST_NICS_MAX &&
		 !watched_open(&c->passt[c->n_passt], (pid_t)pid, start))
		c->n_passt++;
}

static void load_pids(struct cell *c)
{
	CLEAN_FD int fd = openat(c->dir, PIDS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[PIDS_MAX + 1], *line = text, *end;
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, PIDS_MAX);

	if (n < 0)
		return;
	text[n] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		load_line(c, line);
		line = end + 1;
	}
}

/* A group without a folder: a cell of its own, so that core finds and removes it. */
static int adopt_group(void *ctx, const char *name)
{
	uint8_t uuid[16];

	(void)ctx;
	if (!uuid_parse(name, uuid) && !cell_find(uuid) && !cell_add(uuid))
		return -ENOMEM;
	return 0;
}

/* Uids that were claimed, or not yet given back, when the last launch died. */
static int drop_claim(void *ctx, const struct ledger_record *r)
{
	struct err *err = ctx;

	return cell_find(r->guest) ? 0 : ledger_release(&launch.ledger, r->guest, err);
}

int cell_load_all(struct err *err)
{
	DIR *d = fdopendir(fcntl(launch.run_dir, F_DUPFD_CLOEXEC, 3));

	if (!d)
		return err_sys(err, -errno, "folder of the guests");
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		uint8_t uuid[16];
		struct cell *c;

		if (uuid_parse(e->d_name, uuid))
			continue;
		c = cell_add(uuid);
		if (!c)
			break;
		c->dir = openat(launch.run_dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (c->dir < 0) {
			cell_free(c);
			continue;
		}
		load_pids(c);
		log_info("guest %s found: QEMU %d, vm %d", c->dir_name, (int)c->qemu.pid,
			 (int)c->vm.pid);
	}
	closedir(d);
	if (cgroup_list(&launch.cgroups, adopt_group, NULL, err))
		log_warn("groups of guests: %s", err->text);
	return ledger_each(&launch.ledger, drop_claim, err, err);
}
