/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <serial>, <console>, <channel>: the same source, each its own target. */
#include <string.h>

#include "xml/domain_tables.h"

static uint32_t source_of(const void *obj)
{
	return ((const struct dom_chr *)obj)->source;
}

static bool is_pty(const void *obj)
{
	return source_of(obj) == DOM_CHR_SOURCE_TYPE_PTY;
}

static bool is_file(const void *obj)
{
	return source_of(obj) == DOM_CHR_SOURCE_TYPE_FILE;
}

static bool is_unix(const void *obj)
{
	return source_of(obj) == DOM_CHR_SOURCE_TYPE_UNIX;
}

static bool is_virtio(const void *obj)
{
	const struct dom_chr *chr = obj;

	return chr->target_type && strcmp(chr->target_type, "virtio") == 0;
}

static const struct xml_row unix_rows[] = {
	{ "@mode", XML_F(dom_chr, mode) },
	{ "@path", XML_F(dom_chr, path) },
};
static const struct xml_table unix_table = XML_TABLE(dom_chr, unix_rows);

static int unix_parse(struct xml_binder *b, struct xml_node *node, void *obj)
{
	struct dom_chr *chr = obj;
	int ret = xml_bind_rows(b, &unix_table, node, obj);

	chr->path_given = chr->path != NULL;
	return ret;
}

/* Where a socket that nobody asked for lies is the instance's own business. */
static void unix_format(struct xml_binder *b, const void *obj)
{
	const struct dom_chr *chr = obj;

	if (!chr->path_given)
		return;
	xml_open(b->w, "source");
	xml_bind_format(b, &unix_table, obj);
	xml_close(b->w);
}

#define SOURCE_ROWS \
	{ "source/@path", XML_F(dom_chr, path), .mode = XML_OUT, .flags = XML_LIVE, \
	  .only_if = is_pty }, \
	{ "source", .kind = XML_HOOK, .parse = unix_parse, .format = unix_format, \
	  .only_if = is_unix }, \
	{ "source/@path", XML_F(dom_chr, path), XML_SET(dom_chr, path_given), \
	  .flags = XML_REQUIRED, .only_if = is_file }, \
	{ "source/@append", XML_F(dom_chr, append), .only_if = is_file }, \
	{ "log/@file", XML_F(dom_chr, log_file) }, \
	{ "log/@append", XML_F(dom_chr, log_append) }

static const struct xml_row serial_rows[] = {
	{ "@type", XML_F(dom_chr, source), .flags = XML_REQUIRED },
	{ "@tty", .kind = XML_NOTHING, .mode = XML_OUT },
	SOURCE_ROWS,
	{ "target/@type", XML_F(dom_chr, target_type) },
	{ "target/@port", XML_F(dom_chr, target_port), XML_SET(dom_chr, target_port_set),
	  .max = 255 },
	{ "target/model/@name", XML_F(dom_chr, target_model) },
	XML_ROW_ALIAS(dom_chr),
	XML_ROW_ADDRESS(dom_chr),
};
const struct xml_table xml_serial_table = XML_TABLE(dom_chr, serial_rows);

static const struct xml_row console_rows[] = {
	{ "@type", XML_F(dom_chr, source), .flags = XML_REQUIRED },
	{ "@tty", XML_F(dom_chr, path), .mode = XML_OUT, .flags = XML_LIVE, .only_if = is_pty },
	SOURCE_ROWS,
	{ "target/@type", XML_F(dom_chr, target_type) },
	{ "target/@port", XML_F(dom_chr, target_port), XML_SET(dom_chr, target_port_set),
	  .max = 255 },
	XML_ROW_ALIAS(dom_chr),
	XML_ROW_ADDRESS(dom_chr),
};
const struct xml_table xml_console_table = XML_TABLE(dom_chr, console_rows);

static const struct xml_row channel_rows[] = {
	{ "@type", XML_F(dom_chr, source), .flags = XML_REQUIRED },
	SOURCE_ROWS,
	{ "target/@type", XML_F(dom_chr, target_type), .flags = XML_REQUIRED },
	{ "target/@name", XML_F(dom_chr, target_name), .only_if = is_virtio },
	{ "target/@state", XML_F(dom_chr, target_state), .mode = XML_OUT, .flags = XML_LIVE,
	  .only_if = is_virtio },
	XML_ROW_ALIAS(dom_chr),
	XML_ROW_ADDRESS(dom_chr),
};

static int channel_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_chr *chr = obj;

	if (!is_virtio(obj))
		return xml_unsupported(b, node, "target type '%.40s' is not supported; "
				       "use 'virtio'", chr->target_type);
	if (chr->source == DOM_CHR_SOURCE_TYPE_SPICEVMC)
		return xml_unsupported(b, node, "type 'spicevmc' is not supported, as there is "
				       "no SPICE; remove the channel");
	return 0;
}

const struct xml_table xml_channel_table = XML_TABLE(dom_chr, channel_rows,
						     .check = channel_check);
