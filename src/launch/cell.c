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
#define PIDS_MAX 4096

struct cell *cell_find(const uint8_t uuid[16])
{
	struct cell *c = launch.cells;

	while (c && memcmp(c->uuid, uuid, 16))
		c = c->next;
	return c;
}

static void cell_name(const uint8_t uuid[16], char out[GUEST_DIR_NAME])
{
	for (int i = 0; i < 16; i++)
		out += snprintf(out, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
}

/* Of what cell_name() wrote, and of nothing else. */
static bool uuid_of(const char *name, uint8_t out[16])
{
	char again[GUEST_DIR_NAME] = "";
	unsigned v = 0;

	for (int i = 0; i < 16 && strlen(name) == GUEST_DIR_NAME - 1; i++) {
		(void)sscanf(name + 2 * i + (i > 3) + (i > 5) + (i > 7) + (i > 9), "%2x", &v);
		out[i] = (uint8_t)v;
		cell_name(out, again);
	}
	return !strcmp(again, name);
}

struct cell *cell_new(const uint8_t uuid[16])
{
	struct cell *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	memcpy(c->uuid, uuid, 16);
	cell_name(c->uuid, c->dir_name);
	c->qemu.pidfd = c->vm.pidfd = c->helpers[0].pidfd = -1;
	c->n_helpers = 1;
	(void)mkdirat(launch.run_dir, c->dir_name, 0710);   /* it may be there */
	c->dir = openat(launch.run_dir, c->dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->dir < 0) {
		free(c);
		return NULL;
	}
	c->next = launch.cells;
	launch.cells = c;
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
	for (unsigned i = 0; i < c->n_helpers; i++)
		watched_close(&c->helpers[i]);
	fd_close_all(c->pty, c->n_ptys);
	fd_close(&c->dir);
	free(c);
}

/* One line a process: what, pid, start time. Whoever reads it checks both. */
void cell_save(const struct cell *c)
{
	CLEAN_FD int fd = openat(c->dir, PIDS_FILE ".tmp",
				 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = fd < 0 ? -1 : dprintf(fd, "uid %u 0\nptys %u 0\nlabel %s\nimage %s\nqemu %d %" PRIu64
				      "\nvm %d %" PRIu64 "\n", (unsigned)c->uid, c->want_ptys, c->label,
				      c->image, (int)c->qemu.pid, c->qemu.start, (int)c->vm.pid,
				      c->vm.start);

	for (unsigned i = 0; i < c->n_helpers && r >= 0; i++)
		r = dprintf(fd, "%s %d %" PRIu64 "\n", i ? "passt" : "swtpm",
			    (int)c->helpers[i].pid, c->helpers[i].start);
	if (r < 0 || dprintf(fd, "log %s\n", c->log_name) < 0 ||
	    renameat(c->dir, PIDS_FILE ".tmp", c->dir, PIDS_FILE))
		log_error("guest %s: its list of processes cannot be written", c->dir_name);
}

static void load_line(struct cell *c, const char *line)
{
	struct watched *w = NULL;
	char what[16];
	uint64_t start;
	unsigned pid;

	if (!strncmp(line, "log ", 4))
		snprintf(c->log_name, sizeof(c->log_name), "%.255s", line + 4);
	else if (!strncmp(line, "label ", 6))
		snprintf(c->label, sizeof(c->label), "%.255s", line + 6);
	else if (!strncmp(line, "image ", 6))
		snprintf(c->image, sizeof(c->image), "%.255s", line + 6);
	else if (sscanf(line, "%15s %u %" SCNu64, what, &pid, &start) != 3)
		return;
	else if (!strcmp(what, "uid"))
		c->uid = pid;
	else if (!strcmp(what, "ptys"))
		c->want_ptys = pid;
	else if (!strcmp(what, "qemu"))
		w = &c->qemu;
	else if (!strcmp(what, "vm"))
		w = &c->vm;
	else if (!strcmp(what, "swtpm"))
		w = &c->helpers[0];
	else if (!strcmp(what, "passt") && c->n_helpers <= GUEST_NICS_MAX)
		w = &c->helpers[c->n_helpers];
	if (w && pid && !watched_open(w, (pid_t)pid, start) && what[0] == 'p')
		c->n_helpers++;
}

static void load(struct cell *c)
{
	CLEAN_FD int fd = openat(c->dir, PIDS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[PIDS_MAX + 1], *save, *line;
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, PIDS_MAX);

	text[n < 0 ? 0 : n] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		load_line(c, line);
	log_info("guest %s found: QEMU %d, vm %d", c->dir_name, (int)c->qemu.pid, (int)c->vm.pid);
}

int cells_load(void)
{
	int fd = openat(launch.run_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct cell *c;
	uint8_t uuid[16];

	if (!d)
		return -errno;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (uuid_of(e->d_name, uuid) && (c = cell_new(uuid)))
			load(c);
	closedir(d);
	return 0;
}
