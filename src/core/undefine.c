/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A definition removed, with what belongs to it alone: its variable store and its TPM. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "core/args.h"
#include "core/client.h"
#include "core/events.h"
#include "core/life.h"
#include "core/store.h"

/* virDomainUndefineFlagsValues */
#define UNDEFINE_MANAGED_SAVE 1u
#define UNDEFINE_SNAPSHOTS 2u
#define UNDEFINE_NVRAM 4u
#define UNDEFINE_KEEP_NVRAM 8u
#define UNDEFINE_CHECKPOINTS 16u
#define UNDEFINE_TPM 32u
#define UNDEFINE_KEEP_TPM 64u

bool define_forgets_tpm(const struct domain *d, uint32_t flags)
{
	return d->n_tpms && !(flags & UNDEFINE_KEEP_TPM) &&
	       (flags & UNDEFINE_TPM || d->tpms[0].persistent_state != DOM_YESNO_YES);
}

static int check_flags(struct ipc_call *call, uint32_t flags)
{
	int rc = args_flags(call, flags, UNDEFINE_MANAGED_SAVE | UNDEFINE_SNAPSHOTS | UNDEFINE_NVRAM |
			    UNDEFINE_KEEP_NVRAM | UNDEFINE_CHECKPOINTS | UNDEFINE_TPM | UNDEFINE_KEEP_TPM);

	if (rc)
		return rc;
	if (flags & UNDEFINE_TPM && flags & UNDEFINE_KEEP_TPM)
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
			       "flags VIR_DOMAIN_UNDEFINE_TPM and VIR_DOMAIN_UNDEFINE_KEEP_TPM are mutually "
			       "exclusive");
	if (flags & UNDEFINE_NVRAM && flags & UNDEFINE_KEEP_NVRAM)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: cannot both keep and delete nvram");
	return 0;
}

static int remove_definition(struct ipc_call *call, struct guest *g)
{
	int rc = store_remove_domain(g, &call->err);

	if (rc)
		return rc;
	g->persistent = false;
	events_lifecycle(g, EVENT_UNDEFINED, 0);
	if (g->run) {
		guest_drop_model(g);
		g->autostart = false;
		g->run->rec.persistent = false;
		store_save_run(g);
	} else {
		guest_remove(g);
	}
	return ipc_reply(call, NULL, NULL, 0);
}

/*
 * What belongs to the guest alone goes before the definition, which says where it is: what fails
 * can be asked for again, and who is answered finds nothing left.
 */
struct undefining {
	struct ipc_call *call;
	const struct remote_nonnull_domain *dom;
	uint32_t flags;
	unsigned int step;
};

static void gone(void *ctx, struct ipc_reply *r);
static void nvram_gone(void *ctx, struct ipc_reply *r);

/* A step: 0 when there is nothing to wait for, 1 when the answer leads on. */
static int remove_nvram(struct undefining *u, struct guest *g, const struct domain *d)
{
	struct ipc_call *call = u->call;
	struct disk_unlink_args args;
	struct ipc_chan *room;
	int rc;

	if (!d->os.nvram || !d->os.nvram->path || u->flags & UNDEFINE_KEEP_NVRAM)
		return 0;
	room = core_peer(&core.disk, &call->err);
	if (!room)
		return -EAGAIN;
	memcpy(args.guest, g->uuid, 16);
	args.path = d->os.nvram->path;
	/* as libvirtd has it: who did not say is asked only if there is one */
	args.look = !(u->flags & UNDEFINE_NVRAM);
	rc = disk_call_unlink_nvram(room, &args, NULL, 0, nvram_gone, u);
	return rc ? rc : 1;
}

/* Of a guest that runs it goes when that ends. */
static int remove_tpm(struct undefining *u, struct guest *g, const struct domain *d)
{
	struct ipc_call *call = u->call;
	struct launch_guest_args args = { .forget_tpm = true };
	bool forget = define_forgets_tpm(d, u->flags);
	struct ipc_chan *room;
	int rc;

	if (g->run)
		g->run->rec.forget_tpm = forget;
	if (!forget || g->run)
		return 0;
	room = core_peer(&core.launch, &call->err);
	if (!room)
		return -EAGAIN;
	memcpy(args.guest, g->uuid, 16);
	rc = launch_call_cleanup(room, &args, NULL, 0, gone, u);
	return rc ? rc : 1;
}

static int (*const steps[])(struct undefining *u, struct guest *g, const struct domain *d) = {
	remove_nvram, remove_tpm,
};

static int go_on(struct undefining *u, struct guest *g)
{
	struct domain d;
	int rc;

	if (!g->persistent)
		return err_set(&u->call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: cannot undefine transient domain");
	rc = guest_model(g, u->call->arena, &d, &u->call->err);
	while (!rc && u->step < sizeof(steps) / sizeof(steps[0]))
		rc = steps[u->step++](u, g, &d);
	if (rc)
		return rc > 0 ? 0 : rc;
	return remove_definition(u->call, g);
}

/* Meanwhile another client may have undefined it, or started it; and who asked may be gone. */
static void next_step(struct undefining *u)
{
	struct guest *g = guest_by_uuid(u->dom->uuid);
	int rc = 0;

	if (!g)
		ipc_refuse_text(u->call, -ENOENT, ERR_NO_DOMAIN,
				"Domain not found: '%.255s' was undefined by another client", u->dom->name);
	else
		rc = go_on(u, g);
	if (rc)
		ipc_refuse(u->call, rc, &u->call->err);
}

static void gone(void *ctx, struct ipc_reply *r)
{
	struct undefining *u = ctx;

	/* what was never made is as good as removed */
	if (r->rc && r->rc != -ENOENT)
		core_refuse_reply(u->call, r);
	else
		next_step(u);
}

/*
 * One elsewhere, which may have come with the definition from libvirt, is nobody's to remove. Who did
 * not say --nvram has the definition removed all the same: so ask again virt-manager and Terraform,
 * when they are refused.
 */
static void nvram_gone(void *ctx, struct ipc_reply *r)
{
	struct undefining *u = ctx;

	if (r->rc == -EXDEV && !(u->flags & UNDEFINE_NVRAM)) {
		log_info("domain '%.255s': %s", u->dom->name, r->err->text);
		next_step(u);
	} else if (r->rc == -EEXIST) {
		ipc_refuse_text(u->call, -EEXIST, ERR_OPERATION_INVALID,
				"Requested operation is not valid: cannot undefine domain with nvram; use "
				"--nvram or --keep-nvram");
	} else {
		gone(ctx, r);
	}
}

static int undefine(struct ipc_call *call, const struct remote_nonnull_domain *dom, uint32_t flags)
{
	struct guest *g = client_guest(call, dom);
	struct undefining *u;
	int rc;

	if (!g)
		return -ENOENT;
	rc = check_flags(call, flags);
	if (rc)
		return rc;
	u = arena_alloc(call->arena, sizeof(*u));
	if (!u)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	*u = (struct undefining){ .call = call, .dom = dom, .flags = flags };
	return go_on(u, g);
}

int remote_on_domain_undefine(struct ipc_call *call, const struct remote_domain_undefine_args *args)
{
	return undefine(call, &args->dom, 0);
}

int remote_on_domain_undefine_flags(struct ipc_call *call,
				    const struct remote_domain_undefine_flags_args *args)
{
	return undefine(call, &args->dom, args->flags);
}
