/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control groups of QEMU, from cgroupfs, and the device nodes it has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"
#include "hv/qemu/memory.h"

#define TEXT_MAX (1u << 20)
#define SWAP_V1 "memory.memsw.limit_in_bytes"   /* with memory */
#define SWAP_V2 "memory.swap.max"
#define OVERHEAD_KIB 524288               /* src/conf/keys.c */
#define UNLIMITED (UINT64_C(1) << 60)     /* v1 says "no limit" by a very large number */

/* The nodes and rules of a cage: cgroup_devices[] of src/launch/cgroup_sys.c. */
static const struct {
	const char *name, *rule;
	unsigned major_no, minor_no;
	bool kvm;
} nodes[] = {
	{ "null", "c 1:3 rwm", 1, 3, false },	 { "zero", "c 1:5 rwm", 1, 5, false },
	{ "random", "c 1:8 rwm", 1, 8, false },	 { "urandom", "c 1:9 rwm", 1, 9, false },
	{ "kvm", "c 10:232 rwm", 10, 232, true },
};
#define N_NODES (sizeof(nodes) / sizeof(nodes[0]))

static ssize_t read_file(int dir, const char *name, char *out, size_t size)
{
	CLEAN_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : fd_read_all(fd, out, size - 1);

	if (n >= 0) {
		out[n] = '\0';
		if (n > 0 && out[n - 1] == '\n')
			out[n - 1] = '\0';
	}
	return n;
}

/* Where the hierarchy with `controller` ("" for the unified one) is mounted. */
static bool find_mount(const char *controller, char out[PATH_MAX])
{
	char *text = malloc(TEXT_MAX), *rest = NULL;
	bool found = false;

	if (text && cage_proc_text(getpid(), "mountinfo", text, TEXT_MAX) > 0)
		for (char *l = strtok_r(text, "\n", &rest); l && !found; l = strtok_r(NULL, "\n", &rest)) {
			char *dash = strstr(l, " - "), point[PATH_MAX], type[32], options[512];

			if (!dash || sscanf(l, "%*s %*s %*s / %4095s", point) != 1 ||
			    sscanf(dash, " - %31s %*s %511s", type, options) != 2)
				continue;
			if (controller[0] ? strcmp(type, "cgroup") == 0 && cage_list_has(options, controller)
					  : strcmp(type, "cgroup2") == 0) {
				snprintf(out, PATH_MAX, "%s", point);
				found = true;
			}
		}
	free(text);
	return found;
}

/* The group's path for one controller, from a line of /proc/PID/cgroup: "4:memory:/a/b". */
static bool find_path(const char *text, const char *controller, char out[PATH_MAX])
{
	for (const char *l = text; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
		const char *one = strchr(l, ':'), *two = one ? strchr(one + 1, ':') : NULL;
		char list[128];

		if (!two)
			continue;
		snprintf(list, sizeof(list), "%.*s", (int)(two - one - 1), one + 1);
		if (controller[0] ? cage_list_has(list, controller) : two == one + 1) {
			snprintf(out, PATH_MAX, "%.*s", (int)strcspn(two + 1, "\n"), two + 1);
			return true;
		}
	}
	return false;
}

/* The folder of QEMU's group with this controller, in either version; -1: it has none. */
static int open_group(pid_t qemu, const char *controller, bool *ret_unified, char path[PATH_MAX])
{
	char text[8192], mount[PATH_MAX], whole[2 * PATH_MAX];

	if (cage_proc_text(qemu, "cgroup", text, sizeof(text)) <= 0)
		return -1;
	*ret_unified = !find_path(text, controller, path);
	if (*ret_unified ? !find_path(text, "", path) || !find_mount("", mount) : !find_mount(controller, mount))
		return -1;
	snprintf(whole, sizeof(whole), "%s%s", mount, path);
	return open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void check_number(pid_t qemu, const char *controller, const char *what, const char *v1,
			 const char *v2, uint64_t at_least, uint64_t at_most, struct cage_report *r)
{
	char path[PATH_MAX], text[64] = "";
	bool unified;
	CLEAN_FD int dir = open_group(qemu, controller, &unified, path);
	uint64_t n;

	if (dir < 0 || read_file(dir, unified ? v2 : v1, text, sizeof(text)) <= 0) {
		cage_row(r, CAGE_DIFFERS, what, "no limit: this host gives no such controller");
		return;
	}
	n = strcmp(text, "max") == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
	cage_check(r, n >= at_least && n < at_most, what, "%s = %s", unified ? v2 : v1, text);
}

/* guest_memory_overhead_kib of the instance's cordond.conf as it is now, or its default. */
static uint64_t overhead_kib(const char *conf)
{
	CLEAN_FD int fd = open(conf, O_RDONLY | O_CLOEXEC);
	char *text = malloc(TEXT_MAX);
	ssize_t n = fd < 0 || !text ? 0 : fd_read_all(fd, text, TEXT_MAX - 1);
	uint64_t kib = OVERHEAD_KIB;

	if (n > 0)
		text[n] = '\0';
	for (const char *l = n > 0 ? text : NULL; l; l = strchr(l, '\n')) {
		l += strspn(l, " \t\n");
		sscanf(l, "guest_memory_overhead_kib = %" SCNu64, &kib);
	}
	free(text);
	return kib;
}

/* At least what the guest has, at most what core gives it. */
static void check_memory(const struct cage_guest *g, pid_t qemu, struct cage_report *r)
{
	const struct domain *d = &g->model;
	uint64_t most = memory_limit(d, overhead_kib(g->conf));

	check_number(qemu, "memory", "memory", "memory.limit_in_bytes", "memory.max", d->memory_kib << 10,
		     (most << 10) + 1, r);
}

/* Without a limit of its own a guest that grows is swapped out until the host's swap is full. */
static void check_swap(pid_t qemu, struct cage_report *r)
{
	char path[PATH_MAX];
	bool unified;
	CLEAN_FD int dir = open_group(qemu, "memory", &unified, path);

	if (dir >= 0 && faccessat(dir, unified ? SWAP_V2 : SWAP_V1, F_OK, 0) < 0 && errno == ENOENT)
		cage_row(r, CAGE_NOTE, "swap", "this kernel keeps no account of it");
	else
		check_number(qemu, "memory", "swap", SWAP_V1, SWAP_V2, 1, UNLIMITED, r);
}

/* Guests weigh alike: as the kernel makes a group. */
static void check_weight(pid_t qemu, struct cage_report *r)
{
	char path[PATH_MAX];
	bool unified = false;
	CLEAN_FD int dir = open_group(qemu, "cpu", &unified, path);
	uint64_t usual = unified ? 100 : 1024;

	check_number(qemu, "cpu", "cpu", "cpu.shares", "cpu.weight", usual, usual + 1, r);
	(void)dir;
}

/* KVM's own threads for a machine, kvm-pit and others, join the group of its process. */
static bool is_kernel_thread(pid_t pid)
{
	char text[512], *end;
	unsigned flags = 0;

	if (cage_proc_text(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	end = strrchr(text, ')');
	/* field 9 of proc(5): PF_KTHREAD, which no process can set */
	return end && sscanf(end, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & 0x00200000;
}

/* Nobody but this guest's processes is in its group. */
static void check_members(const struct cage_guest *g, pid_t qemu, struct cage_report *r)
{
	char path[PATH_MAX], *text = malloc(TEXT_MAX), *rest = NULL;
	bool unified;
	CLEAN_FD int dir = open_group(qemu, "pids", &unified, path);
	unsigned n = 0;
	pid_t other = 0;

	if (text && dir >= 0 && read_file(dir, "cgroup.procs", text, TEXT_MAX) > 0)
		for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest), n++) {
			pid_t pid = (pid_t)strtol(l, NULL, 10);

			if (!cage_is_own(g, pid) && !is_kernel_thread(pid))
				other = pid;
		}
	if (!n || !strstr(path, g->uuid))
		cage_row(r, CAGE_DIFFERS, "group", "no group of its own");
	else if (other)
		cage_row(r, CAGE_DIFFERS, "group", "%s, and process %d is in it too", path, (int)other);
	else
		cage_row(r, CAGE_OK, "group", "%s", path);
	free(text);
}

/* On v2 a device list is a BPF program, of which the kernel tells that it is there. */
int cage_device_programs(int group)
{
	union bpf_attr attr = { .query = { .target_fd = (uint32_t)group, .attach_type = BPF_CGROUP_DEVICE } };

	return group < 0 ? -EBADF : syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0 ? -errno :
	       (int)attr.query.prog_cnt;
}

static void check_device_rules(bool kvm, pid_t qemu, struct cage_report *r)
{
	char path[PATH_MAX], text[4096], want[256] = "";
	bool unified;
	CLEAN_FD int dir = open_group(qemu, "devices", &unified, path);
	size_t n = 0;

	if (dir < 0 || unified) {
		int count = unified ? cage_device_programs(dir) : -1;

		cage_check(r, count > 0, "device rules", count < 0 ? "not to be seen (run this as root)"
			   : "%d program(s) of the group itself judge each open (bpftool cgroup show)", count);
		return;
	}
	for (size_t i = 0; i < N_NODES; i++)
		if (kvm || !nodes[i].kvm)
			n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%s", n ? "\n" : "", nodes[i].rule);
	if (read_file(dir, "devices.list", text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "?");
	cage_check(r, strcmp(text, want) == 0, "device rules", "%s", strcmp(text, want) == 0 ?
		   kvm ? "null, zero, random, urandom, kvm" : "null, zero, random, urandom" : text);
}

static void check_device_nodes(bool kvm, pid_t qemu, struct cage_report *r)
{
	char path[64], bad[256] = "";
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/root/dev", (int)qemu);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct stat st;
		bool known = false;

		if (e->d_name[0] == '.')
			continue;
		n++;
		for (size_t i = 0; i < N_NODES; i++)
			known = known || (strcmp(e->d_name, nodes[i].name) == 0 && (kvm || !nodes[i].kvm) &&
					  fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
					  S_ISCHR(st.st_mode) &&
					  st.st_rdev == makedev(nodes[i].major_no, nodes[i].minor_no));
		if (!known)
			snprintf(bad, sizeof(bad), "%s", e->d_name);
	}
	if (d)
		closedir(d);
	if (!n || bad[0])
		cage_row(r, CAGE_DIFFERS, "device nodes", n ? "%u, among them %s" : "%u%s", n, bad);
	else
		cage_row(r, CAGE_OK, "device nodes", "%u, none beside null, zero, random, urandom%s", n,
			 kvm ? ", kvm" : "");
}

void cage_groups(const struct cage_guest *g, pid_t qemu, struct cage_report *r)
{
	bool kvm = g->model.type == DOM_TYPE_KVM;

	check_members(g, qemu, r);
	check_memory(g, qemu, r);
	check_swap(qemu, r);
	check_number(qemu, "pids", "pids", "pids.max", "pids.max", 1, UNLIMITED, r);
	check_weight(qemu, r);
	check_device_rules(kvm, qemu, r);
	check_device_nodes(kvm, qemu, r);
}
