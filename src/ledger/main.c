/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-ledger: which uids and which SELinux label a guest has to itself, on the whole host. Core
 * asks; cordon-launch reads in the folder what was answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/serve.h"
#include "ledger/book.h"
#include "proto/ledger.x.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#define CONF_ARENA_MAX (1u << 20)
#define NOFILE 64
#define LEDGER_PATH "/run/cordon/claims"   /* made by cordond */

static struct ipc_chan control, core;
static struct arena *arena;                /* of conf */
static struct config conf;
static struct book book = { .lock = -1 };
static bool selinux;                       /* this kernel has a policy */

/* ---- program ledger ---- */

static void uuid_text(const uint8_t u[16], char out[BOOK_GUEST + 1])
{
	char *p = out;

	for (int i = 0; i < 16; i++)
		p += snprintf(p, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", u[i]);
}

/* Of what uuid_text() wrote. */
static void uuid_bytes(const char *text, uint8_t out[16])
{
	unsigned v = 0;

	for (int i = 0; i < 16; i++) {
		text += *text == '-';
		if (sscanf(text, "%2x", &v) != 1)
			v = 0;
		out[i] = (uint8_t)v;
		text += 2;
	}
}

/* Launch checks it once more, where it acts on it; here it is refused before anything has begun. */
static int check_label(const char *label, struct seclabel *ret, struct err *err)
{
	if (seclabel_parse(label, ret) < 0)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "'%s' is no SELinux label (user:role:type:level)", label);
	if (!selinux)
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "SELinux: this kernel has no policy that label %s could be of", label);
	if (seclabel_type_in(ret, conf.selinux_process_types, conf.n_selinux_process_types) ||
	    seclabel_type_in(ret, conf.static_label_types, conf.n_static_label_types))
		return 0;
	return err_set(err, -EPERM, ERR_CONFIG_UNSUPPORTED,
		       "SELinux: no guest may have label %s: its type is none of virtual_domain_context "
		       "and static_label_types", label);
}

int ledger_on_claim(struct ipc_call *call, const struct ledger_claim_args *args)
{
	struct book_want want = { .fixed = args->fixed, .share = args->share,
				  .categories = args->categories };
	struct ledger_claimed ret;
	struct seclabel label;
	struct book_claim claim;
	char guest[BOOK_GUEST + 1];
	int r = args->label ? check_label(args->label, &label, &call->err) : 0;

	want.label = args->label ? &label : NULL;
	uuid_text(args->guest, guest);
	if (r == 0)
		r = book_claim(&book, guest, &want, &claim, &call->err);
	if (r < 0)
		return r;
	ret = (struct ledger_claimed){ claim.uid, claim.label.text[0] ? claim.label.text : NULL };
	return ledger_reply_claim(call, &ret);
}

int ledger_on_release(struct ipc_call *call, const struct ledger_guest *args)
{
	char guest[BOOK_GUEST + 1];
	int r;

	uuid_text(args->guest, guest);
	r = book_release(&book, guest, &call->err);
	return r < 0 ? r : ledger_reply_release(call);
}

static int add_row(void *ctx, const struct book_claim *c)
{
	struct ledger_list *l = ctx;

	if (l->n_guests < LEDGER_CLAIMS_MAX)
		uuid_bytes(c->guest, l->guests[l->n_guests++].guest);
	return 0;
}

int ledger_on_list(struct ipc_call *call)
{
	struct ledger_list ret = { .guests = arena_calloc(call->arena, LEDGER_CLAIMS_MAX, sizeof(*ret.guests)) };
	int r = ret.guests ? book_each(&book, add_row, &ret, &call->err) :
		err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");

	return r ? r : ledger_reply_list(call, &ret);
}

/* ---- program room ---- */

/* The folder, ours alone, and /proc; then nothing else of the host is left. */
static int enter(int folder, int proc, struct err *err)
{
	const struct sandbox_path paths[] = {
		{ "/", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE | SANDBOX_LINKS },
		{ .fd = proc, .access = SANDBOX_READ },
	};
	const struct sandbox_profile profile = {
		.name = "ledger", .policy = &sandbox_policy_ledger, .uid = LEDGER_UID, .gid = LEDGER_UID,
		.root_fd = fcntl(folder, F_DUPFD_CLOEXEC, 0), .keep_all_fds = true, .nofile = NOFILE,
		.paths = paths, .n_paths = 2,
	};

	return sandbox_enter(&profile, err);
}

/* Every process has a label where there is a policy: proc(5), attr/current. */
static bool has_policy(int proc)
{
	CLEAN_FD int fd = openat(proc, "self/attr/current", O_RDONLY | O_CLOEXEC);
	char text[SECLABEL_MAX + 2] = "";
	struct seclabel own;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return !seclabel_parse(text, &own);
}

static int open_book(struct err *err)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int run = open(conf.run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int folder, r;

	setfsuid(LEDGER_UID);   /* nobody else than we enters it (setfsuid(2)) */
	folder = open(LEDGER_PATH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || proc < 0 || run < 0 || fstat(run, &st) < 0)
		return err_sys(err, -errno, "%s, /proc and %s", LEDGER_PATH, conf.run_dir);
	selinux = has_policy(proc);
	r = enter(folder, proc, err);
	if (r == 0)
		r = book_open(folder, proc, run, conf.run_dir, st.st_dev, st.st_ino, conf.guest_uid_min,
			      conf.guest_uid_max - conf.guest_uid_min + 1, &book, err);
	book.types = conf.selinux_process_types;
	book.n_types = conf.n_selinux_process_types;
	return r;
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	int r;

	if (arena || call->n_fds != 1)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "set up twice or without core");
	arena = arena_new(CONF_ARENA_MAX);
	if (!arena || xdr_copy(&config_xdr, &args->conf, arena, &conf))
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	log_open("ledger", conf.log_level, &ipc_req);
	r = open_book(&call->err);
	if (r < 0)
		return r;
	ipc_chan_init(&core, take_fd(&call->fds[0]), "core", IPC_ROOM_CORE);
	core.serves[0] = &ledger_server;
	return room_reply_setup(call);
}

int main(void)
{
	struct ipc_chan *chans[] = { &control, &core };

	log_open("ledger", LOG_LEVEL_INFO, &ipc_req);
	ipc_chan_init(&control, FD_CONTROL, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	core.fd = -1;
	core.closed = true;
	if (fd_set_cloexec(FD_CONTROL, 1) || ipc_serve(chans, 2, NULL, 0, NULL, NULL) < 0)
		return EXIT_FAILURE;
	if (book.lock >= 0)
		book_close(&book);
	return EXIT_SUCCESS;
}
