/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Identity, rights, namespaces and root of one of a guest's processes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"

#define STATUS_MAX 16384
#define MOUNTS_MAX (1u << 20)
#define GUEST_UID_LEAST 65536    /* cordond.conf's guest_uid_min is never less */
#define NOGROUP 65534            /* src/launch/cage_child.c: a real gid that is not the effective one */

/* What each kind of process has of its own. */
static const struct kind {
	const char *role;
	bool namespaces;      /* all but the network, and its root */
	bool network;
	bool nogroup;         /* its real gid, so that exec leaves it not dumpable */
	/* at least, beside cordon-launch's: its policy's, a second one where that has `quiet` lines, its own */
	unsigned filters;
	const char *state;    /* what it may write, in its root; NULL: nothing */
} kinds[] = {
	{ "qemu", true, true, true, 3, NULL },
	{ "swtpm", true, true, true, 3, "/run" },
	{ "passt", true, false, true, 3, NULL },  /* it carries the guest's packets out of the host */
	{ "vm", false, true, false, 1, NULL },
};
#define ROOM_FILTERS 2        /* of cordon-launch's policy, on top of cordond's */

static const struct kind *kind_of(const char *role)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].role, role) == 0)
			return &kinds[i];
	return NULL;
}

/* "process 12 (name)" for a row; the name may be gone with the process. */
static const char *name_of(pid_t pid, char out[48])
{
	char name[17] = "?";

	if (cage_proc_text(pid, "comm", name, sizeof(name)) > 0)
		name[strcspn(name, "\n")] = '\0';
	snprintf(out, 48, "process %d (%s)", (int)pid, name);
	return out;
}

/* ---- who ---- */

/*
 * The number of its gid is that of its uid; kernels before 6.16 give a program that has no-new-privs
 * its real gid in place of the others when it starts (cap_bprm_creds_from_file()).
 */
static bool good_gids(const gid_t g[4], gid_t own, const struct kind *k)
{
	const gid_t real = k->nogroup ? NOGROUP : own;

	return g[0] == real && (g[1] == own || g[1] == real) && g[2] == g[1] && g[3] == g[1];
}

static void check_groups(const struct cage_other *o, const struct kind *k, const char *status,
			 struct cage_report *r)
{
	const char *groups = strstr(status, "\nGroups:"), *line = strstr(status, "\nGid:");
	gid_t g[4] = { 0 };
	bool known = line && sscanf(line, "\nGid: %u %u %u %u", &g[0], &g[1], &g[2], &g[3]) == 4;

	cage_check(r, known && good_gids(g, o->uid[1], k), "gid", "%u real, %u effective, %u saved, %u for files",
		   g[0], g[1], g[2], g[3]);
	if (groups)
		groups += strlen("\nGroups:") + strspn(groups + strlen("\nGroups:"), " \t");
	cage_check(r, groups && *groups == '\n', "groups", "%.*s", groups && *groups != '\n' ?
		   (int)strcspn(groups, "\n") : 4, groups && *groups != '\n' ? groups : "none");
}

static void check_uid(const struct cage_guest *g, const struct cage_other *o, struct cage_report *r)
{
	char name[48];
	pid_t other = 0;

	for (size_t i = 0; i < g->host->n; i++) {
		const struct cage_other *x = &g->host->list[i];

		for (int k = 0; k < 4 && x->pid != o->pid; k++)
			if (x->uid[k] == o->uid[0])
				other = x->pid;
	}
	cage_check(r, o->uid[0] == o->uid[1] && o->uid[0] == o->uid[2] && o->uid[0] == o->uid[3] &&
		   o->uid[0] >= GUEST_UID_LEAST, "uid", "%u real, %u effective, %u saved, %u for files",
		   o->uid[0], o->uid[1], o->uid[2], o->uid[3]);
	if (other)
		cage_row(r, CAGE_DIFFERS, "uid of its own", "%s has it too", name_of(other, name));
	else
		cage_row(r, CAGE_OK, "uid of its own", "of no other process");
}

static void check_label(const struct cage_guest *g, const struct cage_other *o, struct cage_report *r)
{
	char name[48];
	pid_t other = 0;

	if (!g->host->selinux) {
		cage_row(r, CAGE_NOTE, "label", "SELinux is not in this kernel, or has no policy");
		return;
	}
	for (size_t i = 0; i < g->host->n; i++)
		if (!cage_is_own(g, g->host->list[i].pid) && strcmp(g->host->list[i].label, o->label) == 0)
			other = g->host->list[i].pid;
	cage_check(r, g->host->enforcing, "SELinux", g->host->enforcing ? "enforcing" : "permissive");
	cage_check(r, o->label[0] && strncmp(o->label, "unconfined", 10) != 0, "label", "%s",
		   o->label[0] ? o->label : "none");
	if (other)
		cage_row(r, CAGE_DIFFERS, "label of its own", "%s, not of this guest, has it too",
			 name_of(other, name));
	else
		cage_row(r, CAGE_OK, "label of its own", "of no process but this guest's");
	for (uint32_t i = 0; i < g->model.n_seclabels; i++) {
		const struct dom_seclabel *s = &g->model.seclabels[i];

		if (s->model && s->label && strcmp(s->model, "selinux") == 0 &&
		    o->pid == cage_pid_of(g, "qemu"))
			cage_check(r, strcmp(s->label, o->label) == 0, "label as told", "%s", s->label);
	}
}

/* ---- what it may do ---- */

/* Filters only become more: from cordond (and the unit it is started by) to launch to the program. */
static bool has_filters(const struct cage_guest *g, const struct proc_view *v, const struct kind *k)
{
	return v->seccomp == 2 && g->cordond_filters &&
	       g->launch_filters >= g->cordond_filters + ROOM_FILTERS &&
	       v->filters >= g->launch_filters + k->filters;
}

static void check_rights(const struct cage_guest *g, const struct proc_view *v, const struct kind *k,
			 struct cage_report *r)
{
	CLEAN_BUF struct buf text = { 0 };

	buf_init(&text, 4096);
	caps_text(v->cap_eff | v->cap_prm | v->cap_inh | v->cap_amb | v->cap_bnd, 0, &text);
	cage_check(r, !(v->cap_eff | v->cap_prm | v->cap_inh | v->cap_amb | v->cap_bnd), "capabilities",
		   "%s in the five sets",
		   v->cap_eff | v->cap_prm | v->cap_inh | v->cap_amb | v->cap_bnd ? buf_str(&text) : "none");
	cage_check(r, v->no_new_privs == 1, "no new privs", "%d", v->no_new_privs);
	cage_check(r, has_filters(g, v, k), "system calls",
		   "%s: %u filters, cordon-launch has %u, cordond %u; %u more at least, launch %u",
		   v->seccomp == 2 ? "filtered" : "not filtered", v->filters, g->launch_filters,
		   g->cordond_filters, k->filters, ROOM_FILTERS);
	cage_row(r, CAGE_NOTE, "Landlock", "the kernel shows it to nobody; docs/isolation.md shows it by attack");
}

/*
 * core(5): with a limit of 0 there is no file, but a dump still goes where
 * core_pattern has a pipe; 1 forbids both.
 */
static void check_core(pid_t pid, struct cage_report *r)
{
	char text[8192], hard[32] = "?", pattern[256] = "";
	const char *line = cage_proc_text(pid, "limits", text, sizeof(text)) > 0 ?
			   strstr(text, "Max core file size") : NULL;
	CLEAN_FD int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	bool pipe = fd < 0 || fd_read_all(fd, pattern, sizeof(pattern) - 1) <= 0 || pattern[0] == '|';

	if (line)
		sscanf(line, "Max core file size %*s %31s", hard);
	cage_check(r, strcmp(hard, "1") == 0 || (strcmp(hard, "0") == 0 && !pipe), "core dump",
		   "limit %s%s", hard, strcmp(hard, "0") == 0 && pipe ? ", and core_pattern has a pipe" : "");
}

static void check_tracer(const char *status, struct cage_report *r)
{
	char tracer[16] = "?";

	proc_field(status, "TracerPid", tracer, sizeof(tracer));
	cage_check(r, strcmp(tracer, "0") == 0, "traced by", "%s%s",
		   strcmp(tracer, "0") == 0 ? "nobody" : "process ", strcmp(tracer, "0") == 0 ? "" : tracer);
}

/* ---- what it sees ---- */

static void check_namespace(const struct cage_guest *g, const struct cage_other *o, int i, bool own,
			    struct cage_report *r)
{
	char name[48];
	pid_t other = 0;

	for (size_t k = 0; k < g->host->n; k++) {
		const struct cage_other *x = &g->host->list[k];

		if (x->pid != o->pid && x->ns[i] == o->ns[i])
			other = x->pid;
	}
	if (!own)
		cage_row(r, CAGE_NOTE, proc_ns_names[i], "the host's, as it has to be");
	else if (!o->ns[i])
		cage_row(r, CAGE_DIFFERS, proc_ns_names[i], "cannot be seen; run this as root");
	else if (other)
		cage_row(r, CAGE_DIFFERS, proc_ns_names[i], "namespace %ju, and %s is in it too",
			 (uintmax_t)o->ns[i], name_of(other, name));
	else
		cage_row(r, CAGE_OK, proc_ns_names[i], "namespace %ju, nobody else's", (uintmax_t)o->ns[i]);
}

/* Each line of mountinfo: "36 35 98:0 /root /point rw,noatime ..." */
static void check_mounts(pid_t pid, const char *state, struct cage_report *r)
{
	char *text = malloc(MOUNTS_MAX), *rest = NULL, *line;
	unsigned n = 0, bad = 0;
	char first[256] = "";

	if (!text || cage_proc_text(pid, "mountinfo", text, MOUNTS_MAX) <= 0) {
		cage_row(r, CAGE_DIFFERS, "mounts", "cannot be read");
		free(text);
		return;
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char point[256], flags[256];
		bool writable;

		if (sscanf(line, "%*s %*s %*s %*s %255s %255s", point, flags) != 2)
			continue;
		n++;
		writable = strncmp(flags, "ro,", 3) != 0 && strcmp(flags, "ro") != 0;
		if ((writable && !(state && strcmp(point, state) == 0)) || !strstr(flags, "nosuid")) {
			bad++;
			snprintf(first, sizeof(first), "%s", point);
		}
	}
	if (bad)
		cage_row(r, CAGE_DIFFERS, "mounts", "%u of %u can be written or have setuid files: %s", bad, n,
			 first);
	else
		cage_row(r, CAGE_OK, "mounts", "%u, all read-only%s%s and nosuid", n, state ? " but " : "",
			 state ? state : "");
	free(text);
}

static void check_root(const struct cage_guest *g, const struct kind *k, pid_t pid,
		       const struct proc_view *v, struct cage_report *r)
{
	char path[64], to[PATH_MAX] = "", folder[PATH_MAX];
	ssize_t n;

	if (k->namespaces) {
		cage_check(r, v->root == ROOT_PRIVATE, "root", "%s",
			   v->root == ROOT_PRIVATE ? "its own" : "the host's");
		check_mounts(pid, k->state, r);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	n = readlink(path, to, sizeof(to) - 1);
	to[n > 0 ? n : 0] = '\0';
	snprintf(folder, sizeof(folder), "/guests/%s", g->uuid);
	cage_check(r, strlen(to) > strlen(folder) && strcmp(to + strlen(to) - strlen(folder), folder) == 0,
		   "root", "%s", to);
}

void cage_process(const struct cage_guest *g, const struct found *f, struct cage_report *r)
{
	const struct cage_other *o = cage_host_find(g->host, f->pid);
	const struct kind *k = kind_of(f->role);
	char status[STATUS_MAX];
	struct proc_view v;
	int rc = proc_view(f->pid, &v);

	if (!k || rc < 0 || !o || cage_proc_text(f->pid, "status", status, sizeof(status)) <= 0) {
		cage_row(r, CAGE_DIFFERS, "process", k ? "it cannot be looked at (run this as root)"
						       : "it does not belong to a guest");
		return;
	}
	check_label(g, o, r);
	check_uid(g, o, r);
	check_groups(o, k, status, r);
	check_rights(g, &v, k, r);
	check_core(f->pid, r);
	check_tracer(status, r);
	for (int i = 0; i < NAMESPACES; i++) {
		bool net = strcmp(proc_ns_names[i], "net") == 0;

		if (net ? k->network || k->namespaces : k->namespaces && strcmp(proc_ns_names[i], "time") != 0)
			check_namespace(g, o, i, !net || k->network, r);
	}
	check_root(g, k, f->pid, &v, r);
}
