/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names libvirt gives devices; they are also the ids of the devices inside QEMU. */
#include <stdarg.h>
#include <stdio.h>

#include "hv/qemu/priv.h"

__attribute__((format(printf, 3, 4)))
static int name_it(struct arena *a, struct dom_info *info, const char *fmt, ...)
{
	char text[80];
	va_list ap;

	if (info->user_alias && !plan_blank(info->alias))
		return 0;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	info->alias = arena_strdup(a, text);
	return info->alias ? 0 : -ENOMEM;
}

static bool is_q35(const struct domain *d)
{
	const struct plan_machine *m = plan_machine_find(d->os.machine);

	return m && m->chipset == PLAN_CHIPSET_Q35;
}

static int name_disk(struct domain *d, struct dom_disk *disk, struct arena *a)
{
	const struct dom_address *addr = disk->info.address;
	const struct dom_controller *ctl;
	const char *bus = dom_disk_bus_names[disk->bus];

	if (disk->bus == DOM_DISK_BUS_VIRTIO || disk->bus == DOM_DISK_BUS_USB || !addr)
		return name_it(a, &disk->info, "%s-disk%d", bus, plan_target_index(disk->target));
	ctl = plan_find_controller(d, DOM_CONTROLLER_TYPE_SCSI, addr->controller);
	if (disk->bus == DOM_DISK_BUS_SCSI && ctl && plan_is(ctl->model, "virtio-scsi"))
		return name_it(a, &disk->info, "scsi%u-%u-%u-%u", addr->controller, addr->bus,
			       addr->target, addr->unit);
	return name_it(a, &disk->info, "%s%u-%u-%u", bus, addr->controller, addr->bus, addr->unit);
}

static int name_controller(const struct domain *d, struct dom_controller *ctl, struct arena *a)
{
	const char *word = dom_controller_type_names[ctl->type];
	bool q35 = is_q35(d);

	if (ctl->type == DOM_CONTROLLER_TYPE_PCI && plan_is(ctl->model, "pcie-root"))
		return name_it(a, &ctl->info, "pcie.%u", ctl->index);
	if (ctl->type == DOM_CONTROLLER_TYPE_PCI)
		return name_it(a, &ctl->info, "pci.%u", ctl->index);
	/* What the chipset brings has QEMU's name. */
	if (!ctl->index && (ctl->type == DOM_CONTROLLER_TYPE_IDE ||
			    (q35 && ctl->type == DOM_CONTROLLER_TYPE_SATA)))
		return name_it(a, &ctl->info, "ide");
	if (!ctl->index && ctl->type == DOM_CONTROLLER_TYPE_USB)
		return name_it(a, &ctl->info, "usb");
	return name_it(a, &ctl->info, "%s%u", word, ctl->index);
}

static int name_consoles(struct domain *d, struct arena *a)
{
	uint32_t next = 0;
	int r = 0;

	for (uint32_t i = 0; i < d->n_consoles && r >= 0; i++) {
		struct dom_chr *con = &d->consoles[i];

		if (plan_console_is_serial(d, i)) {
			con->info.alias = arena_strdup(a, d->serials[0].info.alias);
			con->info.user_alias = d->serials[0].info.user_alias;
			if (!con->info.alias)
				return -ENOMEM;
			next = 1;
			continue;
		}
		if (con->info.user_alias && !plan_blank(con->info.alias))
			continue;
		r = name_it(a, &con->info, "console%u", next++);
	}
	return r;
}

static int name_chardevs(struct dom_chr *list, uint32_t n, const char *word, struct arena *a)
{
	uint32_t next = 0;
	int r = 0;

	for (uint32_t i = 0; i < n && r >= 0; i++)
		if (!(list[i].info.user_alias && !plan_blank(list[i].info.alias)))
			r = name_it(a, &list[i].info, "%s%u", word, next++);
	return r;
}

static int name_rest(struct domain *d, struct arena *a)
{
	uint32_t next = 0;
	int r = 0;

	for (uint32_t i = 0; i < d->n_inputs && r >= 0; i++)
		r = name_it(a, &d->inputs[i].info, "input%u", i);
	for (uint32_t i = 0; i < d->n_videos && r >= 0; i++)
		r = name_it(a, &d->videos[i].info, "video%u", i);
	for (uint32_t i = 0; i < d->n_rngs && r >= 0; i++)
		if (!(d->rngs[i].info.user_alias && !plan_blank(d->rngs[i].info.alias)))
			r = name_it(a, &d->rngs[i].info, "rng%u", next++);
	for (uint32_t i = 0; i < d->n_watchdogs && r >= 0; i++)
		r = name_it(a, &d->watchdogs[i].info, "watchdog%u", i);
	for (uint32_t i = 0; i < d->n_panics && r >= 0; i++)
		r = name_it(a, &d->panics[i].info, "panic%u", i);
	for (uint32_t i = 0; i < d->n_tpms && r >= 0; i++)
		r = name_it(a, &d->tpms[i].info, "tpm%u", i);
	if (r >= 0 && d->balloon)
		r = name_it(a, &d->balloon->info, "balloon0");
	return r;
}

int plan_aliases(struct domain *d, struct arena *a)
{
	uint32_t next = 0;
	int r = 0;

	for (uint32_t i = 0; i < d->n_disks && r >= 0; i++)
		r = name_disk(d, &d->disks[i], a);
	for (uint32_t i = 0; i < d->n_controllers && r >= 0; i++)
		r = name_controller(d, &d->controllers[i], a);
	for (uint32_t i = 0; i < d->n_nets && r >= 0; i++)
		if (!(d->nets[i].info.user_alias && !plan_blank(d->nets[i].info.alias)))
			r = name_it(a, &d->nets[i].info, "net%u", next++);
	if (r >= 0)
		r = name_chardevs(d->serials, d->n_serials, "serial", a);
	if (r >= 0)
		r = name_chardevs(d->channels, d->n_channels, "channel", a);
	if (r >= 0)
		r = name_consoles(d, a);
	return r < 0 ? r : name_rest(d, a);
}
