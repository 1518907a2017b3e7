/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon ps: what the kernel says about every process of an instance. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define OUT_MAX (64u << 20)

static const char *const cap_names[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
	"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
	"ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
	"lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
	"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};

void caps_text(uint64_t caps, uint64_t all, struct buf *out)
{
	const char *comma = "";

	if (!caps) {
		buf_putc(out, '-');
		return;
	}
	if (all && (caps & all) == all) {
		buf_puts(out, "all");
		return;
	}
	for (unsigned i = 0; i < 64; i++) {
		if (!(caps >> i & 1))
			continue;
		buf_puts(out, comma);
		comma = ",";
		if (i < sizeof(cap_names) / sizeof(cap_names[0]))
			buf_puts(out, cap_names[i]);
		else
			buf_printf(out, "%u", i);
	}
}

static const char *hex(uint64_t caps, char out[20])
{
	if (!caps)
		return "0";
	snprintf(out, 20, "%" PRIx64, caps);
	return out;
}

static void namespaces_text(const struct proc_view *v, char *out, size_t size)
{
	size_t n = 0;

	snprintf(out, size, "-");
	for (int i = 0; i < NAMESPACES; i++)
		if (v->own_ns[i] && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? "," : "", proc_ns_names[i]);
}

static const char *const roots[] = { "host", "empty", "private", "?" };
static const char *const modes[] = { "none", "strict", "filter" };

static void put_head(struct buf *out)
{
	buf_printf(out, "%-8s %7s %10s %-12s %-12s %-12s %3s %3s %3s %-7s %-34s %-7s %4s %8s  %s\n",
		   "ROOM", "PID", "UID", "CAPEFF", "CAPPRM", "CAPBND", "INH", "AMB", "NNP", "SECCOMP",
		   "NAMESPACES", "ROOT", "FDS", "PSS-KIB", "GUEST");
}

static void put_row(const struct found *f, const struct proc_view *v, struct buf *out)
{
	char ns[64], a[5][20], seccomp[24];

	namespaces_text(v, ns, sizeof(ns));
	snprintf(seccomp, sizeof(seccomp), "%s",
		 v->seccomp >= 0 && v->seccomp <= 2 ? modes[v->seccomp] : "?");
	buf_printf(out, "%-8s %7d %10u %-12s %-12s %-12s %3s %3s %3d %-7s %-34s %-7s %4u %8" PRIu64 "  %s\n",
		   f->role, (int)f->pid, (unsigned)v->uid, hex(v->cap_eff, a[0]), hex(v->cap_prm, a[1]),
		   hex(v->cap_bnd, a[2]), hex(v->cap_inh, a[3]), hex(v->cap_amb, a[4]), v->no_new_privs,
		   seccomp, ns, roots[v->root], v->fds, v->pss_kib, f->guest[0] ? f->guest : "-");
}

static void put_details(const struct found *f, const struct proc_view *v, struct buf *out)
{
	buf_puts(out, "    effective ");
	caps_text(v->cap_eff, 0, out);
	buf_puts(out, "; bounding ");
	caps_text(v->cap_bnd, (UINT64_C(1) << (sizeof(cap_names) / sizeof(cap_names[0]))) - 1, out);
	buf_printf(out, "; gid %u; %u system call filters\n", (unsigned)v->gid, v->filters);
	proc_fds(f->pid, out);
}

static int print_all(const struct found *list, size_t n, bool verbose)
{
	CLEAN_BUF struct buf out = { 0 };
	uint64_t pss = 0;
	int shown = 0;

	buf_init(&out, OUT_MAX);
	put_head(&out);
	for (size_t i = 0; i < n; i++) {
		struct proc_view v;
		int r = proc_view(list[i].pid, &v);

		if (r == -ESRCH)
			continue;
		if (r < 0) {
			fprintf(stderr, "cordon: process %d: %s (run this as root)\n", (int)list[i].pid,
				strerrordesc_np(-r));
			return EXIT_FAILURE;
		}
		put_row(&list[i], &v, &out);
		if (verbose)
			put_details(&list[i], &v, &out);
		if (strcmp(list[i].role, "qemu") != 0 && strcmp(list[i].role, "passt") != 0 &&
		    strcmp(list[i].role, "swtpm") != 0)
			pss += v.pss_kib;
		shown++;
	}
	buf_printf(&out, "%d processes; PSS of Cordon's own %" PRIu64 " KiB\n", shown, pss);
	return fputs(buf_str(&out), stdout) < 0 || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(FILE *to)
{
	fputs("Usage: cordon ps [--instance DIR] [--verbose]\n"
	      "Show every process of Cordon and of its guests as the kernel sees it.\n\n"
	      "  -i, --instance DIR   a private instance instead of the installed one\n"
	      "  -v, --verbose        name the capabilities and list each descriptor\n"
	      "  -h, --help           this text\n", to);
	return to == stderr ? 2 : EXIT_SUCCESS;
}

int cmd_ps(int argc, char **argv)
{
	static const struct option options[] = {
		{ "instance", required_argument, NULL, 'i' }, { "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *dir = NULL;
	bool verbose = false;
	struct found *list;
	struct err err;
	size_t n;
	int c, status;

	while ((c = getopt_long(argc, argv, "i:vh", options, NULL)) != -1) {
		if (c == 'i')
			dir = optarg;
		else if (c == 'v')
			verbose = true;
		else
			return usage(c == 'h' ? stdout : stderr);
	}
	if (optind < argc)
		return usage(stderr);
	if (find_processes(dir, &list, &n, &err) < 0) {
		fprintf(stderr, "cordon: %s\n", err.text);
		return EXIT_FAILURE;
	}
	status = print_all(list, n, verbose);
	free(list);
	return status;
}
