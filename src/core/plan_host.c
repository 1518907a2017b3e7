/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "host": its facts are known, and it knows the labels that the definition names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/host.h"
#include "core/plan_steps.h"
#include "ipc/call.h"
#include "proto/hostd.x.h"

/*
 * A label of the user's is asked about as soon as it can be: one that the
 * policy does not have is refused by name, and one that is not written as the
 * kernel would ("s0:c2,c1") is from here on, for what is compared with the
 * kernel's own texts: other guests' labels, and whether a file still has it.
 */
struct user_label {
	struct plan *plan;
	char **text;               /* in the run's own model */
};

static void answered(void *ctx, struct ipc_reply *r)
{
	struct user_label *u = ctx;
	struct plan *p = u->plan;
	const struct host_answer *a = r->ret;
	char *text = NULL;

	if (r->rc && !p->rc) {
		p->rc = r->rc;
		p->err = *r->err;
	} else if (!r->rc && !a->valid && !p->rc) {
		p->rc = err_set(&p->err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
				"unsupported configuration: domain '%s': SELinux: the policy does not know "
				"the label '%s'; correct its <seclabel>", p->guest->name, *u->text);
	} else if (!r->rc && a->scontext && !p->rc) {
		text = arena_strdup(p->run->arena, a->scontext);
		if (text)
			*u->text = text;
		else
			p->rc = err_set(&p->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	if (--p->outstanding == 0)
		plan_continue(p, p->rc, NULL);
}

static int ask(struct plan *p, const char *model, char **text)
{
	struct ipc_chan *host = core_peer(&core.host, &p->err);
	struct host_ask q = { .scontext = *text, .tcontext = *text, .tclass = (char *)"process" };
	struct user_label *u;
	int rc;

	if (!*text || (model && strcmp(model, "selinux") != 0))
		return 0;
	u = arena_alloc(p->run->arena, sizeof(*u));
	if (!u || !host)
		return host ? -ENOMEM : -EAGAIN;
	*u = (struct user_label){ p, text };
	rc = strlen(*text) <= HOST_TEXT_MAX ? hostd_call_ask(host, &q, NULL, 0, answered, u) : -EINVAL;
	p->outstanding += !rc;
	return rc;
}

static int ask_images(struct plan *p, struct dom_image_label *list, uint32_t n)
{
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++)
		rc = ask(p, list[i].model, &list[i].label);
	return rc;
}

/* 0: there is nothing to ask; 1: answers come. */
static int ask_all(struct plan *p)
{
	struct domain *d = &p->run->rec.live;
	int rc = 0;

	for (uint32_t i = 0; i < d->n_seclabels && !rc; i++) {
		rc = ask(p, d->seclabels[i].model, &d->seclabels[i].label);
		if (!rc)
			rc = ask(p, d->seclabels[i].model, &d->seclabels[i].imagelabel);
	}
	for (uint32_t i = 0; i < d->n_disks && !rc; i++) {
		rc = ask_images(p, d->disks[i].seclabels, d->disks[i].n_seclabels);
		for (uint32_t k = 0; k < d->disks[i].n_backing && !rc; k++)
			rc = ask_images(p, d->disks[i].backing[k].seclabels,
					d->disks[i].backing[k].n_seclabels);
	}
	if (rc && !p->err.code)
		err_sys(&p->err, rc, "domain '%s': cannot ask cordon-host", p->guest->name);
	if (!p->outstanding)
		return rc;
	p->rc = rc;
	return 1;
}

/* Who starts before the first facts came waits for them. */
static void facts_came(void *ctx)
{
	struct plan *p = ctx;
	struct err err = { 0 };
	int rc;

	if (!host_facts()) {
		rc = err_set(&err, -EAGAIN, ERR_OPERATION_FAILED,
			     "operation failed: domain '%s': cordon-host does not tell what this host "
			     "is; try again in a moment", p->guest->name);
		plan_continue(p, rc, &err);
		return;
	}
	rc = host_facts()->selinux ? ask_all(p) : 0;
	if (rc <= 0)
		plan_continue(p, rc, NULL);
}

int host_prepare(struct plan *p)
{
	int rc;

	if (host_facts())
		return host_facts()->selinux ? ask_all(p) : 0;
	rc = host_fetch(facts_came, p);
	return rc ? err_sys(&p->err, rc, "domain '%s': cannot ask cordon-host", p->guest->name) : 1;
}

int host_release(struct plan *p)
{
	(void)p;
	return 0;
}
