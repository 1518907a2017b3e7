/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of program launch. Core is the authority, but what it says is checked again here. */
#include <errno.h>
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

/*
 * What START is about to hand to QEMU. Each row has one descriptor, brought by the call or made here
 * and closed with the call: there are places for all in it.
 */
struct build {
	struct cell *cell;
	struct ipc_call *call;
	unsigned next;               /* of those brought */
	int log;                     /* what QEMU, passt and swtpm have to say */
	struct cage_fd fds[LAUNCH_FDS_MAX + 3];
	size_t n_fds;
	struct root_copy copies[3];
	size_t n_copies;
	struct guest_fd *rows;       /* the call's; the answer's once they have their numbers */
};
_Static_assert(LAUNCH_FDS_MAX < IPC_FDS_MAX, "places for all");

static int check(const struct ipc_call *call, const struct launch_start_args *a, struct err *err)
{
	unsigned brought = 1, ptys = 0, tpms = 0;

	for (uint32_t i = 0; i < a->n_fds; i++) {
		enum guest_fd_kind k = a->fds[i].kind;

		if (k == GUEST_FD_KIND_UNSET)
			return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "a descriptor without a kind");
		brought += k <= GUEST_FD_KIND_INITRD;
		ptys += k == GUEST_FD_KIND_CHARDEV;
		tpms += k == GUEST_FD_KIND_TPM;
	}
	if (brought != call->n_fds || a->n_ptys > ptys || tpms > 1)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "rows and descriptors do not match");
	if (a->n_ptys > GUEST_PTYS_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED, "more than %u consoles of type pty",
			       GUEST_PTYS_MAX);
	if (!a->memory_kib || a->memory_kib > MEMORY_KIB_MAX)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "memory out of range");
	return 0;
}

static int add(struct build *b, int fd, int row)
{
	int at = GUEST_FD_FIRST + row;

	b->fds[b->n_fds++] = (struct cage_fd){ fd, at, b->rows[row].kind <= GUEST_FD_KIND_INITRD };
	b->rows[row].number = at;
	return 0;
}

static int add_made(struct build *b, int fd, int row)
{
	b->call->fds[b->call->n_fds++] = fd;
	return add(b, fd, row);
}

static int add_socket(struct build *b, const char *name, int row, struct err *err)
{
	int fd = folder_listen(b->cell, name, SOCK_STREAM, b->cell->uid + GUEST_UID_VM, b->cell->label,
			       err);

	return fd < 0 ? fd : add_made(b, fd, row);
}

/* QEMU's end of a socket pair; the other is of a program that is started for it. */
static int add_helper(struct build *b, int (*start)(struct cell *c, int fd, int log, struct err *err),
		      int row, struct err *err)
{
	int pair[2], rc = label_next(-1, "sockcreate", b->cell->label, true);

	if (rc || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, rc ? rc : -errno, "socket pair");
	(void)label_next(-1, "sockcreate", b->cell->label[0] ? "\n" : "", true);
	(void)add_made(b, pair[0], row);
	rc = start(b->cell, pair[1], b->log, err);
	fd_close(&pair[1]);
	return rc;
}

static int add_row(struct build *b, int row, struct err *err)
{
	const struct guest_fd *f = &b->rows[row];
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
		return add_helper(b, passt_start, row, err);
	if (f->kind == GUEST_FD_KIND_TPM)
		return add_helper(b, tpm_start, row, err);
	if (f->kind == GUEST_FD_KIND_KERNEL || f->kind == GUEST_FD_KIND_INITRD) {
		if (b->n_copies == sizeof(b->copies) / sizeof(b->copies[0]))
			return err_set(err, -E2BIG, ERR_INTERNAL_ERROR, "too many boot files");
		b->copies[b->n_copies++] = (struct root_copy){
			b->call->fds[b->next++], f->kind == GUEST_FD_KIND_KERNEL ? "kernel" : "initrd" };
		return 0;
	}
	return add(b, b->call->fds[b->next++], row);
}

int template_of(enum root_program program, const char *name, const struct root_template **ret,
		struct err *err)
{
	struct root_template *t = &launch.roots[program];
	char dir[PATH_MAX];

	*ret = t;
	if (t->path && root_is_current(t))
		return 0;
	t->path = NULL;
	snprintf(dir, sizeof(dir), "%.*s/%s", PATH_MAX - 64, launch.conf.run_dir, name);
	return root_build(program, dir, t, err);
}

static int start(struct build *b, const struct launch_start_args *a, struct err *err)
{
	struct cell *c = b->cell;
	const struct cgroup_limits limits = {
		.memory_max = a->memory_kib << 10, .pids_max = launch.conf.guest_pids_max, .kvm = a->kvm,
	};
	struct cage_spec spec = {
		.uid = c->uid + GUEST_UID_QEMU, .kvm = a->kvm, .groups = &launch.cgroups, .group = c->dir_name, .label = c->label,
		.file_label = c->image, .fds = b->fds, .copies = b->copies, .limits = CAGE_LIMITS_QEMU,
	};
	int folder[FOLDER_FDS];
	struct stage s = { .cell = c, .cage = &spec, .core_end = b->call->fds[0], .folder = folder };
	int rc = template_of(ROOT_QEMU_X86_64, "root-qemu", &spec.root, err);

	spec.limits.nproc = launch.conf.guest_pids_max;
	spec.audit = launch.conf.log_level == LOG_LEVEL_DEBUG;
	memset(folder, -1, sizeof(folder));
	if (!rc)
		rc = folder_make(c, folder, true, err);
	b->log = folder[FOLDER_FIFO_WRITE];
	if (!rc)
		rc = folder_ptys(c, err);
	if (!rc)
		rc = cgroup_create(&launch.cgroups, c->dir_name, &limits, err);
	for (uint32_t i = 0; i < a->n_fds && !rc; i++)
		rc = add_row(b, (int)i, err);
	if (!rc) {
		b->fds[b->n_fds++] = (struct cage_fd){ b->log, 1 };
		b->fds[b->n_fds++] = (struct cage_fd){ b->log, 2 };
		spec.n_fds = b->n_fds;
		spec.n_copies = b->n_copies;
		rc = stage_run(&s, err);
	}
	fd_close_all(folder, FOLDER_FDS);
	return rc;
}

static int answer(struct ipc_call *call, const struct cell *c, const struct guest_fd *rows,
		  uint32_t n_rows, int fd)
{
	struct launch_started ret = {
		.guest_uid = c->uid + GUEST_UID_QEMU, .vm_uid = c->uid + GUEST_UID_VM,
		.qemu_pid = c->qemu.pid, .qemu_start = c->qemu.start, .vm_pid = c->vm.pid,
		.fds = (struct guest_fd *)(uintptr_t)rows, .n_fds = n_rows,
	};

	ret.ptys = arena_calloc(call->arena, c->n_ptys + 1, sizeof(*ret.ptys));
	for (unsigned i = 0; i < c->n_ptys; i++) {
		char *name = ret.ptys ? arena_alloc(call->arena, 65) : NULL;

		if (!name || ptsname_r(c->pty[i], name, 64))
			return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "pseudo terminal");
		ret.ptys[ret.n_ptys++].path = name;
	}
	return ipc_reply(call, &ret, &fd, fd >= 0);
}

/* The files' type is one of the policy's for images, their level the guest's own. */
static int check_image(const struct cell *c, const struct launch_start_args *a, struct err *err)
{
	const struct config *conf = &launch.conf;

	if (!a->image && !c->label[0])
		return 0;
	if (!a->image || !c->label[0] ||
	    !label_type_in(a->image, conf->selinux_image_types, conf->n_selinux_image_types) ||
	    strcmp(label_part(a->image, 3), label_part(c->label, 3)))
		return err_set(err, -EPERM, ERR_OPERATION_FAILED,
			       "domain '%s': files with label %s are not for a guest with label %s", a->name,
			       a->image ? a->image : "(none)", c->label[0] ? c->label : "(none)");
	return 0;
}

/* Its folder is there before its claim is read: so the ledger does not give that away meanwhile. */
static int open_cell(const struct launch_start_args *a, struct cell **ret, struct err *err)
{
	struct cell *c;
	int rc;

	if (cell_find(a->guest))
		return err_set(err, -EEXIST, ERR_OPERATION_FAILED,
			       "domain '%s': its cage is there already (CLEANUP first)", a->name);
	c = cell_new(a->guest);
	if (!c)
		return err_sys(err, -errno, "domain '%s': its folder", a->name);
	rc = claim_read(c, err);
	if (!rc)
		rc = check_image(c, a, err);
	if (rc) {
		folder_remove(launch.run_dir, c->dir_name);
		cell_free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int launch_on_start(struct ipc_call *call, const struct launch_start_args *args)
{
	struct build b = { .call = call, .next = 1, .rows = args->fds };
	int rc = check(call, args, &call->err);
	struct cell *c = NULL;

	if (!rc)
		rc = open_cell(args, &c, &call->err);
	if (rc)
		return rc;
	b.cell = c;
	/* the name of its log is the guest's, as far as a file can be called that */
	snprintf(c->log_name, sizeof(c->log_name), "%.240s", args->name);
	for (char *p = c->log_name; *p; p++)
		if (*p == '/' || (unsigned char)*p < 0x20)
			*p = '_';
	snprintf(c->image, sizeof(c->image), "%s", args->image ? args->image : "");
	c->want_ptys = args->n_ptys;
	cell_save(c);
	rc = start(&b, args, &call->err);
	if (rc) {
		/* core asks for CLEANUP when it undoes the start; what is there stays listed until then */
		log_error("guest %s: %s", c->dir_name, call->err.text);
		return rc;
	}
	cell_save(c);
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
	int folder[FOLDER_FDS];
	struct stage s = { .cell = c, .folder = folder };
	int pair[2], rc;

	watched_kill(&c->vm);
	watched_close(&c->vm);
	rc = ipc_pair(pair);
	if (rc)
		return err_sys(err, rc, "guest %s", c->dir_name);
	s.core_end = pair[1];
	memset(folder, -1, sizeof(folder));
	rc = folder_ptys(c, err);
	if (!rc)
		rc = folder_make(c, folder, false, err);
	if (!rc)
		rc = stage_run(&s, err);
	fd_close_all(folder, FOLDER_FDS);
	fd_close(&pair[1]);
	if (rc) {
		fd_close(&pair[0]);
		return rc;
	}
	cell_save(c);
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

	/* without one there may be something left of it all the same */
	if (!c)
		c = cell_new(args->guest);
	if (!c)
		return err_sys(&call->err, -errno, "folder of a guest");
	cleanup_begin(c, call, args->forget_tpm);
	return 0;
}

int launch_on_list(struct ipc_call *call)
{
	struct launch_list_ret ret = { 0 };
	unsigned n = 1;

	for (const struct cell *c = launch.cells; c; c = c->next)
		n++;
	/* whoever is not listed has ended: all, or an error */
	ret.guests = arena_calloc(call->arena, n, sizeof(*ret.guests));
	if (!ret.guests)
		return err_sys(&call->err, -ENOMEM, "list of guests");
	for (const struct cell *c = launch.cells; c; c = c->next) {
		struct launch_found *f = &ret.guests[ret.n_guests++];

		memcpy(f->guest, c->uuid, 16);
		f->qemu_pid = watched_alive(&c->qemu) ? c->qemu.pid : 0;
		f->vm_pid = watched_alive(&c->vm) ? c->vm.pid : 0;
	}
	return launch_reply_list(call, &ret);
}
