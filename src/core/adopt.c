/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/adopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/guest.h"
#include "core/held.h"
#include "core/host.h"
#include "core/life.h"
#include "core/plan_steps.h"
#include "core/store.h"
#include "core/vmlink.h"
#include "ipc/call.h"

static const struct launch_found *found(const struct launch_list_ret *l, const uint8_t uuid[16])
{
	for (uint32_t i = 0; i < l->n_guests; i++)
		if (!memcmp(l->guests[i].guest, uuid, 16))
			return &l->guests[i];
	return NULL;
}

static bool runs(const uint8_t uuid[16])
{
	const struct guest *g = guest_by_uuid(uuid);

	return g && g->run;
}

/* What cannot be released now, because its processes are just ending, is for the next core. */
static void swept(void *ctx, struct ipc_reply *r)
{
	struct ipc_chan *ch = core_peer(&core.ledger, NULL);
	struct ledger_guest args;

	memcpy(args.guest, ctx, 16);
	if (ch && !r->rc && !runs(ctx))
		(void)ledger_call_release(ch, &args, NULL, 0, NULL, NULL);
	free(ctx);
}

/* A cage or claim without a run: a core that died in the middle left it. */
static void sweep(const uint8_t uuid[16])
{
	struct ipc_chan *ch = core_peer(&core.launch, NULL);
	struct launch_guest_args args = { 0 };
	char text[GUEST_UUID_TEXT];
	void *copy;

	if (!ch || runs(uuid) || !(copy = malloc(16)))
		return;
	memcpy(copy, uuid, 16);
	memcpy(args.guest, uuid, 16);
	guest_uuid_text(uuid, text);
	log_warn("cage or claim of %s belongs to no guest that runs: removed", text);
	if (launch_call_cleanup(ch, &args, NULL, 0, swept, copy))
		free(copy);
}

static void claim(const struct guest *g)
{
	struct ipc_chan *ch = core_peer(&core.disk, NULL);
	struct disk_adopt_args args = {
		.n_images = g->run->rec.n_images, .images = g->run->rec.images,
		.n_shareable = g->run->rec.n_shareable, .shareable = g->run->rec.shareable,
	};

	memcpy(args.guest, g->uuid, 16);
	if (ch)
		(void)disk_call_adopt(ch, &args, NULL, 0, NULL, NULL);
}

/* All that run were claimed for: what disk labelled for others is put back. */
static void settle(void)
{
	struct ipc_chan *ch = core_peer(&core.disk, NULL);

	if (ch)
		(void)disk_call_settle(ch, NULL, 0, NULL, NULL);
}

static void adopt_one(struct guest *g, const struct launch_found *f)
{
	struct err err = { 0 };

	/* also one that is to be undone: its QEMU may still have the images open */
	claim(g);
	if (plan_adopt(g, &err)) {
		log_error("domain '%s': %s", g->name, err.text);
		return;
	}
	if (!g->run || g->run->rec.starting)
		return;
	/* a cordon-vm that is there tells itself how its QEMU ended */
	if (!f || (!f->qemu_pid && !f->vm_pid))
		plan_qemu_ended(g->run, false, 0, "QEMU ended while Cordon was away");
}

void adopt_autostart(struct guest *g)
{
	struct err err = { 0 };

	if (life_start(g, NULL, NULL, 0, &err))
		log_error("domain '%s': autostart: %s", g->name, err.text);
}

/* It ran when the host went down; what is left of that is just being undone. */
static bool is_ending(const struct guest_run *run)
{
	return run->ended || (run->plan && run->plan->undoing);
}

/* Once per boot of the host: a guest that was shut down stays so when core is started again. */
static void autostart(void)
{
	struct err err = { 0 };

	if (!memcmp(core.stored.autostarted, core.boot_id, 16))
		return;
	memcpy(core.stored.autostarted, core.boot_id, 16);
	if (store_save_host(&core.stored, &err))
		log_error("%s", err.text);
	for (struct guest *g = guest_next(NULL), *next; g; g = next) {
		next = guest_next(g);
		if (g->autostart && !g->run) {
			adopt_autostart(g);
		} else if (g->autostart && is_ending(g->run)) {
			g->run->rec.start_again = true;
			store_save_run(g);
		}
	}
}

static void listed(void *ctx, struct ipc_reply *r)
{
	const struct launch_list_ret *l = r->ret;

	(void)ctx;
	if (r->rc) {
		log_error("running guests cannot be listed: %s", r->err->text);
		return;
	}
	for (struct guest *g = guest_next(NULL), *next; g; g = next) {
		next = guest_next(g);
		if (g->run && !g->run->link && !g->run->plan)
			adopt_one(g, found(l, g->uuid));
	}
	settle();
	for (uint32_t i = 0; i < l->n_guests; i++)
		sweep(l->guests[i].guest);
	autostart();
}

static void claims_listed(void *ctx, struct ipc_reply *r)
{
	const struct ledger_list *l = r->ret;

	(void)ctx;
	for (uint32_t i = 0; !r->rc && i < l->n_guests; i++)
		sweep(l->guests[i].guest);
}

static void list_all(void)
{
	struct ipc_chan *ch = core_peer(&core.launch, NULL);

	/* one that is being restarted comes by adopt_launch() */
	if (!ch || launch_call_list(ch, NULL, 0, listed, NULL))
		log_error("running guests cannot be listed: cordon-launch is not there");
	ch = core_peer(&core.ledger, NULL);
	if (ch)
		(void)ledger_call_list(ch, NULL, 0, claims_listed, NULL);
}

void adopt_begin(void)
{
	struct guest *g = guest_next(NULL);

	host_refresh();
	while (g && !g->run)
		g = guest_next(g);
	if (g)
		held_begin();
	list_all();
}

void adopt_launch(void)
{
	plan_ask_again();
	list_all();
}

void adopt_viewers(void)
{
	/* one that is just starting, or going, has its own plan for that */
	for (struct guest *g = guest_next(NULL); g; g = guest_next(g))
		if (g->run && (!g->run->plan || g->run->rec.viewer_port) &&
		    !(g->run->plan && g->run->plan->undoing))
			viewer_adopt(g);
}

void adopt_claims(void)
{
	/* those on their way up or down, too, but none whose files were released: that is not said again */
	for (struct guest *g = guest_next(NULL); g; g = guest_next(g))
		if (g->run && !(g->run->plan && g->run->plan->files_left))
			claim(g);
	settle();
}
