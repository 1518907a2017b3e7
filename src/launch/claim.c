/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row CLAIM, and cordon-ledger behind it. What it answers is acted on; what core asks is checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/call.h"
#include "ipc/serve.h"
#include "launch/launch.h"

#define LEDGER_FD 3
#define LEDGER_TIMEOUT_MS 10000

/* One question to the ledger: whether it was answered, and how. */
struct question {
	bool done;
	int rc;
	struct err *err;
	struct cell *cell;           /* of the last claim that was answered */
};

/* Every claim of an answer becomes a cell; OPEN and RELEASE answer none. */
static void answered(void *ctx, struct ipc_reply *r)
{
	struct question *q = ctx;
	const struct ledger_list *l = r->ret;

	q->done = true;
	q->rc = r->rc;
	if (r->rc)
		*q->err = *r->err;
	for (uint32_t i = 0; !r->rc && l && i < l->n_claims; i++) {
		unsigned at = l->claims[i].uid - launch.conf.guest_uid_min;

		q->cell = at <= launch.conf.guest_uid_max - launch.conf.guest_uid_min - GUEST_UIDS + 1 ?
			  cell_add(&l->claims[i]) : NULL;
		if (!q->cell)
			q->rc = err_set(q->err, -ERANGE, ERR_INTERNAL_ERROR, "ledger: uid %u is none of "
					"guest_uid_min .. guest_uid_max", l->claims[i].uid);
	}
}

static int answer_of(struct question *q, int sent, struct err *err)
{
	int rc = sent ? sent : ipc_wait(&launch.ledger, &q->done, LEDGER_TIMEOUT_MS);

	return rc ? err_sys(err, rc, "cordon-ledger") : q->rc;
}

static void ledger_closed(struct ipc_chan *ch)
{
	(void)ch;
	log_error("cordon-ledger ended; cordon-launch starts again with another one");
	_exit(1);
}

static _Noreturn void become_ledger(int sock)
{
	char path[PATH_MAX], *argv[] = { (char *)(uintptr_t)"cordon-ledger", NULL }, *envp[] = { NULL };

	if (!room_binary("cordon-ledger", path) && (sock == LEDGER_FD || dup2(sock, LEDGER_FD) >= 0) &&
	    !fd_set_cloexec(LEDGER_FD, 0) && !close_range(LEDGER_FD + 1, ~0U, 0))
		execve(path, argv, envp);
	_exit(127);
}

int claim_open(struct err *err)
{
	struct ledger_open_args args = {
		.name = launch.conf.run_dir, .uid_first = launch.conf.guest_uid_min,
		.uid_count = launch.conf.guest_uid_max - launch.conf.guest_uid_min + 1,
	};
	struct question q = { .err = err };
	struct stat st;
	int pair[2], rc;

	if (stat(launch.conf.run_dir, &st) < 0)
		return err_sys(err, -errno, "%s", launch.conf.run_dir);
	args.device = st.st_dev;
	args.inode = st.st_ino;
	rc = ipc_pair(pair);
	if (rc)
		return err_sys(err, rc, "cordon-ledger");
	if (fork() == 0)
		become_ledger(pair[1]);
	fd_close(&pair[1]);
	ipc_chan_init(&launch.ledger, pair[0], "ledger", IPC_ROOM_LEDGER);
	rc = answer_of(&q, ledger_call_open(&launch.ledger, &args, NULL, 0, answered, &q), err);
	while (!rc) {
		q = (struct question){ .err = err };
		rc = answer_of(&q, ledger_call_more(&launch.ledger, NULL, 0, answered, &q), err);
		if (!q.cell)
			break;
	}
	launch.ledger.on_closed = ledger_closed;
	return rc;
}

int claim_release(const struct cell *c, struct err *err)
{
	struct question q = { .err = err };
	struct ledger_guest args = { 0 };

	memcpy(args.guest, c->uuid, 16);
	return answer_of(&q, ledger_call_release(&launch.ledger, &args, NULL, 0, answered, &q), err);
}

static int check_label(const struct launch_claim_args *a, struct err *err)
{
	const struct config *conf = &launch.conf;

	if (!a->label)
		return 0;
	if (!launch.label[0])
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "SELinux: this kernel has no policy that label %s could be of", a->label);
	if (label_type_in(a->label, conf->selinux_process_types, conf->n_selinux_process_types) ||
	    label_type_in(a->label, conf->static_label_types, conf->n_static_label_types))
		return 0;
	return err_set(err, -EPERM, ERR_CONFIG_UNSUPPORTED,
		       "SELinux: no guest may have label %s: its type is none of virtual_domain_context "
		       "and static_label_types", a->label);
}

int launch_on_claim(struct ipc_call *call, const struct launch_claim_args *args)
{
	struct question q = { .err = &call->err, .cell = cell_find(args->guest) };
	struct launch_claimed ret;
	int rc = 0;

	if (!q.cell)
		rc = check_label(args, &call->err);
	if (!q.cell && !rc)
		rc = answer_of(&q, ledger_call_claim(&launch.ledger, args, NULL, 0, answered, &q),
			       &call->err);
	if (rc)
		return rc;
	ret = (struct launch_claimed){
		.guest_uid = q.cell->uid + GUEST_UID_QEMU, .vm_uid = q.cell->uid + GUEST_UID_VM,
		.label = q.cell->label[0] ? q.cell->label : NULL,
	};
	return launch_reply_claim(call, &ret);
}
