/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cages of this instance; "pids" in each guest's folder lets the next launch find them again. */
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

static const struct cage_state cage_none = {
	.dir = -1, .qemu.pidfd = -1, .vm.pidfd = -1, .helpers[0].pidfd = -1, .n_helpers = 1,
};

struct cell *cell_find(const uint8_t uuid[16])
{
	struct cell *c = launch.cells;

	while (c && memcmp(c->uuid, uuid, 16))
		c = c->next;
	return c;
}

void cell_name(const uint8_t uuid[16], char out[GUEST_DIR_NAME])
{
	for (int i = 0; i < 16; i++)
		out += snprintf(out, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
}

void cell_reset(struct cell *c)
{
	watched_close(&c->s.qemu);
	watched_close(&c->s.vm);
	for (unsigned i = 0; i < c->s.n_helpers; i++)
		watched_close(&c->s.helpers[i]);
	fd_close_all(c->s.pty, c->s.n_ptys);
	fd_close(&c->s.dir);
	c->s = cage_none;
}

struct cell *cell_add(const struct ledger_claim *claim)
{
	struct cell *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->s = cage_none;
	c->uid = claim->uid;
	snprintf(c->label, sizeof(c->label), "%s", claim->label ? claim->label : "");
	memcpy(c->uuid, claim->guest, 16);
	cell_name(c->uuid, c->dir_name);
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
	cell_reset(c);
	free(c);
}

/* One line a process: what, pid, start time. Whoever reads it checks both. */
void cell_save(const struct cell *c)
{
	CLEAN_FD int fd = openat(c->s.dir, PIDS_FILE ".tmp",
				 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = fd < 0 ? -1 : dprintf(fd, "uid %u 0\nptys %u 0\nimage %s\nqemu %d %" PRIu64 "\nvm %d %"
				      PRIu64 "\n", (unsigned)c->uid, c->s.want_ptys, c->s.image,
				      (int)c->s.qemu.pid, c->s.qemu.start, (int)c->s.vm.pid,
				      c->s.vm.start);

	for (unsigned i = 0; i < c->s.n_helpers && r >= 0; i++)
		r = dprintf(fd, "%s %d %" PRIu64 "\n", i ? "passt" : "swtpm",
			    (int)c->s.helpers[i].pid, c->s.helpers[i].start);
	if (r < 0 || dprintf(fd, "log %s\n", c->s.log_name) < 0 ||
	    renameat(c->s.dir, PIDS_FILE ".tmp", c->s.dir, PIDS_FILE))
		log_error("guest %s: its list of processes cannot be written", c->dir_name);
}

static void load_line(struct cell *c, const char *line)
{
	struct watched *w = NULL;
	char what[16];
	uint64_t start;
	unsigned pid;

	if (!strncmp(line, "log ", 4))
		snprintf(c->s.log_name, sizeof(c->s.log_name), "%.255s", line + 4);
	else if (!strncmp(line, "image ", 6))
		snprintf(c->s.image, sizeof(c->s.image), "%.255s", line + 6);
	else if (sscanf(line, "%15s %u %" SCNu64, what, &pid, &start) != 3)
		return;
	else if (!strcmp(what, "ptys"))
		c->s.want_ptys = pid;
	else if (!strcmp(what, "qemu"))
		w = &c->s.qemu;
	else if (!strcmp(what, "vm"))
		w = &c->s.vm;
	else if (!strcmp(what, "swtpm"))
		w = &c->s.helpers[0];
	else if (!strcmp(what, "passt") && c->s.n_helpers <= GUEST_NICS_MAX)
		w = &c->s.helpers[c->s.n_helpers];
	if (w && pid && !watched_open(w, (pid_t)pid, start) && what[0] == 'p')
		c->s.n_helpers++;
}

void cell_load(struct cell *c)
{
	char text[PIDS_MAX + 1], *save, *line;
	CLEAN_FD int fd = -1;
	ssize_t n;

	c->s.dir = openat(launch.run_dir, c->dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	fd = c->s.dir < 0 ? -1 : openat(c->s.dir, PIDS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	n = fd < 0 ? -1 : fd_read_all(fd, text, PIDS_MAX);
	text[n < 0 ? 0 : n] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		load_line(c, line);
	log_info("guest %s found: QEMU %d, vm %d", c->dir_name, (int)c->s.qemu.pid, (int)c->s.vm.pid);
}
