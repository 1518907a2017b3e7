/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <disk> with its backing chain, and <controller>. */
#include <errno.h>
#include <string.h>

#include "xml/domain_tables.h"

/* ---- <backingStore>: nested in XML, a list in the model ---- */
static bool image_is_file(const void *obj)
{
	return ((const struct dom_image *)obj)->type != DOM_DISK_SOURCE_TYPE_BLOCK;
}

static bool image_is_block(const void *obj)
{
	return ((const struct dom_image *)obj)->type == DOM_DISK_SOURCE_TYPE_BLOCK;
}

static const struct xml_row image_rows[] = {
	{ "@type", XML_F(dom_image, type), .flags = XML_REQUIRED },
	{ "@index", .kind = XML_NOTHING, .mode = XML_OUT },
	{ "format/@type", XML_F(dom_image, format), .flags = XML_REQUIRED },
	{ "source/@file", XML_F(dom_image, path), .flags = XML_REQUIRED,
	  .only_if = image_is_file },
	{ "source/@dev", XML_F(dom_image, path), .flags = XML_REQUIRED,
	  .only_if = image_is_block },
	{ "source/@index", .kind = XML_NOTHING, .mode = XML_OUT },
	{ "source/seclabel", XML_F(dom_image, seclabels), .sub = &xml_image_label_table },
};

static int image_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_image *i = obj;

	return xml_image_labels_check(b, node, i->seclabels, i->n_seclabels);
}

static const struct xml_table image_table = XML_TABLE(dom_image, image_rows, .check = image_check);

static int backing_parse(struct xml_binder *b, struct xml_node *node, void *obj)
{
	struct dom_disk *disk = obj;
	struct dom_image *list;
	struct xml_node *at;
	uint32_t n = 0;
	int ret;

	/* an element without a type ends the chain */
	for (at = node; at && xml_node_attr(at, "type"); at = xml_take_child(at, "backingStore"))
		n++;
	if (n > DOM_CHAIN_MAX)
		return xml_refuse(b, node, "%u images, at most %d are allowed", n, DOM_CHAIN_MAX);
	list = n ? arena_calloc(b->arena, n, sizeof(*list)) : NULL;
	if (n && !list)
		return err_set(b->err, -ENOMEM, ERR_NO_MEMORY,
			       "the document needs too much memory");
	at = node;
	for (uint32_t i = 0; i < n; i++) {
		ret = xml_bind_rows(b, &image_table, at, &list[i]);
		if (ret)
			return ret;
		at = xml_node_child(at, "backingStore", NULL);
	}
	disk->backing_given = true;
	disk->n_backing = n;
	disk->backing = list;
	return 0;
}

static void backing_format(struct xml_binder *b, const void *obj)
{
	const struct dom_disk *disk = obj;

	/* a chain that was found, not given, belongs to the running guest only */
	if (!disk->backing_given && !(b->live && disk->n_backing))
		return;
	for (uint32_t i = 0; i < disk->n_backing; i++) {
		xml_open(b->w, "backingStore");
		xml_touch(b->w);
		xml_bind_format(b, &image_table, &disk->backing[i]);
	}
	xml_open(b->w, "backingStore");
	xml_touch(b->w);
	for (uint32_t i = 0; i <= disk->n_backing; i++)
		xml_close(b->w);
}

/* ---- <disk> ---- */
static bool disk_is_file(const void *obj)
{
	return ((const struct dom_disk *)obj)->type != DOM_DISK_SOURCE_TYPE_BLOCK;
}

static bool disk_is_block(const void *obj)
{
	return ((const struct dom_disk *)obj)->type == DOM_DISK_SOURCE_TYPE_BLOCK;
}

static bool target_ok(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0' && strlen(s) < 32;
}

static const struct xml_row disk_rows[] = {
	{ "@type", XML_F(dom_disk, type) },
	{ "@device", XML_F(dom_disk, device) },
	{ "driver/@name", XML_F(dom_disk, driver_name) },
	{ "driver/@type", XML_F(dom_disk, format) },
	{ "driver/@cache", XML_F(dom_disk, cache) },
	{ "driver/@error_policy", XML_F(dom_disk, error_policy) },
	{ "driver/@rerror_policy", XML_F(dom_disk, rerror_policy) },
	{ "driver/@io", XML_F(dom_disk, io) },
	{ "driver/@discard", XML_F(dom_disk, discard) },
	{ "driver/@detect_zeroes", XML_F(dom_disk, detect_zeroes) },
	{ "driver/@queues", XML_F(dom_disk, queues), .min = 1, .max = 1024 },
	{ "source/@file", XML_F(dom_disk, path), .only_if = disk_is_file },
	{ "source/@dev", XML_F(dom_disk, path), .only_if = disk_is_block },
	{ "source/@index", .kind = XML_NOTHING, .mode = XML_OUT },
	{ "source/seclabel", XML_F(dom_disk, seclabels), .sub = &xml_image_label_table },
	{ "backingStore", .kind = XML_HOOK, .parse = backing_parse, .format = backing_format },
	{ "blockio/@logical_block_size", XML_F(dom_disk, logical_block), .min = 512,
	  .max = 65536 },
	{ "blockio/@physical_block_size", XML_F(dom_disk, physical_block), .min = 512,
	  .max = 65536 },
	{ "target/@dev", XML_F(dom_disk, target), .flags = XML_REQUIRED, .text_ok = target_ok,
	  .text_rule = "is not a name like 'vda'" },
	{ "target/@bus", XML_F(dom_disk, bus) },
	{ "target/@tray", XML_F(dom_disk, tray) },
	{ "readonly", XML_F(dom_disk, readonly) },
	{ "shareable", XML_F(dom_disk, shareable) },
	{ "transient", XML_F(dom_disk, transient_disk) },
	{ "serial", XML_F(dom_disk, serial) },
	XML_ROW_BOOT(dom_disk),
	XML_ROW_ALIAS(dom_disk),
	XML_ROW_ADDRESS(dom_disk),
};

static int disk_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_disk *d = obj;

	if (d->n_seclabels && !d->path)
		return xml_refuse(b, node, "a <seclabel> in <source> needs a file or device there");
	return xml_image_labels_check(b, node, d->seclabels, d->n_seclabels);
}

const struct xml_table xml_disk_table = XML_TABLE(dom_disk, disk_rows, .check = disk_check);

/* ---- <controller> ---- */
static bool controller_is_pci(const void *obj)
{
	return ((const struct dom_controller *)obj)->type == DOM_CONTROLLER_TYPE_PCI;
}

static bool controller_is_usb(const void *obj)
{
	return ((const struct dom_controller *)obj)->type == DOM_CONTROLLER_TYPE_USB;
}

static bool controller_is_serial(const void *obj)
{
	return ((const struct dom_controller *)obj)->type == DOM_CONTROLLER_TYPE_VIRTIO_SERIAL;
}

static bool controller_has_ports(const void *obj)
{
	return controller_is_usb(obj) || controller_is_serial(obj);
}

static const struct xml_row controller_rows[] = {
	{ "@type", XML_F(dom_controller, type), .flags = XML_REQUIRED },
	{ "@index", XML_F(dom_controller, index), XML_SET(dom_controller, index_set),
	  .max = 255 },
	{ "@model", XML_F(dom_controller, model) },
	{ "@ports", XML_F(dom_controller, ports), .min = 1, .max = 511,
	  .only_if = controller_has_ports },
	{ "@vectors", XML_F(dom_controller, vectors), .min = 1, .max = 2048,
	  .only_if = controller_is_serial },
	{ "model/@name", XML_F(dom_controller, pci_model_name), .only_if = controller_is_pci },
	{ "target/@chassisNr", XML_F(dom_controller, chassis_nr),
	  XML_SET(dom_controller, chassis_nr_set), .max = 255, .only_if = controller_is_pci },
	{ "target/@chassis", XML_F(dom_controller, chassis), XML_SET(dom_controller, chassis_set),
	  .max = 255, .only_if = controller_is_pci },
	{ "target/@port", XML_F(dom_controller, port), XML_SET(dom_controller, port_set),
	  .kind = XML_HEX, .max = 255, .only_if = controller_is_pci },
	XML_ROW_ALIAS(dom_controller),
	{ "master/@startport", XML_F(dom_controller, master_startport),
	  XML_SET(dom_controller, master_set), .max = 255, .only_if = controller_is_usb },
	XML_ROW_ADDRESS(dom_controller),
};
const struct xml_table xml_controller_table = XML_TABLE(dom_controller, controller_rows);
