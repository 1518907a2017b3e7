/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images as block nodes over descriptors, and the disks that show them to the guest. */
#include "hv/qemu/argv.h"

uint32_t plan_node_index(const struct domain *d, uint32_t index, uint32_t depth)
{
	uint32_t n = 1 + depth;

	for (uint32_t i = index + 1; i < d->n_disks; i++)
		n += 1 + d->disks[i].n_backing;
	return n;
}

/* ---- descriptors ---- */

/* One set per descriptor; the set has the descriptor's number. */
static void add_fd(struct out *o, enum guest_fd_kind kind, uint32_t index, uint32_t depth,
		   const char *what)
{
	int fd = out_fd(o, kind, index, depth, what);

	out_arg(o, "-add-fd");
	out_argf(o, "fd=%d,set=%d", fd, fd);
}

void argv_fdsets(struct out *o)
{
	const struct domain *d = o->d;

	for (uint32_t i = 0; i < d->n_disks; i++) {
		if (!d->disks[i].path)
			continue;
		for (uint32_t depth = 0; depth <= d->disks[i].n_backing; depth++)
			add_fd(o, GUEST_FD_KIND_IMAGE, i, depth, d->disks[i].target);
	}
	if (d->os.loader && d->os.loader->type == DOM_LOADER_TYPE_PFLASH) {
		add_fd(o, GUEST_FD_KIND_LOADER, 0, 0, "the firmware");
		add_fd(o, GUEST_FD_KIND_NVRAM, 0, 0, "the firmware's variables");
	}
}

/* ---- nodes ---- */

struct image {
	uint32_t disk, depth;
	enum dom_disk_source_type type;
	enum dom_disk_format format;
	bool readonly;
};

static void put_cache(struct out *o, const struct dom_disk *disk)
{
	if (!disk->cache)
		return;
	out_open(o, "cache");
	out_bool(o, "direct", disk->cache == DOM_DISK_CACHE_NONE ||
				      disk->cache == DOM_DISK_CACHE_DIRECTSYNC);
	out_bool(o, "no-flush", disk->cache == DOM_DISK_CACHE_UNSAFE);
	out_shut(o);
}

/*
 * The file. "auto-read-only" would open it read-only first and again when a
 * writer comes; the set has one descriptor, opened for what the disk needs.
 */
static void put_storage(struct out *o, const struct dom_disk *disk, const struct image *img,
			uint32_t node)
{
	int fd = out_fd(o, GUEST_FD_KIND_IMAGE, img->disk, img->depth, disk->target);

	out_object(o, "-blockdev");
	out_str(o, "driver", img->type == DOM_DISK_SOURCE_TYPE_BLOCK ? "host_device" : "file");
	out_strf(o, "filename", "/dev/fdset/%d", fd);
	if (disk->io)
		out_str(o, "aio", dom_disk_io_names[disk->io]);
	out_strf(o, "node-name", "libvirt-%u-storage", node);
	put_cache(o, disk);
	out_bool(o, "read-only", img->readonly);
	out_bool(o, "auto-read-only", false);
	out_str(o, "discard", "unmap");
	out_close(o);
}

static void put_format(struct out *o, const struct dom_disk *disk, const struct image *img,
		       uint32_t node)
{
	bool unmap = disk->discard == DOM_DISK_DISCARD_UNMAP;

	out_object(o, "-blockdev");
	out_strf(o, "node-name", "libvirt-%u-format", node);
	out_bool(o, "read-only", img->readonly);
	if (!img->depth && disk->discard)
		out_str(o, "discard", dom_disk_discard_names[disk->discard]);
	if (!img->depth && disk->detect_zeroes)
		/* QEMU takes "unmap" only where unmapping is allowed at all. */
		out_str(o, "detect-zeroes",
			disk->detect_zeroes == DOM_DISK_DETECT_ZEROES_UNMAP && !unmap ?
				"on" : dom_disk_detect_zeroes_names[disk->detect_zeroes]);
	put_cache(o, disk);
	out_str(o, "driver", dom_disk_format_names[img->format]);
	out_strf(o, "file", "libvirt-%u-storage", node);
	/* Always said: QEMU never follows a name written inside an image. */
	if (img->format != DOM_DISK_FORMAT_RAW) {
		if (img->depth < disk->n_backing)
			out_strf(o, "backing", "libvirt-%u-format", node + 1);
		else
			out_null(o, "backing");
	}
	out_close(o);
}

static void put_nodes(struct out *o, uint32_t index)
{
	const struct dom_disk *disk = &o->d->disks[index];

	for (uint32_t depth = disk->n_backing + 1; depth-- > 0;) {
		struct image img = { index, depth, disk->type, disk->format, disk->readonly };
		uint32_t node = plan_node_index(o->d, index, depth);

		if (depth) {
			img.type = disk->backing[depth - 1].type;
			img.format = disk->backing[depth - 1].format;
			img.readonly = true;
		}
		put_storage(o, disk, &img, node);
		put_format(o, disk, &img, node);
	}
}

/* ---- disks ---- */

static void put_errors(struct out *o, const struct dom_disk *disk)
{
	static const char *const words[] = {
		[DOM_DISK_ERROR_POLICY_STOP] = "stop",
		[DOM_DISK_ERROR_POLICY_REPORT] = "report",
		[DOM_DISK_ERROR_POLICY_IGNORE] = "ignore",
		[DOM_DISK_ERROR_POLICY_ENOSPACE] = "enospc",
	};

	if (disk->error_policy)
		out_str(o, "werror", words[disk->error_policy]);
	if (disk->rerror_policy)
		out_str(o, "rerror", words[disk->rerror_policy]);
	else if (disk->error_policy == DOM_DISK_ERROR_POLICY_ENOSPACE)
		out_str(o, "rerror", "report");
}

static const char *driver_of(const struct dom_disk *disk)
{
	bool cd = disk->device == DOM_DISK_DEVICE_CDROM;

	switch (disk->bus) {
	case DOM_DISK_BUS_VIRTIO:
		return "virtio-blk-pci";
	case DOM_DISK_BUS_SCSI:
		return cd ? "scsi-cd" : "scsi-hd";
	case DOM_DISK_BUS_USB:
		return "usb-storage";
	case DOM_DISK_BUS_FDC:
		return "floppy";
	default:
		return cd ? "ide-cd" : "ide-hd";
	}
}

static void put_scsi_place(struct out *o, const struct dom_disk *disk, const char *controller)
{
	const struct dom_address *a = disk->info.address;
	const struct dom_controller *ctl =
		plan_find_controller(o->d, DOM_CONTROLLER_TYPE_SCSI, a->controller);

	out_strf(o, "bus", "%s.0", controller);
	if (ctl && plan_is(ctl->model, "virtio-scsi")) {
		out_num(o, "channel", 0);
		out_num(o, "scsi-id", a->target);
		out_num(o, "lun", a->unit);
		out_strf(o, "device_id", "drive-scsi%u-%u-%u-%u", a->controller, a->bus, a->target,
			 a->unit);
	} else {
		out_num(o, "scsi-id", a->unit);
		out_strf(o, "device_id", "drive-scsi%u-%u-%u", a->controller, a->bus, a->unit);
	}
}

static void put_drive_place(struct out *o, const struct dom_disk *disk)
{
	static const enum dom_controller_type types[] = {
		[DOM_DISK_BUS_SATA] = DOM_CONTROLLER_TYPE_SATA,
		[DOM_DISK_BUS_IDE] = DOM_CONTROLLER_TYPE_IDE,
		[DOM_DISK_BUS_SCSI] = DOM_CONTROLLER_TYPE_SCSI,
		[DOM_DISK_BUS_FDC] = DOM_CONTROLLER_TYPE_FDC,
	};
	const struct dom_address *a = disk->info.address;
	const struct dom_controller *ctl =
		a ? plan_find_controller(o->d, types[disk->bus], a->controller) : NULL;

	if (!ctl || plan_blank(ctl->info.alias)) {
		out_refuse(o, "disk '%s' has no controller", disk->target);
		return;
	}
	if (disk->bus == DOM_DISK_BUS_SCSI) {
		put_scsi_place(o, disk, ctl->info.alias);
	} else if (disk->bus == DOM_DISK_BUS_SATA) {
		out_strf(o, "bus", "%s.%u", ctl->info.alias, a->unit);
	} else {
		if (disk->bus == DOM_DISK_BUS_IDE)
			out_strf(o, "bus", "%s.%u", ctl->info.alias, a->bus);
		else if (o->machine->chipset == PLAN_CHIPSET_Q35)
			out_strf(o, "bus", "%s.0", ctl->info.alias);
		out_num(o, "unit", a->unit);
	}
}

static void put_disk(struct out *o, uint32_t index, uint32_t boot_index)
{
	const struct dom_disk *disk = &o->d->disks[index];

	out_device(o, driver_of(disk), &disk->info);
	if (disk->queues)
		out_num(o, "num-queues", disk->queues);
	if (disk->bus == DOM_DISK_BUS_VIRTIO)
		out_pci(o, &disk->info);
	else if (disk->bus == DOM_DISK_BUS_USB)
		out_usb(o, &disk->info);
	else
		put_drive_place(o, disk);
	if (disk->shareable)
		out_bool(o, "share-rw", true);
	if (disk->path)
		out_strf(o, "drive", "libvirt-%u-format", plan_node_index(o->d, index, 0));
	if (boot_index)
		out_num(o, "bootindex", boot_index);
	if (disk->bus == DOM_DISK_BUS_USB)
		out_bool(o, "removable", false);
	if (disk->logical_block)
		out_num(o, "logical_block_size", disk->logical_block);
	if (disk->physical_block)
		out_num(o, "physical_block_size", disk->physical_block);
	if (disk->cache)
		out_str(o, "write-cache", disk->cache == DOM_DISK_CACHE_WRITETHROUGH ||
						  disk->cache == DOM_DISK_CACHE_DIRECTSYNC ?
						  "off" : "on");
	if (!plan_blank(disk->serial))
		out_str(o, "serial", disk->serial);
	put_errors(o, disk);
	out_close(o);
}

void argv_disks(struct out *o)
{
	static const enum dom_boot_dev boot_of[] = {
		[DOM_DISK_DEVICE_DISK] = DOM_BOOT_DEV_HD,
		[DOM_DISK_DEVICE_CDROM] = DOM_BOOT_DEV_CDROM,
		[DOM_DISK_DEVICE_FLOPPY] = DOM_BOOT_DEV_FD,
		[DOM_DISK_DEVICE_LUN] = DOM_BOOT_DEV_HD,
	};
	bool seen[DOM_BOOT_DEV_MAX + 1] = { false };

	for (uint32_t i = 0; i < o->d->n_disks && !o->error; i++) {
		const struct dom_disk *disk = &o->d->disks[i];
		enum dom_boot_dev boot = boot_of[disk->device];

		if (disk->path)
			put_nodes(o, i);
		put_disk(o, i, out_boot_index(o, boot, &disk->info, !seen[boot]));
		seen[boot] = true;
	}
}

/* ---- firmware ---- */

static void put_flash(struct out *o, unsigned n, enum guest_fd_kind kind, bool readonly)
{
	int fd = out_fd(o, kind, 0, 0, "the firmware");

	out_object(o, "-blockdev");
	out_str(o, "driver", "file");
	out_strf(o, "filename", "/dev/fdset/%d", fd);
	out_strf(o, "node-name", "libvirt-pflash%u-storage", n);
	out_bool(o, "read-only", readonly);
	out_bool(o, "auto-read-only", false);
	out_str(o, "discard", "unmap");
	out_close(o);
	out_object(o, "-blockdev");
	out_strf(o, "node-name", "libvirt-pflash%u-format", n);
	out_bool(o, "read-only", readonly);
	out_str(o, "driver", "raw");
	out_strf(o, "file", "libvirt-pflash%u-storage", n);
	out_close(o);
}

void argv_firmware(struct out *o)
{
	const struct dom_loader *loader = o->d->os.loader;
	const struct plan_firmware *fw;

	if (!loader || loader->type != DOM_LOADER_TYPE_PFLASH)
		return;
	fw = plan_firmware_by_code(loader->path);
	if (loader->secure == DOM_YESNO_YES || (fw && fw->secure)) {
		out_arg(o, "-global");
		out_arg(o, "driver=cfi.pflash01,property=secure,value=on");
	}
	put_flash(o, 0, GUEST_FD_KIND_LOADER, true);
	put_flash(o, 1, GUEST_FD_KIND_NVRAM, false);
}
