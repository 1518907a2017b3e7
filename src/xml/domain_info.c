/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <alias> and <address>: what every device carries. */
#include <errno.h>
#include <string.h>

#include "xml/domain_tables.h"

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

/*
 * The planner names devices itself. Only a name that starts with "ua-" is the
 * user's own and is kept; any other came out of a running guest's document.
 */
static int alias_parse(struct xml_binder *b, struct xml_node *node, void *obj)
{
	struct dom_info *info = obj;
	const char *name = xml_take_attr(node, "name");

	if (!name)
		return xml_refuse(b, node, "attribute 'name' is missing");
	if (strncmp(name, "ua-", 3) != 0)
		return 0;
	if (name[strspn(name, WORD_CHARS)] || strlen(name) > DOM_WORD_MAX)
		return xml_refuse(b, node, "'%.100s' may have letters, digits, '_' and '-' only, "
				  "and at most %d of them", name, DOM_WORD_MAX);
	info->alias = arena_strdup(b->arena, name);
	if (!info->alias)
		return err_set(b->err, -ENOMEM, ERR_NO_MEMORY,
			       "the document needs too much memory");
	info->user_alias = true;
	return 0;
}

static void alias_format(struct xml_binder *b, const void *obj)
{
	const struct dom_info *info = obj;

	if (!info->alias || !(b->live || info->user_alias))
		return;
	xml_open(b->w, "alias");
	xml_attr(b->w, "name", info->alias);
	xml_close(b->w);
}

static const struct xml_row alias_rows[] = {
	{ "alias", .kind = XML_HOOK, .parse = alias_parse, .format = alias_format },
};
const struct xml_table xml_alias_table = XML_TABLE(dom_info, alias_rows);

static bool is_pci(const void *obj)
{
	return ((const struct dom_address *)obj)->type == DOM_ADDRESS_TYPE_PCI;
}

static bool is_drive(const void *obj)
{
	return ((const struct dom_address *)obj)->type == DOM_ADDRESS_TYPE_DRIVE;
}

static bool is_usb(const void *obj)
{
	return ((const struct dom_address *)obj)->type == DOM_ADDRESS_TYPE_USB;
}

static bool is_virtio_serial(const void *obj)
{
	return ((const struct dom_address *)obj)->type == DOM_ADDRESS_TYPE_VIRTIO_SERIAL;
}

static bool port_ok(const char *s)
{
	return s[strspn(s, "0123456789.")] == '\0';
}

static bool number_ok(const char *s)
{
	return s[strspn(s, "0123456789")] == '\0' && strlen(s) < 10;
}

/* numbers of an address are printed when they are zero too */
#define PCI_ROW(attr, field, n, top) \
	{ attr, XML_F(dom_address, field), .kind = XML_HEX, .digits = (n), .max = (top), \
	  .flags = XML_EMPTY, .only_if = is_pci }
#define DRIVE_ROW(attr, field) \
	{ attr, XML_F(dom_address, field), .max = 65535, .flags = XML_EMPTY, .only_if = is_drive }
#define SERIAL_ROW(attr, field) \
	{ attr, XML_F(dom_address, field), .max = 65535, .flags = XML_EMPTY, \
	  .only_if = is_virtio_serial }

static const struct xml_row address_rows[] = {
	{ "@type", XML_F(dom_address, type), .flags = XML_REQUIRED },
	PCI_ROW("@domain", domain, 4, 0xffff),
	PCI_ROW("@bus", bus, 2, 0xff),
	PCI_ROW("@slot", slot, 2, 0x1f),
	PCI_ROW("@function", function, 1, 7),
	{ "@multifunction", XML_F(dom_address, multifunction), .only_if = is_pci },
	DRIVE_ROW("@controller", controller),
	DRIVE_ROW("@bus", bus),
	DRIVE_ROW("@target", target),
	DRIVE_ROW("@unit", unit),
	{ "@bus", XML_F(dom_address, bus), .max = 255, .flags = XML_EMPTY, .only_if = is_usb },
	{ "@port", XML_F(dom_address, port), .only_if = is_usb, .text_ok = port_ok,
	  .text_rule = "is not a USB port like '1' or '1.2'" },
	SERIAL_ROW("@controller", controller),
	SERIAL_ROW("@bus", bus),
	{ "@port", XML_F(dom_address, port), .only_if = is_virtio_serial, .text_ok = number_ok,
	  .text_rule = "is not a port number" },
};
const struct xml_table xml_address_table = XML_TABLE(dom_address, address_rows);
