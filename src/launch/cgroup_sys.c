/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/put.h"

#define PATH_SIZE 192      /* parent, name and file */

/* Where hierarchies are: v2 alone or beside v1, then v1's, some of which may be one and the same. */
static const char *const roots[] = {
	"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpuacct",
	"/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/devices",
};

/* What is limited: the files of v1 and v2, which are there where the controller is. */
enum { MEMORY, SWAP, PIDS, CPU, KNOBS };   /* v1 takes no limit of both that is below the first */
static const struct {
	const char *name, *v1, *v2;
} knobs[KNOBS] = {
	[MEMORY] = { "memory", "memory.limit_in_bytes", "memory.max" },
	[SWAP] = { "memory", "memory.memsw.limit_in_bytes", "memory.swap.max" },
	[PIDS] = { "pids", "pids.max", "pids.max" },
	[CPU] = { "cpu", "cpu.shares", "cpu.weight" },
};

/* All that a cage's /dev holds, and all that may be opened: v1's list, v2's program, root_enter.c. */
const struct cgroup_device cgroup_devices[] = {
	{ "null", 1, 3, 0666, false },
	{ "zero", 1, 5, 0666, false },
	{ "random", 1, 8, 0444, false },
	{ "urandom", 1, 9, 0444, false },   /* rng-random's default source */
	{ "kvm", 10, 232, 0600, true },     /* QEMU 7.2 cannot take it as a descriptor */
};
#define N_DEVICES (sizeof(cgroup_devices) / sizeof(cgroup_devices[0]))
const size_t cgroup_n_devices = N_DEVICES;

static const char *path_of(const struct cgroup_tree *t, const char *name, const char *file,
			   char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s/%s/%s", t->parent, name, file);
	return out;
}

/* Open `file` of the group `name`, or of the parent ("."), in one hierarchy. */
static int open_in(const struct cgroup_tree *t, unsigned i, const char *name, const char *file,
		   int flags)
{
	char path[PATH_SIZE];

	return openat(t->h[i].root, path_of(t, name, file, path), flags | O_CLOEXEC | O_NOFOLLOW);
}

static const char *knob_file(const struct cgroup_tree *t, unsigned i, int knob)
{
	return t->h[i].unified ? knobs[knob].v2 : knobs[knob].v1;
}

/* ---- devices on v2: a program with the same list (linux/bpf.h, struct bpf_cgroup_dev_ctx) ---- */

static int load_devices(bool kvm)
{
#define INSN(c, d, s, o, i) \
	(struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (int)(i) }
#define LOAD(d, field) \
	INSN(BPF_LDX | BPF_MEM | BPF_W, d, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define UNLESS(d, value, skip) INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, skip, value)
#define ANSWER(value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
	struct bpf_insn p[9 + 4 * N_DEVICES];
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };
	unsigned n = 0;

	p[n++] = LOAD(BPF_REG_2, access_type);
	p[n++] = LOAD(BPF_REG_3, major);
	p[n++] = LOAD(BPF_REG_4, minor);
	p[n++] = INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	p[n++] = INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, 2, BPF_DEVCG_DEV_CHAR);
	p[n++] = ANSWER(0);
	p[n++] = EXIT;
	for (size_t i = 0; i < N_DEVICES; i++) {
		if (cgroup_devices[i].kvm && !kvm)
			continue;
		p[n++] = UNLESS(BPF_REG_3, cgroup_devices[i].major, 3);
		p[n++] = UNLESS(BPF_REG_4, cgroup_devices[i].minor, 2);
		p[n++] = ANSWER(1);
		p[n++] = EXIT;
	}
	p[n++] = ANSWER(0);
	p[n++] = EXIT;
	attr.insns = (uintptr_t)p;
	attr.insn_cnt = n;
	attr.license = (uintptr_t)"GPL";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int limit_devices(const struct cgroup_tree *t, unsigned i, const char *name, bool kvm)
{
	union bpf_attr attr = { .attach_type = BPF_CGROUP_DEVICE };
	char path[PATH_SIZE], line[32];
	CLEAN_FD int dir = -1;
	int r = 0;

	if (t->h[i].unified) {
		dir = t->devices[kvm] < 0 ? -1 : open_in(t, i, name, ".", O_RDONLY | O_DIRECTORY);
		attr.target_fd = (uint32_t)dir;
		attr.attach_bpf_fd = (uint32_t)t->devices[kvm];
		return dir >= 0 && syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
	}
	r = put_text(t->h[i].root, path_of(t, name, "devices.deny", path), "a");
	for (size_t d = 0; r == 0 && d < N_DEVICES; d++) {
		snprintf(line, sizeof(line), "c %u:%u rwm", cgroup_devices[d].major,
			 cgroup_devices[d].minor);
		if (kvm || !cgroup_devices[d].kvm)
			r = put_text(t->h[i].root, path_of(t, name, "devices.allow", path), line);
	}
	return r == -ENOENT ? 0 : r;
}

/* ---- the life of a guest's group ---- */

static int create_in(const struct cgroup_tree *t, unsigned i, const char *name,
		     const struct cgroup_limits *lim, struct err *err)
{
	const uint64_t values[KNOBS] = {
		[MEMORY] = lim->memory_max, [PIDS] = lim->pids_max,
		/* v1's is of memory and swap together */
		[SWAP] = t->h[i].unified ? lim->memory_max : 2 * lim->memory_max,
	};
	char path[PATH_SIZE], text[24];
	int root = t->h[i].root, r = 0;

	path_of(t, name, "", path);
	if (mkdirat(root, path, 0755) < 0 &&
	    (errno != EEXIST || unlinkat(root, path, AT_REMOVEDIR) < 0 || mkdirat(root, path, 0755) < 0))
		return errno == EBUSY ? err_set(err, -EBUSY, ERR_OPERATION_FAILED,
			       "cgroup '%s' still holds processes of an earlier run", name) :
			       err_sys(err, -errno, "cgroup: creating '%s'", name);
	for (int k = 0; k < KNOBS; k++) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)values[k]);
		r = values[k] ? put_text(root, path_of(t, name, knob_file(t, i, k), path), text) : 0;
		if (r < 0 && r != -ENOENT)
			return err_sys(err, r, "cgroup: setting the %s limit", knobs[k].name);
	}
	r = limit_devices(t, i, name, lim->kvm);
	return r < 0 ? err_sys(err, r, "cgroup: setting the list of devices") : 0;
}

int cgroup_create(const struct cgroup_tree *t, const char *name, const struct cgroup_limits *lim,
		  struct err *err)
{
	int r = 0;

	for (unsigned i = 0; i < t->n && r == 0; i++)
		r = create_in(t, i, name, lim, err);
	return r;
}

int cgroup_open_unified(const struct cgroup_tree *t, const char *name)
{
	return t->n && t->h[0].unified ? open_in(t, 0, name, ".", O_RDONLY | O_DIRECTORY) : -1;
}

int cgroup_join(const struct cgroup_tree *t, const char *name)
{
	char path[PATH_SIZE];
	int r = 0;

	/* "0" into tasks moves this one thread without waiting for a grace period */
	for (unsigned i = 0; i < t->n && r == 0; i++)
		if (!t->h[i].unified)
			r = put_text(t->h[i].root, path_of(t, name, "tasks", path), "0");
	return r;
}

void cgroup_kill(const struct cgroup_tree *t, const char *name)
{
	char path[PATH_SIZE], text[4096];

	if (t->n && t->h[0].unified && put_text(t->h[0].root, path_of(t, name, "cgroup.kill", path), "1") == 0)
		return;
	/* all hierarchies hold the same processes, but who is just on the way in */
	for (unsigned i = 0; i < t->n; i++) {
		CLEAN_FD int fd = open_in(t, i, name, "cgroup.procs", O_RDONLY);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

		text[n < 0 ? 0 : n] = '\0';
		for (char *p = text; *p; p++) {
			long pid = strtol(p, &p, 10);

			if (*p != '\n')
				break;   /* cut by the end of the buffer: not this process's number */
			if (pid > 1)
				kill((pid_t)pid, SIGKILL);
		}
	}
}

int cgroup_remove(const struct cgroup_tree *t, const char *name, struct err *err)
{
	char path[PATH_SIZE];
	int r = 0;

	path_of(t, name, "", path);
	for (unsigned i = 0; i < t->n; i++)
		if (unlinkat(t->h[i].root, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
	return r < 0 ? err_sys(err, r, "cgroup: removing '%s'", name) : 0;
}

bool cgroup_populated(const struct cgroup_tree *t, const char *name)
{
	char c;

	for (unsigned i = 0; i < t->n; i++) {
		CLEAN_FD int fd = open_in(t, i, name, "cgroup.procs", O_RDONLY);

		if (fd >= 0 && read(fd, &c, 1) == 1)
			return true;
	}
	return false;
}

/* ---- the parent of all ---- */

/* What is refused here shows in the files that are missing below, or does not matter. */
static int make_parent(const struct cgroup_tree *t, const struct cgroup_hierarchy *h, unsigned weight)
{
	char path[PATH_SIZE], text[24];

	if (mkdirat(h->root, t->parent, 0755) < 0 && errno != EEXIST)
		return -errno;
	for (int k = 0; h->unified && k < KNOBS; k++) {
		snprintf(text, sizeof(text), "+%s", knobs[k].name);
		(void)put_text(h->root, "cgroup.subtree_control", text);
		(void)put_text(h->root, path_of(t, ".", "cgroup.subtree_control", path), text);
	}
	snprintf(text, sizeof(text), "%u", h->unified ? weight : weight * 1024 / 100);
	(void)put_text(h->root, path_of(t, ".", h->unified ? knobs[CPU].v2 : knobs[CPU].v1, path), text);
	return 0;
}

static int add_hierarchy(struct cgroup_tree *t, const char *path, unsigned weight, struct err *err)
{
	CLEAN_FD int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cgroup_hierarchy *h = &t->h[t->n];
	struct statfs fs;
	struct stat st;
	int r;

	if (root < 0 || fstatfs(root, &fs) < 0 || fstat(root, &st) < 0 ||
	    (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC))
		return 0;
	for (unsigned i = 0; i < t->n; i++)
		if (t->h[i].dev == st.st_dev)
			return 0;   /* two controllers in one, or a group of that name */
	*h = (struct cgroup_hierarchy){ root, fs.f_type == CGROUP2_SUPER_MAGIC, st.st_dev };
	r = make_parent(t, h, weight);
	if (r == -EROFS || r == -EACCES || r == -EPERM) {   /* a container shows it but withholds it */
		log_warn("%s is not given to us: guests have no limits of its controllers", path);
		return 0;
	}
	if (r < 0)
		return err_sys(err, r, "cgroup: creating '%s' in %s", t->parent, path);
	h->root = take_fd(&root);
	t->n++;
	return 0;
}

int cgroup_tree_open(const char *parent, unsigned weight, struct cgroup_tree *ret, struct err *err)
{
	struct cgroup_tree t = { .devices = { -1, -1 } };
	int r = 0;

	snprintf(t.parent, sizeof(t.parent), "%s", parent);
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]) && r == 0; i++)
		r = add_hierarchy(&t, roots[i], weight, err);
	if (r < 0)
		return r;
	for (int kvm = 0; kvm < 2 && t.n && t.h[0].unified; kvm++)
		if ((t.devices[kvm] = load_devices(kvm)) < 0)
			log_warn("no list of devices for guests on cgroup v2: %s", strerrordesc_np(errno));
	*ret = t;
	return 0;
}

void cgroup_tree_remove(const struct cgroup_tree *t)
{
	for (unsigned i = 0; i < t->n; i++)
		(void)unlinkat(t->h[i].root, t->parent, AT_REMOVEDIR);
}
