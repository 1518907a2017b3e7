/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps "launch" and "boot": the cage, then QEMU in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/host.h"
#include "core/label.h"
#include "core/plan_fds.h"
#include "core/plan_steps.h"
#include "core/ptys.h"
#include "core/vmlink.h"
#include "hv/qemu/memory.h"
#include "ipc/call.h"

/* QEMU's sockets lie in the guest's folder, where no user may look; nobody makes one elsewhere. */
static int refuse_paths(struct plan *p, const struct dom_chr *c, unsigned n, const char *what)
{
	for (unsigned i = 0; i < n; i++)
		if (c[i].source == DOM_CHR_SOURCE_TYPE_UNIX && c[i].path_given)
			return err_set(&p->err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED, "unsupported configuration: "
				       "%s %u: nobody makes a socket at '%.255s'; leave its path out and open it "
				       "through Cordon, a channel by virDomainOpenChannel, a serial port as type "
				       "'pty' by virsh console", what, i, c[i].path);
	return 0;
}

/* The real chains are what QEMU is told, whatever the definition said. */
static int fill_chains(struct plan *p)
{
	struct domain *d = &p->run->rec.live;
	struct arena *a = p->run->arena;

	for (unsigned i = 0; i < d->n_disks; i++) {
		struct plan_disk *pd = &p->disks[i];
		unsigned n = pd->n > 1 ? pd->n - 1 : 0;
		struct dom_image *b = arena_calloc(a, n + 1, sizeof(*b));

		if (!b)
			return -ENOMEM;
		for (unsigned k = 0; k < n; k++) {
			if (k < d->disks[i].n_backing)   /* the user's words about it stay */
				b[k] = d->disks[i].backing[k];
			b[k].path = pd->images[k + 1].path;
			b[k].format = pd->images[k + 1].format;
			b[k].type = pd->images[k + 1].block ? DOM_DISK_SOURCE_TYPE_BLOCK :
				    DOM_DISK_SOURCE_TYPE_FILE;
		}
		d->disks[i].backing = b;
		d->disks[i].n_backing = n;
		d->disks[i].backing_given = true;
	}
	return 0;
}

static void launched(void *ctx, struct ipc_reply *r)
{
	struct plan *p = ctx;
	struct err err = { 0 };
	int rc = r->rc;

	files_close(p);
	if (!rc)
		rc = xdr_copy(&launch_started_xdr, r->ret, p->run->arena, &p->run->rec.launched);
	if (rc && !r->rc)
		err_sys(&err, rc, "domain '%s': answer of cordon-launch", p->guest->name);
	if (!rc)
		ptys_show(p->run, &p->run->rec.launched);
	plan_continue(p, rc, r->rc ? r->err : &err);
}

int launch_prepare(struct plan *p)
{
	const struct domain *d = &p->run->rec.live;
	struct ipc_chan *ch = core_peer(&core.launch, &p->err);
	struct launch_start_args args = {
		.name = d->name, .kvm = d->type == DOM_TYPE_KVM, .memory_kib = memory_limit(d, core.conf.guest_memory_overhead_kib),
	};
	struct plan_fds l = { .n_fds = 1 };
	int pair[2], rc;

	if (!ch)
		return -EAGAIN;
	rc = refuse_paths(p, d->serials, d->n_serials, "serial");
	if (!rc)
		rc = refuse_paths(p, d->channels, d->n_channels, "channel");
	if (rc)
		return rc;
	memcpy(args.guest, p->guest->uuid, 16);
	if (p->claimed.label && host_facts() && host_facts()->selinux) {
		args.image = label_image(host_facts()->selinux, p->claimed.label, p->run->arena);
		if (!args.image)
			return err_set(&p->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	if (plan_list_fds(&l, d, p->disks, p->plain))
		return err_set(&p->err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s' needs more than %u descriptors (disks with their backing "
			       "chains, character devices, interfaces)", d->name, LAUNCH_FDS_MAX);
	rc = fill_chains(p);
	if (!rc)
		rc = ipc_pair(pair);
	if (rc)
		return err_sys(&p->err, rc, "domain '%s'", d->name);
	args.fds = l.rows;
	args.n_fds = l.n_rows;
	args.n_ptys = l.n_ptys;
	l.fds[0] = pair[1];
	rc = launch_call_start(ch, &args, l.fds, l.n_fds, launched, p);
	fd_close(&pair[1]);
	if (rc) {
		fd_close(&pair[0]);
		return err_sys(&p->err, rc, "domain '%s': cannot ask cordon-launch", d->name);
	}
	rc = vmlink_attach(p->run, pair[0], &p->err);
	if (rc)
		p->job.aborted = true;
	return 1;
}

static void ask_cleanup(struct plan *p);

static void cleaned(void *ctx, struct ipc_reply *r)
{
	struct plan *p = ctx;

	/* the guest counts as gone when its cage is, not when launch is */
	if (r->rc == -EPIPE)
		p->again = ask_cleanup;
	else
		plan_continue(p, r->rc, r->err);
}

static bool forgets_tpm(const struct plan *p)
{
	return !p->guest->persistent && p->run->rec.forget_tpm;
}

static void ask_cleanup(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.launch, NULL);
	struct launch_guest_args args = { .forget_tpm = forgets_tpm(p) };

	p->kept_tpm = !args.forget_tpm;
	memcpy(args.guest, p->guest->uuid, 16);
	p->again = !ch || launch_call_cleanup(ch, &args, NULL, 0, cleaned, p) ? ask_cleanup : NULL;
}

int launch_release(struct plan *p)
{
	vmlink_detach(p->run);
	ask_cleanup(p);
	return 1;
}

int tpm_prepare(struct plan *p)
{
	(void)p;   /* "launch" has it made */
	return 0;
}

int tpm_release(struct plan *p)
{
	if (!p->kept_tpm || !forgets_tpm(p))
		return 0;
	ask_cleanup(p);
	return 1;
}

static void booted(void *ctx, struct ipc_reply *r)
{
	struct plan *p = ctx;

	if (!r->rc)
		vmlink_take_status(p->run, r->ret);
	if (r->rc && p->adopting && !p->run->ended) {
		/* a guest that runs is not stopped because its supervisor cannot be reached yet */
		log_warn("domain '%s': %s", p->guest->name, r->err->text);
		vmlink_retry(p->run);
		plan_continue(p, 0, NULL);
		return;
	}
	plan_continue(p, r->rc, r->err);
}

int boot_prepare(struct plan *p)
{
	int rc = p->adopting ? vmlink_reconnect(p->run, booted, p, &p->err) :
		 vmlink_boot(p->run, p->paused, booted, p, &p->err);

	return rc ? rc : 1;
}

int boot_release(struct plan *p)
{
	(void)p;   /* launch ends QEMU together with its cage */
	return 0;
}
