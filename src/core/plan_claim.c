/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "claim": the guest's uids and label, by cordon-ledger. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "core/label.h"
#include "core/plan_steps.h"
#include "ipc/call.h"

#define AGAIN_MS 10
#define TRIES_MAX 500     /* its processes are gone, but may not have been reaped yet */

static void claimed(void *ctx, struct ipc_reply *r)
{
	struct plan *p = ctx;
	struct err err = { 0 };
	int rc = r->rc;

	if (!rc)
		rc = xdr_copy(&ledger_claimed_xdr, r->ret, p->run->arena, &p->claimed);
	if (rc && !r->rc)
		err_sys(&err, rc, "domain '%s': answer of cordon-ledger", p->guest->name);
	plan_continue(p, rc, r->rc ? r->err : &err);
}

int claim_prepare(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.ledger, &p->err);
	struct ledger_claim_args args = { 0 };
	int rc;

	if (!ch)
		return -EAGAIN;
	memcpy(args.guest, p->guest->uuid, 16);
	rc = label_base(p, &args, &p->err);
	if (rc)
		return rc;
	rc = ledger_call_claim(ch, &args, NULL, 0, claimed, p);
	return rc ? err_sys(&p->err, rc, "domain '%s': cannot ask cordon-ledger", p->guest->name) : 1;
}

static void released(void *ctx, struct ipc_reply *r);

static void ask_release(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.ledger, NULL);
	struct ledger_guest args = { 0 };

	memcpy(args.guest, p->guest->uuid, 16);
	p->again = !ch || ledger_call_release(ch, &args, NULL, 0, released, p) ? ask_release : NULL;
}

static void ask_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask_release(arg);
}

static void released(void *ctx, struct ipc_reply *r)
{
	const struct timeval soon = { .tv_usec = AGAIN_MS * 1000 };
	struct plan *p = ctx;

	if (r->rc == -EPIPE) {
		p->again = ask_release;
		return;
	}
	if (r->rc == -EBUSY && p->release_tries++ < TRIES_MAX &&
	    !event_base_once(core.base, -1, EV_TIMEOUT, ask_again, p, &soon))
		return;
	if (r->rc)
		log_error("domain '%s': %s", p->guest->name, r->err->text);
	plan_continue(p, 0, NULL);
}

/* Last: nobody may have the label while a file of this guest still has it. */
int claim_release(struct plan *p)
{
	p->release_tries = 0;
	ask_release(p);
	return 1;
}
