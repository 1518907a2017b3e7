/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xml/bind.h"
#include "xml/bind_priv.h"
#include "xml/value.h"

/* What a row's path leads to in a document. */
struct place {
	struct xml_node *node;     /* carries the attribute or text; for messages always set */
	const char *label;         /* "attribute 'x'" or "text" is made from it */
	const char *value;         /* NULL: not there */
	struct xml_node *element;  /* the element itself, for paths that end in one */
};

static int refuse_memory(struct xml_binder *b)
{
	return err_set(b->err, -ENOMEM, ERR_NO_MEMORY, "the document needs too much memory");
}

/* Walk down `len` bytes of "a/b"; every element on the way is known to a row. */
static struct xml_node *walk(struct xml_node *node, const char *path, size_t len)
{
	while (node && len) {
		const char *slash = memchr(path, '/', len);
		size_t n = slash ? (size_t)(slash - path) : len;
		struct xml_node *child = node->first;

		while (child && (strncmp(child->name, path, n) != 0 || child->name[n]))
			child = child->next;
		if (child)
			child->used = true;
		node = child;
		path += slash ? n + 1 : n;
		len -= slash ? n + 1 : n;
	}
	return node;
}

static struct place locate(const struct xml_row *row, struct xml_node *node)
{
	struct xml_place split = xml_path_split(row->path);
	struct xml_node *parent = walk(node, row->path, split.parent_len);
	struct place p = { .node = parent ? parent : node, .label = split.last };
	struct xml_attr *attr;

	if (!parent)
		return p;
	if (*split.last == '@') {
		p.label++;
		attr = xml_node_attr(parent, p.label);
		if (attr) {
			attr->used = true;
			p.value = attr->value;
		}
		return p;
	}
	p.element = parent;
	if (strcmp(split.last, ".") != 0)
		p.element = xml_take_child(parent, split.last);
	if (p.element) {
		p.node = p.element;
		p.value = p.element->text ? p.element->text : "";
	}
	return p;
}

static int refuse_value(struct xml_binder *b, const struct place *p, const char *why)
{
	if (p->element)
		return xml_refuse(b, p->node, "'%.200s' %s", p->value, why);
	return xml_refuse(b, p->node, "attribute '%s': '%.200s' %s", p->label, p->value, why);
}

static int refuse_word(struct xml_binder *b, const struct place *p, const struct xdr_field *f)
{
	char words[320] = "";
	size_t len = 0;

	for (uint32_t i = 1; i <= f->max && len < sizeof(words); i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s",
					len ? ", " : "", xdr_field_word(f, i));
	if (p->element)
		return xml_unsupported(b, p->node, "'%.100s' is not supported; use one of: %s",
				       p->value, words);
	return xml_unsupported(b, p->node, "attribute '%s': '%.100s' is not supported; "
			       "use one of: %s", p->label, p->value, words);
}

static int parse_number(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			const struct xdr_field *f, void *out)
{
	static const uint64_t top[] = {
		[XDR_INT] = INT32_MAX, [XDR_UINT] = UINT32_MAX,
		[XDR_HYPER] = INT64_MAX, [XDR_UHYPER] = UINT64_MAX,
	};
	uint64_t max = row->max ? row->max : top[f->kind];
	bool is_signed = f->kind == XDR_INT || f->kind == XDR_HYPER;
	char why[128];
	uint64_t u = 0;
	int64_t i = 0;
	int ret;

	if (is_signed) {
		ret = xml_value_int(p->value, row->max ? (int64_t)row->min :
				    f->kind == XDR_INT ? INT32_MIN : INT64_MIN, (int64_t)max, &i);
		u = (uint64_t)i;
	} else {
		ret = xml_value_uint(p->value, row->kind == XML_HEX, row->min, max, &u);
	}
	if (ret == -EINVAL)
		return refuse_value(b, p, "is not a whole number");
	if (ret && is_signed && !row->max)
		return refuse_value(b, p, "is out of range");
	snprintf(why, sizeof(why), "is out of range, from %lld to %llu are allowed",
		 (long long)row->min, (unsigned long long)max);
	if (ret)
		return refuse_value(b, p, why);
	if (f->kind == XDR_INT || f->kind == XDR_UINT)
		*(uint32_t *)out = (uint32_t)u;
	else
		*(uint64_t *)out = u;
	return 0;
}

static int parse_string(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			const struct xdr_field *f, void *out)
{
	size_t len = strlen(p->value);
	char why[128];
	char *copy;

	/* an empty text means "not given", as libvirt has it */
	if (len == 0 && row->flags & XML_REQUIRED)
		return refuse_value(b, p, "is empty");
	if (len == 0 && !(row->flags & XML_EMPTY))
		return 0;
	if (len > f->max)
		return xml_refuse(b, p->node, "'%.40s...' has %zu bytes, at most %u are allowed",
				  p->value, len, f->max);
	if (row->text_ok && !row->text_ok(p->value)) {
		snprintf(why, sizeof(why), "%s", row->text_rule);
		return refuse_value(b, p, why);
	}
	copy = arena_strndup(b->arena, p->value, len);
	if (!copy)
		return refuse_memory(b);
	*(char **)out = copy;
	return 0;
}

static int parse_memory(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			uint64_t *out)
{
	const char *unit = xml_take_attr(p->node, "unit");
	uint64_t number, kib;
	int ret = xml_value_uint(p->value, false, 0, UINT64_MAX, &number);

	if (ret)
		return refuse_value(b, p, "is not a whole number");
	ret = xml_value_kib(number, unit, &kib);
	if (ret == -EINVAL)
		return xml_refuse(b, p->node, "unknown unit '%.40s'; use KiB, MiB or GiB", unit);
	if (ret || kib < row->min || (row->max && kib > row->max))
		return xml_refuse(b, p->node, "'%.40s' %s is out of range, from %llu to %llu KiB "
				  "are allowed", p->value, unit ? unit : "KiB",
				  (unsigned long long)row->min, (unsigned long long)row->max);
	*out = kib;
	return 0;
}

static int parse_raw(struct xml_binder *b, const struct place *p, const struct xdr_field *f,
		     char **out)
{
	const char *raw = p->element ? p->element->raw : NULL;
	size_t len = raw ? strlen(raw) : 0;

	if (xml_is_blank(raw))
		return 0;
	if (len > f->max)
		return xml_refuse(b, p->node, "the content has %zu bytes, at most %u are allowed",
				  len, f->max);
	*out = arena_strndup(b->arena, raw, len);
	return *out ? 0 : refuse_memory(b);
}

static int parse_enum(struct xml_binder *b, const struct place *p, const struct xdr_field *f,
		      uint32_t *out)
{
	uint32_t value = xdr_field_value(f, p->value);

	if (value == 0)
		return refuse_word(b, p, f);
	*out = value;
	return 0;
}

static int parse_octets(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			uint8_t *out)
{
	if (row->kind == XML_MAC) {
		if (xml_value_mac(p->value, out) < 0)
			return refuse_value(b, p, "is not a MAC address like 52:54:00:12:34:56");
		return 0;
	}
	if (xml_value_uuid(p->value, out) < 0)
		return refuse_value(b, p, "is not a UUID");
	return 0;
}

static int parse_scalar(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			const struct xdr_field *f, void *out)
{
	if (p->element)
		p->element->text_used = true;
	if (row->kind == XML_MAC || row->kind == XML_UUID)
		return parse_octets(b, row, p, out);
	if (row->kind == XML_MEMORY)
		return parse_memory(b, row, p, out);
	switch (f->kind) {
	case XDR_BOOL:
		if (p->element)
			p->element->text_used = false;   /* the element alone speaks */
		*(bool *)out = true;
		return 0;
	case XDR_ENUM:
		return parse_enum(b, p, f, out);
	case XDR_STRING:
	case XDR_OPT_STRING:
		return parse_string(b, row, p, f, out);
	default:
		return parse_number(b, row, p, f, out);
	}
}

static uint32_t count_children(struct xml_node *parent, const char *name)
{
	struct xml_node *child = NULL;
	uint32_t n = 0;

	while (parent && (child = xml_node_child(parent, name, child)))
		n++;
	return n;
}

/* <boot dev='hd'/>, <boot dev='cdrom'/>: a list of words, each in an element of its own */
static int parse_word_list(struct xml_binder *b, const struct xml_row *row, struct xml_node *node,
			   const struct xdr_field *f, char *base)
{
	struct xml_place split = xml_path_split(row->path);
	char name[32];
	struct xml_node *child = NULL;
	uint32_t n, i = 0, *list;
	int ret;

	snprintf(name, sizeof(name), "%.*s", (int)split.parent_len, row->path);
	n = count_children(node, name);
	if (n == 0)
		return 0;
	if (n > f->count)
		return xml_refuse(b, node, "%u times <%s>, at most %u are allowed", n, name,
				  f->count);
	list = arena_calloc(b->arena, n, sizeof(*list));
	if (!list)
		return refuse_memory(b);
	while ((child = xml_node_child(node, name, child))) {
		struct place p = { .node = child, .label = split.last + 1 };

		child->used = true;
		p.value = xml_take_attr(child, p.label);
		if (!p.value)
			return xml_refuse(b, child, "attribute '%s' is missing", p.label);
		ret = parse_enum(b, &p, f, &list[i++]);
		if (ret)
			return ret;
	}
	*(uint32_t **)(void *)(base + f->off) = list;
	*(uint32_t *)(void *)(base + f->count_off) = n;
	return 0;
}

static int parse_list(struct xml_binder *b, const struct xml_row *row, struct xml_node *node,
		      const struct xdr_field *f, char *base)
{
	struct xml_place split = xml_path_split(row->path);
	struct xml_node *parent = walk(node, row->path, split.parent_len), *child = NULL;
	uint32_t n = count_children(parent, split.last);
	char *list;
	int ret;

	if (n == 0)
		return 0;
	if (n > f->count)
		return xml_refuse(b, parent, "%u times <%s>, at most %u are allowed", n,
				  split.last, f->count);
	list = arena_calloc(b->arena, n, xdr_field_type(f)->size);
	if (!list)
		return refuse_memory(b);
	*(char **)(void *)(base + f->off) = list;
	*(uint32_t *)(void *)(base + f->count_off) = n;
	while ((child = xml_node_child(parent, split.last, child))) {
		child->used = true;
		ret = xml_bind_rows(b, row->sub, child, list);
		if (ret)
			return ret;
		list += xdr_field_type(f)->size;
	}
	return 0;
}

static int parse_struct(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			const struct xdr_field *f, char *base)
{
	void *out = base + f->off;

	if (f->kind == XDR_OPT_STRUCT) {
		void *made = arena_alloc(b->arena, xdr_field_type(f)->size);

		if (!made)
			return refuse_memory(b);
		*(void **)out = made;
		out = made;
	}
	return xml_bind_rows(b, row->sub, p->element, out);
}

/* A row with a field behind it. */
static int parse_field(struct xml_binder *b, const struct xml_row *row, const struct place *p,
		       const struct xdr_field *f, char *base, void *obj)
{
	if (row->kind == XML_RAW)
		return parse_raw(b, p, f, (char **)(void *)(base + f->off));
	if (f->kind == XDR_STRUCT || f->kind == XDR_OPT_STRUCT)
		return parse_struct(b, row, p, f, base);
	if (row->set_off)
		*((bool *)obj + row->set_off) = true;
	return parse_scalar(b, row, p, f, base + f->off);
}

/* A row whose value goes nowhere, or where only its hook knows. */
static int parse_fieldless(struct xml_binder *b, const struct xml_row *row, const struct place *p,
			   void *obj)
{
	bool dropped = row->mode == XML_OUT || row->mode == XML_RECOMPUTED;

	if (row->kind == XML_HOOK && !dropped)
		return row->parse(b, p->node, obj);
	if (p->element)
		p->element->text_used = true;
	if (row->kind == XML_CONST && strcmp(p->value, row->word) != 0)
		return xml_unsupported(b, p->node, "'%s' has to be '%s', not '%.200s'", p->label,
				       row->word, p->value);
	return 0;
}

static bool has_field(const struct xml_row *row)
{
	return row->kind != XML_NOTHING && row->kind != XML_CONST && row->kind != XML_HOOK &&
	       row->mode != XML_OUT && row->mode != XML_RECOMPUTED;
}

static int parse_row(struct xml_binder *b, const struct xml_table *table,
		     const struct xml_row *row, struct xml_node *node, void *obj)
{
	const struct xdr_field *f = NULL;
	char *base = obj;
	struct place p;

	if (row->only_if && !row->only_if(obj))
		return 0;
	if (has_field(row)) {
		f = xml_field_at(table->type, row->off, row->sub);
		if (!f)
			return err_set(b->err, -EINVAL, ERR_INTERNAL_ERROR,
				       "no field behind '%s'", row->path);
		/* f->off counts from the innermost struct, row->off from the outermost */
		base += row->off - f->off;
	}
	if (f && f->array == XDR_LIST)
		return f->kind == XDR_ENUM ? parse_word_list(b, row, node, f, base) :
			parse_list(b, row, node, f, base);
	p = locate(row, node);
	if (p.value)
		return f ? parse_field(b, row, &p, f, base, obj) :
			parse_fieldless(b, row, &p, obj);
	if (row->flags & XML_REQUIRED)
		return xml_refuse(b, p.node, "%s '%s' is missing",
				  strchr(row->path, '@') ? "attribute" : "element", row->path);
	return 0;
}

/* A decoder wants every non-optional string to be there, be it empty. */
static int fill_strings(struct xml_binder *b, const struct xdr_type *t, char *obj)
{
	for (uint32_t i = 0; i < t->n_fields; i++) {
		const struct xdr_field *f = &xdr_fields(t)[i];
		char **s = (char **)(void *)(obj + f->off);

		if (f->array != XDR_ONE)
			continue;
		if (f->kind == XDR_STRUCT && fill_strings(b, xdr_field_type(f), obj + f->off) < 0)
			return -ENOMEM;
		if (f->kind == XDR_STRING && !*s && !(*s = arena_strdup(b->arena, "")))
			return refuse_memory(b);
	}
	return 0;
}

int xml_bind_rows(struct xml_binder *b, const struct xml_table *table, struct xml_node *node,
		  void *obj)
{
	int ret;

	for (uint32_t i = 0; i < table->n_rows; i++) {
		ret = parse_row(b, table, &table->rows[i], node, obj);
		if (ret)
			return ret;
	}
	ret = fill_strings(b, table->type, obj);
	if (ret)
		return ret;
	return table->check ? table->check(b, node, obj) : 0;
}

static bool is_repeated(const struct xml_node *node)
{
	const struct xml_node *other = node->parent ? node->parent->first : node;

	for (; other != node; other = other->next)
		if (strcmp(other->name, node->name) == 0)
			return true;
	return false;
}

/* Nothing asked for is silently ignored: name the first thing that no row took. */
static int refuse_leftovers(struct xml_binder *b, const struct xml_node *node)
{
	int ret = 0;

	for (uint32_t i = 0; i < node->n_attrs; i++)
		if (!node->attrs[i].used)
			return xml_unsupported(b, node, "attribute '%.100s' is not supported here; "
					       "remove it", node->attrs[i].name);
	if (node->mixed || (!node->text_used && !xml_is_blank(node->text)))
		return xml_refuse(b, node, "text is not expected here; remove it");
	for (const struct xml_node *child = node->first; child && !ret; child = child->next) {
		if (child->used)
			ret = refuse_leftovers(b, child);
		else if (is_repeated(child))
			ret = xml_refuse(b, child, "the element is given more than once; "
					 "leave one");
		else
			ret = xml_unsupported(b, child, "the element is not supported; remove it");
	}
	return ret;
}

int xml_bind_parse(struct xml_binder *b, const struct xml_table *table, struct xml_node *node,
		   void *obj)
{
	int ret = xml_bind_rows(b, table, node, obj);

	node->used = true;
	return ret ? ret : refuse_leftovers(b, node);
}
