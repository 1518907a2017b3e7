/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xml/bind.h"

#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xml/bind_priv.h"

const struct xdr_field *xml_field_at(const struct xdr_type *t, uint32_t off,
				     const struct xml_table *sub)
{
	uint32_t i = 0;

	while (i < t->n_fields) {
		const struct xdr_field *f = &xdr_fields(t)[i++];

		if (f->kind == XDR_STRUCT && f->array == XDR_ONE && off >= f->off &&
		    off < f->off + xdr_field_type(f)->size) {
			/* a struct and its first member begin at the same place */
			if (sub && off == f->off && xdr_field_type(f) == sub->type)
				return f;
			off -= f->off;
			t = xdr_field_type(f);
			i = 0;
		} else if (f->off == off) {
			return f;
		}
	}
	return NULL;
}

const char *xml_take_attr(struct xml_node *node, const char *name)
{
	struct xml_attr *attr = xml_node_attr(node, name);

	if (!attr)
		return NULL;
	attr->used = true;
	return attr->value;
}

struct xml_node *xml_take_child(struct xml_node *node, const char *name)
{
	struct xml_node *child = xml_node_child(node, name, NULL);

	if (child)
		child->used = true;
	return child;
}

struct xml_place xml_path_split(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct xml_place place = { .path = path, .last = slash ? slash + 1 : path };

	place.parent_len = slash ? (size_t)(slash - path) : 0;
	return place;
}

__attribute__((format(printf, 5, 0)))
static int refuse(struct xml_binder *b, const struct xml_node *node, int ret, int code,
		  const char *fmt, va_list ap)
{
	char where[256], what[512];

	xml_node_path(node, where, sizeof(where));
	vsnprintf(what, sizeof(what), fmt, ap);
	/* what a stranger wrote may not break the lines of a log */
	for (char *c = what; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return err_set(b->err, ret, code, "%s: %s (line %u): %s",
		       code == ERR_XML_ERROR ? "XML error" : "unsupported configuration", where,
		       node->line, what);
}

int xml_refuse(struct xml_binder *b, const struct xml_node *node, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = refuse(b, node, -EINVAL, ERR_XML_ERROR, fmt, ap);
	va_end(ap);
	return ret;
}

int xml_unsupported(struct xml_binder *b, const struct xml_node *node, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = refuse(b, node, -ENOTSUP, ERR_CONFIG_UNSUPPORTED, fmt, ap);
	va_end(ap);
	return ret;
}
