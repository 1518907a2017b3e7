/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of program launch. Core is the authority, but what it says is checked again here. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/call.h"
#include "launch/launch.h"
#include "vm/vm_fds.h"

#define MEMORY_KIB_MAX (UINT64_C(64) << 30)   /* 64 TiB */

/* What START is about to hand to QEMU. Descriptors made here are closed with it. */
struct build {
	struct cell *cell;
	const struct launch_start_args *args;
	struct cage_fd fds[LAUNCH_FDS_MAX + 3];
	size_t n_fds;
	struct root_copy copies[3];
	size_t n_copies;
	int made[LAUNCH_FDS_MAX];
	size_t n_made;
	struct guest_fd *rows;
};

static int check(const struct ipc_call *call, const struct launch_start_args *a, struct err *err)
{
	unsigned brought = 1, ptys = 0;

	for (uint32_t i = 0; i < a->n_fds; i++) {
		enum guest_fd_kind k = a->fds[i].kind;

		if (k == GUEST_FD_KIND_UNSET)
			return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "a descriptor without a kind");
		brought += k <= GUEST_FD_KIND_INITRD;
		ptys += k == GUEST_FD_KIND_CHARDEV;
	}
	if (brought != call->n_fds || a->n_ptys > ptys)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "rows and descriptors do not match");
	if (!a->memory_kib || a->memory_kib > MEMORY_KIB_MAX || !a->vcpus || a->vcpus > DOM_VCPUS_MAX)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "memory or processors out of range");
	return 0;
}

/* The guest's name as a host name: what is no letter, digit or hyphen becomes a hyphen. */
static void name_it(struct cell *c, const char *name)
{
	size_t n = 0;

	for (; n < CAGE_NAME_MAX && name[n]; n++) {
		char ch = name[n];
		bool ok = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');

		c->host_name[n] = ok ? ch : '-';
	}
	c->host_name[n] = '\0';
	snprintf(c->log_name, sizeof(c->log_name), "%.240s", name);
	for (char *p = c->log_name; *p; p++)
		if (*p == '/' || (unsigned char)*p < 0x20)
			*p = '_';
}

static int add(struct build *b, int fd, int row)
{
	int at = GUEST_FD_FIRST + row;

	b->fds[b->n_fds++] = (struct cage_fd){ fd, at };
	b->rows[row].number = at;
	return 0;
}

static int add_socket(struct build *b, const char *name, int row, struct err *err)
{
	int fd = folder_listen(b->cell, name, SOCK_STREAM, b->cell->uid + LEDGER_UID_VM, err);

	if (fd < 0)
		return fd;
	b->made[b->n_made++] = fd;
	return add(b, fd, row);
}

static int add_nic(struct build *b, int row, struct err *err)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, -errno, "interface");
	b->made[b->n_made++] = pair[0];
	rc = passt_start(b->cell, pair[1], err);
	fd_close(&pair[1]);
	return rc ? rc : add(b, pair[0], row);
}

static int add_row(struct build *b, struct ipc_call *call, unsigned *next, int row, struct err *err)
{
	static const char *const copy_names[] = {
		[GUEST_FD_KIND_LOADER] = "bios", [GUEST_FD_KIND_KERNEL] = "kernel",
		[GUEST_FD_KIND_INITRD] = "initrd",
	};
	const struct guest_fd *f = &b->rows[row];
	struct root_copy *copy = &b->copies[b->n_copies];
	char name[40];

	if (f->kind == GUEST_FD_KIND_MONITOR) {
		snprintf(name, sizeof(name), VM_MONITOR_NAME, f->index);
		return add_socket(b, name, row, err);
	}
	if (f->kind == GUEST_FD_KIND_CHARDEV) {
		snprintf(name, sizeof(name), VM_CHARDEV_NAME, f->depth, f->index);
		return add_socket(b, name, row, err);
	}
	if (f->kind == GUEST_FD_KIND_NIC)
		return add_nic(b, row, err);
	if (f->kind == GUEST_FD_KIND_KERNEL || f->kind == GUEST_FD_KIND_INITRD) {
		if (b->n_copies == sizeof(b->copies) / sizeof(b->copies[0]))
			return err_set(err, -E2BIG, ERR_INTERNAL_ERROR, "too many boot files");
		copy->fd = call->fds[(*next)++];
		snprintf(copy->name, sizeof(copy->name), "%s", copy_names[f->kind]);
		b->n_copies++;
		return 0;
	}
	return add(b, call->fds[(*next)++], row);
}

static void build_free(struct build *b)
{
	fd_close_all(b->made, b->n_made);
}

/* The template is bound from files that an upgrade replaces: then it is built again. */
static int fresh_template(struct err *err)
{
	char dir[PATH_MAX];
	int n;

	if (launch.qemu.path && root_is_current(&launch.qemu))
		return 0;
	n = snprintf(dir, sizeof(dir), "%s/root-qemu", launch.conf.run_dir);
	if (n < 0 || (size_t)n >= sizeof(dir))
		return err_set(err, -ENAMETOOLONG, ERR_INTERNAL_ERROR, "run_dir is too long");
	if (launch.qemu.path)
		root_drop(&launch.qemu);
	launch.qemu.path = NULL;
	return root_build(ROOT_QEMU_X86_64, dir, &launch.qemu, err);
}

static int make_group(const struct cell *c, const struct launch_start_args *a,
		      struct cgroup_group *ret, struct err *err)
{
	struct cgroup_limits lim = {
		.memory_max = cgroup_memory_max(a->memory_kib << 10, a->vcpus, !a->kvm) +
			      ((uint64_t)launch.conf.guest_memory_overhead_kib << 10),
		.pids_max = launch.conf.guest_pids_max, .kvm = a->kvm,
	};

	return cgroup_create(&launch.cgroups, c->dir_name, &lim, ret, err);
}

static int start(struct build *b, struct ipc_call *call, struct err *err)
{
	struct cell *c = b->cell;
	struct folder_fds folder = { -1, -1, -1, -1, -1, -1, -1, -1 };
	struct cgroup_group group = { .into_fd = -1 };
	struct cage_spec spec = {
		.name = c->host_name, .root = &launch.qemu, .uid = c->uid + LEDGER_UID_QEMU,
		.gid = c->uid + LEDGER_UID_QEMU, .kvm = b->args->kvm, .group = &group,
		.limits = CAGE_LIMITS_QEMU,
	};
	struct stage s = { .cell = c, .cage = &spec, .core_end = call->fds[0], .folder = &folder };
	unsigned next = 1;
	int rc = fresh_template(err);

	if (!rc)
		rc = folder_make(c, &folder, true, err);
	c->want_ptys = b->args->n_ptys;
	if (!rc)
		rc = folder_ptys(c, c->want_ptys, err);
	for (uint32_t i = 0; i < b->args->n_fds && !rc; i++)
		rc = add_row(b, call, &next, (int)i, err);
	if (!rc)
		rc = make_group(c, b->args, &group, err);
	if (!rc) {
		b->fds[b->n_fds++] = (struct cage_fd){ folder.fifo_write, 1 };
		b->fds[b->n_fds++] = (struct cage_fd){ folder.fifo_write, 2 };
		spec.fds = b->fds;
		spec.n_fds = b->n_fds;
		spec.copies = b->copies;
		spec.n_copies = b->n_copies;
		rc = stage_run(&s, err);
		cgroup_group_close(&group);
	}
	folder_close(&folder);
	return rc;
}

static int answer(struct ipc_call *call, const struct cell *c, const struct guest_fd *rows,
		  uint32_t n_rows, int fd)
{
	struct launch_started ret = {
		.guest_uid = c->uid + LEDGER_UID_QEMU, .vm_uid = c->uid + LEDGER_UID_VM,
		.qemu_pid = c->qemu.pid, .qemu_start = c->qemu.start, .vm_pid = c->vm.pid,
		.fds = (struct guest_fd *)(uintptr_t)rows, .n_fds = n_rows,
	};

	ret.ptys = arena_calloc(call->arena, c->n_ptys + 1, sizeof(*ret.ptys));
	for (unsigned i = 0; ret.ptys && i < c->n_ptys; i++) {
		char *name = arena_alloc(call->arena, 65);

		if (!name || ptsname_r(c->pty[i], name, 64))
			return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "pseudo terminal");
		ret.ptys[ret.n_ptys++].path = name;
	}
	return ipc_reply(call, &ret, &fd, fd >= 0);
}

int launch_on_start(struct ipc_call *call, const struct launch_start_args *args)
{
	struct build b = { .args = args };
	struct cell *c;
	int rc = check(call, args, &call->err);

	if (rc)
		return rc;
	if (cell_find(args->guest))
		return err_set(&call->err, -EEXIST, ERR_OPERATION_FAILED,
			       "domain '%s': its cage is there already (CLEANUP first)", args->name);
	c = cell_new(args->guest, &call->err);
	if (!c)
		return -EUSERS;
	name_it(c, args->name);
	b.cell = c;
	b.rows = arena_calloc(call->arena, args->n_fds + 1, sizeof(*b.rows));
	rc = b.rows ? 0 : -ENOMEM;
	if (!rc && args->n_fds)
		memcpy(b.rows, args->fds, args->n_fds * sizeof(*b.rows));
	if (!rc)
		rc = start(&b, call, &call->err);
	build_free(&b);
	if (rc) {
		/* core asks for CLEANUP when it undoes the start; what is there stays listed until then */
		log_error("guest %s: %s", c->dir_name, call->err.text);
		return rc;
	}
	cell_save_pids(c);
	return answer(call, c, b.rows, args->n_fds, -1);
}

/* ---- a new channel to a guest's cordon-vm ---- */

/* A line to the cordon-vm that lives; -1 when it does not. */
static int connect_vm(const struct cell *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = VM_SOCK_NAME };
	int fd = watched_alive(&c->vm) ? socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
				       : -1;

	if (fd >= 0 && (fchdir(c->dir) < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0))
		fd_close(&fd);
	return fd;
}

/* Start another one; core's end of its channel, or -errno. */
static int replace_vm(struct cell *c, struct err *err)
{
	struct folder_fds folder;
	struct stage s = { .cell = c, .folder = &folder };
	int pair[2], rc;

	watched_kill(&c->vm);
	watched_close(&c->vm);
	rc = ipc_pair(pair);
	if (rc)
		return err_sys(err, rc, "guest %s", c->dir_name);
	s.core_end = pair[1];
	rc = folder_ptys(c, c->want_ptys, err);
	if (!rc)
		rc = folder_make(c, &folder, false, err);
	if (!rc) {
		rc = stage_run(&s, err);
		folder_close(&folder);
	}
	fd_close(&pair[1]);
	if (rc) {
		fd_close(&pair[0]);
		return rc;
	}
	cell_save_pids(c);
	return pair[0];
}

int launch_on_respawn(struct ipc_call *call, const struct launch_guest_args *args)
{
	struct cell *c = cell_find(args->guest);
	CLEAN_FD int fd = -1;

	/* a cordon-vm that lives still has to tell how its QEMU ended */
	if (c && !c->going && !args->replace)
		fd = connect_vm(c);
	if (fd < 0 && (!c || c->going || !watched_alive(&c->qemu)))
		return err_set(&call->err, -ESRCH, ERR_OPERATION_FAILED, "QEMU of this guest is gone");
	if (fd < 0)
		fd = replace_vm(c, &call->err);
	if (fd < 0)
		return fd;
	return answer(call, c, NULL, 0, fd);
}

int launch_on_cleanup(struct ipc_call *call, const struct launch_guest_args *args)
{
	struct cell *c = cell_find(args->guest);

	if (!c)
		return launch_reply_cleanup(call);
	cleanup_begin(c, call);
	return 0;
}

int launch_on_list(struct ipc_call *call)
{
	struct launch_list_ret ret = { 0 };
	unsigned n = 0;

	for (const struct cell *c = launch.cells; c; c = c->next)
		n++;
	ret.guests = arena_calloc(call->arena, n + 1, sizeof(*ret.guests));
	for (const struct cell *c = launch.cells; ret.guests && c; c = c->next) {
		struct launch_found *f = &ret.guests[ret.n_guests++];

		memcpy(f->guest, c->uuid, 16);
		f->qemu_pid = watched_alive(&c->qemu) ? c->qemu.pid : 0;
		f->vm_pid = watched_alive(&c->vm) ? c->vm.pid : 0;
		f->guest_uid = c->uid + LEDGER_UID_QEMU;
		f->vm_uid = c->uid + LEDGER_UID_VM;
	}
	return launch_reply_list(call, &ret);
}

int launch_on_claim(struct ipc_call *call, const struct launch_claim_args *args)
{
	(void)args;
	return err_set(&call->err, -ENOTSUP, ERR_NO_SUPPORT, "claims are not there yet");
}
