/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cage.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cli/rpc.h"
#include "xml/domain.h"

#define OUT_MAX (8u << 20)
#define ANSWER_MAX (32u << 20)

static const char *const marks[] = { "ok", "DIFFERS", "-" };

void cage_row(struct cage_report *r, enum cage_mark mark, const char *what, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *s = text; *s; s++)   /* a path or a label may hold anything */
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	r->differs += mark == CAGE_DIFFERS;
	buf_printf(&r->out, "  %-8s %-16s %s\n", marks[mark], what, text);
}

bool cage_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && memcmp(list, word, len) == 0)
			return true;
	return false;
}

bool cage_is_own(const struct cage_guest *g, pid_t pid)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].pid == pid)
			return true;
	return false;
}

pid_t cage_pid_of(const struct cage_guest *g, const char *role)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->list[i].role, role) == 0)
			return g->list[i].pid;
	return 0;
}

static void uuid_text(const uint8_t u[16], char out[37])
{
	char *p = out;

	for (int i = 0; i < 16; i++)
		p += snprintf(p, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", u[i]);
}

/* The guest's own processes, to the front of the list. */
static size_t own_processes(struct found *list, size_t n, const char *uuid)
{
	size_t own = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].guest, uuid) == 0) {
			struct found other = list[own];

			list[own++] = list[i];
			list[i] = other;
		}
	return own;
}

/* Filters of the room in this role; of two, one of which is on its way into a cage, the fewer. */
static unsigned room_filters(const struct found *list, size_t n, const char *role)
{
	unsigned least = 0;

	for (size_t i = 0; i < n; i++) {
		struct proc_view v;

		if (!list[i].guest[0] && strcmp(list[i].role, role) == 0 && proc_view(list[i].pid, &v) == 0 &&
		    (!least || v.filters < least))
			least = v.filters;
	}
	return least;
}

static void print_guest(const struct cage_guest *g, struct cage_report *r)
{
	pid_t qemu = cage_pid_of(g, "qemu");

	buf_printf(&r->out, "guest %s, %s\n", g->model.name, g->uuid);
	for (size_t i = 0; i < g->n; i++) {
		buf_printf(&r->out, "%s, process %d\n", g->list[i].role, (int)g->list[i].pid);
		cage_process(g, &g->list[i], r);
		if (g->list[i].pid != qemu)
			continue;
		cage_groups(g, qemu, r);
		cage_files(g, qemu, r);
	}
	if (!qemu)
		cage_row(r, CAGE_DIFFERS, "qemu", "no QEMU of this guest is there");
	buf_printf(&r->out, r->differs ? "%u differ from what they have to be\n"
				       : "nothing differs from what it has to be\n", r->differs);
}

static int run(const char *dir, const char *path, const char *name, struct cage_guest *g,
	       struct cage_report *r, struct err *err)
{
	CLEAN_ARENA struct arena *a = arena_new(ANSWER_MAX + DOMAIN_XML_ARENA_MAX);
	struct found *list = NULL;
	struct cage_host host = { 0 };
	char run_dir[PATH_MAX];
	size_t n = 0;
	int rc = a ? rpc_running_guest(dir, path, name, a, &g->model, err) : -ENOMEM;

	if (rc == 0)
		rc = find_processes(dir, &list, &n, err);
	if (rc == 0)
		rc = cage_host_read(&host, err);
	if (rc == 0) {
		uuid_text(g->model.uuid, g->uuid);
		snprintf(run_dir, sizeof(run_dir), "%s%s", dir ? dir : "/run/cordon", dir ? "/run" : "");
		snprintf(g->conf, sizeof(g->conf), "%s/cordond.conf", dir ? dir : "/etc/cordon");
		g->run_dir = run_dir;
		g->cordond_filters = room_filters(list, n, "cordond");
		g->launch_filters = room_filters(list, n, "launch");
		g->n = own_processes(list, n, g->uuid);
		g->n_all = n;
		g->list = list;
		g->host = &host;
		print_guest(g, r);
	}
	g->host = NULL;
	g->run_dir = NULL;
	cage_host_free(&host);
	free(list);
	return rc;
}

static int usage(FILE *to)
{
	fputs("Usage: cordon cage [--instance DIR] [--socket PATH] GUEST\n"
	      "Show a running guest's cage as the kernel shows it, and what differs.\n\n"
	      "  -i, --instance DIR   a private instance instead of the installed one\n"
	      "  -s, --socket PATH    the daemon's read-only socket, if unix_sock_dir puts it elsewhere\n"
	      "  -h, --help           this text\n", to);
	return to == stderr ? 2 : EXIT_SUCCESS;
}

int cmd_cage(int argc, char **argv)
{
	static const struct option options[] = {
		{ "instance", required_argument, NULL, 'i' }, { "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	struct cage_report r = { 0 };
	struct cage_guest g = { 0 };
	struct err err = { 0 };
	const char *dir = NULL, *path = NULL;
	int c, rc;

	while ((c = getopt_long(argc, argv, "i:s:h", options, NULL)) != -1) {
		if (c == 'i')
			dir = optarg;
		else if (c == 's')
			path = optarg;
		else
			return usage(c == 'h' ? stdout : stderr);
	}
	if (optind + 1 != argc)
		return usage(stderr);
	buf_init(&r.out, OUT_MAX);
	rc = run(dir, path, argv[optind], &g, &r, &err);
	if (rc < 0)
		fprintf(stderr, "cordon: %s\n", err.text[0] ? err.text : strerrordesc_np(-rc));
	else if (fputs(buf_str(&r.out), stdout) < 0 || fflush(stdout))
		rc = -EIO;
	buf_free(&r.out);
	return rc || r.differs ? EXIT_FAILURE : EXIT_SUCCESS;
}
