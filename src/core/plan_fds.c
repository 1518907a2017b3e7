/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plan_fds.h"

#include <errno.h>

#include "core/ptys.h"

static int add(struct plan_fds *l, enum guest_fd_kind kind, unsigned index, unsigned depth,
	       bool write, int fd)
{
	if (l->n_rows == LAUNCH_FDS_MAX || l->n_fds == IPC_FDS_MAX)
		return -E2BIG;
	l->rows[l->n_rows++] = (struct guest_fd){
		.kind = kind, .index = index, .depth = depth, .write = write, .number = -1 };
	if (fd >= 0)
		l->fds[l->n_fds++] = fd;
	return 0;
}

static int add_images(struct plan_fds *l, unsigned index, const struct plan_disk *disk)
{
	int rc = 0;

	for (unsigned k = 0; k < disk->n && !rc; k++)
		rc = add(l, GUEST_FD_KIND_IMAGE, index, k, disk->images[k].write, disk->fds[k]);
	return rc;
}

static int add_chardevs(struct plan_fds *l, const struct dom_chr *c, unsigned n,
			enum dom_chr_kind kind)
{
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++) {
		if (!ptys_has_device(&c[i], kind))
			continue;
		rc = add(l, GUEST_FD_KIND_CHARDEV, i, kind, true, -1);
		if (c[i].source == DOM_CHR_SOURCE_TYPE_PTY)
			l->n_ptys++;
	}
	return rc;
}

int plan_list_fds(struct plan_fds *l, const struct domain *d, const struct plan_disk *disks,
		  const int *plain)
{
	int rc = add(l, GUEST_FD_KIND_MONITOR, 0, 0, true, -1);

	for (unsigned i = 0; i < d->n_disks && !rc; i++)
		rc = add_images(l, i, &disks[i]);
	for (enum guest_fd_kind k = GUEST_FD_KIND_LOADER; k <= GUEST_FD_KIND_INITRD && !rc; k++)
		if (plain[k] >= 0)
			rc = add(l, k, 0, 0, k == GUEST_FD_KIND_NVRAM, plain[k]);
	if (!rc)
		rc = add_chardevs(l, d->serials, d->n_serials, DOM_CHR_KIND_SERIAL);
	if (!rc)
		rc = add_chardevs(l, d->consoles, d->n_consoles, DOM_CHR_KIND_CONSOLE);
	if (!rc)
		rc = add_chardevs(l, d->channels, d->n_channels, DOM_CHR_KIND_CHANNEL);
	for (unsigned i = 0; i < d->n_nets && !rc; i++)
		if (d->nets[i].type == DOM_NET_TYPE_USER)
			rc = add(l, GUEST_FD_KIND_NIC, i, 0, true, -1);
	if (d->n_tpms && !rc)
		rc = add(l, GUEST_FD_KIND_TPM, 0, 0, true, -1);
	return rc;
}
