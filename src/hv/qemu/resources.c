/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be opened for a guest; the order is told in plan.h. */
#include "hv/qemu/priv.h"

struct needs {
	struct plan_need *list;
	size_t n;
};

static struct plan_need *need(struct needs *l, enum guest_fd_kind kind, uint32_t index,
			      uint32_t depth)
{
	struct plan_need *n = &l->list[l->n++];

	n->kind = kind;
	n->index = index;
	n->depth = depth;
	return n;
}

static void need_images(struct needs *l, const struct domain *d)
{
	for (uint32_t i = 0; i < d->n_disks; i++) {
		const struct dom_disk *disk = &d->disks[i];

		if (plan_blank(disk->path))
			continue;
		for (uint32_t depth = 0; depth <= disk->n_backing; depth++) {
			struct plan_need *n = need(l, GUEST_FD_KIND_IMAGE, i, depth);

			n->path = depth ? disk->backing[depth - 1].path : disk->path;
			n->readonly = depth || disk->readonly;
		}
	}
}

static void need_file(struct needs *l, enum guest_fd_kind kind, const char *path,
		      const char *place, bool readonly)
{
	struct plan_need *n;

	if (plan_blank(path))
		return;
	n = need(l, kind, 0, 0);
	n->path = path;
	n->place = place;
	n->readonly = readonly;
}

static void need_boot(struct needs *l, const struct dom_os *os)
{
	if (os->loader)
		need_file(l, GUEST_FD_KIND_LOADER, os->loader->path, NULL, true);
	if (os->nvram)
		need_file(l, GUEST_FD_KIND_NVRAM, os->nvram->path, NULL, false);
	need_file(l, GUEST_FD_KIND_KERNEL, os->kernel, PLAN_CAGE_KERNEL, true);
	need_file(l, GUEST_FD_KIND_INITRD, os->initrd, PLAN_CAGE_INITRD, true);
}

static void need_chardevs(struct needs *l, const struct domain *d, const struct dom_chr *list,
			  uint32_t n, enum dom_chr_kind kind)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i].source != DOM_CHR_SOURCE_TYPE_NULL &&
		    !(kind == DOM_CHR_KIND_CONSOLE && plan_console_is_serial(d, i)))
			need(l, GUEST_FD_KIND_CHARDEV, i, kind);
}

int plan_list_resources(const struct domain *d, struct arena *a, struct plan_need **ret,
			size_t *ret_n)
{
	size_t most = 6 + (size_t)d->n_serials + d->n_consoles + d->n_channels + d->n_nets;
	struct needs l = { NULL, 0 };

	for (uint32_t i = 0; i < d->n_disks; i++)
		most += 1 + d->disks[i].n_backing;
	l.list = arena_calloc(a, most, sizeof(*l.list));
	if (!l.list)
		return -ENOMEM;
	need(&l, GUEST_FD_KIND_MONITOR, 0, 0);
	need_images(&l, d);
	need_boot(&l, &d->os);
	need_chardevs(&l, d, d->serials, d->n_serials, DOM_CHR_KIND_SERIAL);
	need_chardevs(&l, d, d->consoles, d->n_consoles, DOM_CHR_KIND_CONSOLE);
	need_chardevs(&l, d, d->channels, d->n_channels, DOM_CHR_KIND_CHANNEL);
	for (uint32_t i = 0; i < d->n_nets; i++)
		if (d->nets[i].type == DOM_NET_TYPE_USER)
			need(&l, GUEST_FD_KIND_NIC, i, 0);
	if (d->n_tpms)
		need(&l, GUEST_FD_KIND_TPM, 0, 0);
	*ret = l.list;
	*ret_n = l.n;
	return 0;
}
