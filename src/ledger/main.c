/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-ledger: which uids and which SELinux label a guest has to itself, on the whole host.
 * Started by cordon-launch, its only client, which acts on what it says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/serve.h"
#include "ledger/book.h"
#include "proto/ledger.x.h"
#include "sandbox/sandbox.h"

#define FD_CHANNEL 3
#define NOFILE 64
#define LEDGER_PATH "/run/cordon/claims"

static struct ipc_chan launch;
static struct book book = { .lock = -1 };
static int folder = -1, proc = -1;

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

static void give(const struct book_claim *c, struct ledger_claim *ret)
{
	uuid_bytes(c->guest, ret->guest);
	ret->uid = c->uid;
	ret->label = c->label.text[0] ? (char *)(uintptr_t)c->label.text : NULL;
}

struct row_list {
	struct arena *a;
	struct ledger_claim *rows;   /* NULL: only count */
	uint32_t n;
};

static int add_row(void *ctx, const struct book_claim *c)
{
	struct row_list *l = ctx;

	if (l->n == LEDGER_CLAIMS_MAX)
		return -E2BIG;
	if (l->rows) {
		give(c, &l->rows[l->n]);
		if (c->label.text[0] && !(l->rows[l->n].label = arena_strdup(l->a, c->label.text)))
			return -ENOMEM;
	}
	l->n++;
	return 0;
}

/* What there was at first, for MORE. */
static struct row_list found;
static uint32_t told;

int ledger_on_open(struct ipc_call *call, const struct ledger_open_args *args)
{
	int r = book_open(folder, proc, args->name, args->device, args->inode, args->uid_first,
			  args->uid_count, &book, &call->err);

	if (r < 0)
		return r;
	launch.state = IPC_STATE_OPEN;
	r = book_each(&book, add_row, &found, &call->err);
	found.a = arena_new(LEDGER_CLAIMS_MAX * (sizeof(*found.rows) + 256));
	found.rows = found.a ? arena_calloc(found.a, found.n + 1, sizeof(*found.rows)) : NULL;
	found.n = 0;
	if (r == 0)
		r = found.rows ? book_each(&book, add_row, &found, &call->err) : -ENOMEM;
	return r < 0 ? err_sys(&call->err, r, "ledger") : ledger_reply_open(call);
}

int ledger_on_more(struct ipc_call *call)
{
	uint32_t left = found.n - told;
	const struct ledger_list ret = {
		.claims = found.rows + told, .n_claims = left < LEDGER_PAGE ? left : LEDGER_PAGE,
	};

	told += ret.n_claims;
	return ledger_reply_more(call, &ret);
}

int ledger_on_claim(struct ipc_call *call, const struct launch_claim_args *args)
{
	struct book_want want = { .fixed = args->fixed, .share = args->share,
				  .categories = args->categories };
	struct ledger_claim row = { 0 };
	const struct ledger_list ret = { .claims = &row, .n_claims = 1 };
	struct seclabel label;
	struct book_claim claim;
	char guest[BOOK_GUEST + 1];
	int r;

	if (args->label && seclabel_parse(args->label, &label) < 0)
		return err_set(&call->err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "'%s' is no SELinux label (user:role:type:level)", args->label);
	want.label = args->label ? &label : NULL;
	uuid_text(args->guest, guest);
	r = book_claim(&book, guest, &want, &claim, &call->err);
	if (r < 0)
		return r;
	give(&claim, &row);
	return ledger_reply_claim(call, &ret);
}

int ledger_on_release(struct ipc_call *call, const struct ledger_guest *args)
{
	char guest[BOOK_GUEST + 1];
	int r;

	uuid_text(args->guest, guest);
	r = book_release(&book, guest, &call->err);
	return r < 0 ? r : ipc_reply(call, NULL, NULL, 0);
}

/* The folder, ours alone, and /proc; then nothing else of the host is left. */
static int enter(struct err *err)
{
	const struct sandbox_path paths[] = {
		{ "/", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE | SANDBOX_LINKS },
		{ .fd = proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .access = SANDBOX_READ },
	};
	struct sandbox_profile profile = {
		.name = "ledger", .policy = &sandbox_policy_ledger, .uid = LEDGER_UID, .gid = LEDGER_UID,
		.keep_all_fds = true, .nofile = NOFILE, .paths = paths, .n_paths = 2,
	};
	struct stat st;

	if (mkdir(LEDGER_PATH, 0700) < 0 && errno != EEXIST)
		return err_sys(err, -errno, LEDGER_PATH);
	folder = open(LEDGER_PATH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || proc < 0 || fstat(folder, &st) < 0)
		return err_sys(err, -errno, "%s and /proc", LEDGER_PATH);
	if (st.st_uid == 0 && fchown(folder, LEDGER_UID, LEDGER_UID) < 0)
		return err_sys(err, -errno, LEDGER_PATH);
	if ((st.st_uid != 0 && st.st_uid != LEDGER_UID) || st.st_mode & 077)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "%s is not ours alone", LEDGER_PATH);
	profile.root_fd = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	return sandbox_enter(&profile, err);
}

int main(void)
{
	struct ipc_chan *chans[] = { &launch };
	struct err err = { 0 };

	log_open("ledger", LOG_LEVEL_INFO, &ipc_req);
	if (fd_set_cloexec(FD_CHANNEL, 1) || enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	ipc_chan_init(&launch, FD_CHANNEL, "launch", IPC_ROOM_LAUNCH);
	launch.serves[0] = &ledger_server;
	if (ipc_serve(chans, 1, NULL, 0, NULL, NULL) < 0)
		return EXIT_FAILURE;
	if (book.lock >= 0)
		book_close(&book);
	return EXIT_SUCCESS;
}
