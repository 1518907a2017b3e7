/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks: bus from the target's name, drive address from its letters, what is refused. */
#include "hv/qemu/priv.h"

static const struct {
	const char *prefix;
	enum dom_disk_bus bus;
} prefixes[] = {
	{ "vd", DOM_DISK_BUS_VIRTIO }, { "sd", DOM_DISK_BUS_SCSI },
	{ "hd", DOM_DISK_BUS_IDE },    { "fd", DOM_DISK_BUS_FDC },
};

int plan_target_index(const char *target)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		const char *p = target;

		if (!p || strncmp(p, prefixes[i].prefix, 2) != 0)
			continue;
		for (p += 2; *p >= 'a' && *p <= 'z' && n < 10000; p++)
			n = n * 26 + (unsigned)(*p - 'a') + 1;
		return *p || !n ? -1 : (int)n - 1;
	}
	return -1;
}

static enum dom_disk_bus bus_of_target(const char *target)
{
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (strncmp(target, prefixes[i].prefix, 2) == 0)
			return prefixes[i].bus;
	return DOM_DISK_BUS_UNSET;
}

/* How many units a controller of a bus has, for the addresses made from the target's letters. */
static const uint32_t units[] = {
	[DOM_DISK_BUS_SATA] = 6, [DOM_DISK_BUS_SCSI] = 7, [DOM_DISK_BUS_IDE] = 4,
	[DOM_DISK_BUS_FDC] = 2,
};

static int address_of_target(struct plan_ctx *c, struct dom_disk *disk)
{
	uint32_t index = (uint32_t)plan_target_index(disk->target);
	struct dom_address *addr;

	if (disk->info.address || disk->bus >= ARRAY_LEN(units) || !units[disk->bus])
		return 0;
	addr = plan_new_address(c->a, DOM_ADDRESS_TYPE_DRIVE);
	if (!addr)
		return plan_nomem(c);
	addr->controller = index / units[disk->bus];
	addr->unit = index % units[disk->bus];
	if (disk->bus == DOM_DISK_BUS_IDE) {
		addr->bus = addr->unit / 2;
		addr->unit %= 2;
	}
	disk->info.address = addr;
	return 0;
}

static int default_source(struct plan_ctx *c, struct dom_disk *disk)
{
	if (!disk->type)
		disk->type = DOM_DISK_SOURCE_TYPE_FILE;
	if (plan_blank(disk->path)) {
		disk->path = NULL;
		if (disk->device != DOM_DISK_DEVICE_CDROM && disk->device != DOM_DISK_DEVICE_FLOPPY)
			return plan_bad(c, "disk '%s' has no <source>", disk->target);
	} else if (disk->path[0] != '/') {
		return plan_bad(c, "disk '%s': source '%s' is not an absolute path", disk->target,
				disk->path);
	}
	/* Never probed: what is not said is raw. */
	if (!disk->format)
		disk->format = DOM_DISK_FORMAT_RAW;
	for (uint32_t i = 0; i < disk->n_backing; i++) {
		if (!disk->backing[i].type)
			disk->backing[i].type = DOM_DISK_SOURCE_TYPE_FILE;
		if (!disk->backing[i].format)
			return plan_bad(c, "disk '%s': <backingStore> %u has no <format>",
					disk->target, i + 1);
	}
	if (disk->format == DOM_DISK_FORMAT_RAW && disk->n_backing)
		return plan_refuse(c, "disk '%s' is raw and cannot have a <backingStore>",
				   disk->target);
	if (!plan_blank(disk->driver_name) && strcmp(disk->driver_name, "qemu") != 0)
		return plan_refuse(c, "disk '%s': driver name '%s' is not supported; use 'qemu'",
				   disk->target, disk->driver_name);
	return plan_default(c, &disk->driver_name, "qemu");
}

static int check_driver(struct plan_ctx *c, const struct dom_disk *disk)
{
	if (disk->io == DOM_DISK_IO_IO_URING)
		return plan_refuse(c, "disk '%s': io='io_uring' is not allowed inside the cage; "
				      "use 'threads' or 'native'", disk->target);
	if (disk->io == DOM_DISK_IO_NATIVE && disk->cache != DOM_DISK_CACHE_NONE &&
	    disk->cache != DOM_DISK_CACHE_DIRECTSYNC)
		return plan_refuse(c, "disk '%s': io='native' needs cache='none' or 'directsync'",
				   disk->target);
	if (disk->transient_disk)
		return plan_refuse(c, "disk '%s': <transient/> is not supported yet; leave it out",
				   disk->target);
	if (disk->tray == DOM_DISK_TRAY_OPEN && !plan_blank(disk->path))
		return plan_refuse(c, "disk '%s': tray='open' together with a <source> is not "
				      "supported; leave one of them out", disk->target);
	if (disk->queues && disk->bus != DOM_DISK_BUS_VIRTIO)
		return plan_refuse(c, "disk '%s': queues= is for bus 'virtio' only", disk->target);
	if (disk->rerror_policy == DOM_DISK_ERROR_POLICY_ENOSPACE)
		return plan_refuse(c, "disk '%s': rerror_policy 'enospace' is for writing only",
				   disk->target);
	for (const char *p = disk->serial; p && *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ .+",
			    *p))
			return plan_bad(c, "disk '%s': serial '%s' contains unsafe characters",
					disk->target, disk->serial);
	return 0;
}

static int check_device(struct plan_ctx *c, const struct dom_disk *disk)
{
	const char *bus = dom_disk_bus_names[disk->bus];

	if (disk->device == DOM_DISK_DEVICE_LUN)
		return plan_refuse(c, "disk '%s': device='lun' is not supported; use 'disk'",
				   disk->target);
	if ((disk->device == DOM_DISK_DEVICE_FLOPPY) != (disk->bus == DOM_DISK_BUS_FDC))
		return plan_refuse(c,
				   "disk '%s': a floppy goes with bus 'fdc', bus '%s' does not fit",
				   disk->target, bus);
	if (disk->device == DOM_DISK_DEVICE_CDROM && disk->bus == DOM_DISK_BUS_VIRTIO)
		return plan_refuse(c, "disk '%s': a cdrom cannot be on bus 'virtio'; use 'sata'",
				   disk->target);
	if (disk->bus == DOM_DISK_BUS_IDE && c->machine->chipset == PLAN_CHIPSET_Q35)
		return plan_refuse(
			c, "disk '%s': machine type '%s' has no IDE controller; use bus='sata'",
			disk->target, c->machine->name);
	if (disk->readonly && disk->device == DOM_DISK_DEVICE_DISK &&
	    (disk->bus == DOM_DISK_BUS_IDE || disk->bus == DOM_DISK_BUS_SATA))
		return plan_refuse(c, "disk '%s': bus '%s' has no read-only disks; use 'virtio'",
				   disk->target, bus);
	return 0;
}

static int one_disk(struct plan_ctx *c, struct dom_disk *disk)
{
	int r;

	if (plan_blank(disk->target))
		return plan_bad(c, "a disk has no <target dev=>");
	if (plan_target_index(disk->target) < 0)
		return plan_bad(c, "disk target '%s' is not of the form vda, sda, hda or fda",
				disk->target);
	if (!disk->device)
		disk->device = DOM_DISK_DEVICE_DISK;
	if (!disk->bus)
		disk->bus = disk->device == DOM_DISK_DEVICE_FLOPPY ? DOM_DISK_BUS_FDC :
								     bus_of_target(disk->target);
	if (disk->device == DOM_DISK_DEVICE_CDROM)
		disk->readonly = true;
	r = default_source(c, disk);
	if (r >= 0)
		r = check_device(c, disk);
	if (r >= 0)
		r = check_driver(c, disk);
	return r < 0 ? r : address_of_target(c, disk);
}

/* libvirt keeps the disks of one bus together and in the order of their targets. */
static int sort_disks(struct plan_ctx *c)
{
	struct domain *d = c->d;
	struct dom_disk *out = arena_calloc(c->a, (size_t)d->n_disks + 1, sizeof(*out));
	uint32_t n = 0;

	if (!out)
		return plan_nomem(c);
	for (uint32_t i = 0; i < d->n_disks; i++) {
		const struct dom_disk *disk = &d->disks[i];
		int index = plan_target_index(disk->target);
		uint32_t at = UINT32_MAX;

		for (uint32_t j = n; j-- > 0;) {
			if (out[j].bus != disk->bus)
				continue;
			if (plan_target_index(out[j].target) > index)
				at = j;
			else if (at == UINT32_MAX)
				at = j + 1;
		}
		if (at == UINT32_MAX)
			at = n;
		memmove(&out[at + 1], &out[at], (n - at) * sizeof(*out));
		out[at] = *disk;
		n++;
	}
	d->disks = out;
	return 0;
}

int plan_step_disks(struct plan_ctx *c)
{
	struct domain *d = c->d;
	uint32_t i;

	for (i = 0; i < d->n_disks; i++) {
		int r = one_disk(c, &d->disks[i]);

		if (r < 0)
			return r;
	}
	for (i = 1; i < d->n_disks; i++)
		if (d->disks[i].bus != d->disks[i - 1].bus ||
		    plan_target_index(d->disks[i].target) <
			    plan_target_index(d->disks[i - 1].target))
			return sort_disks(c);
	return 0;
}
