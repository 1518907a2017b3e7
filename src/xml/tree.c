/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xml/tree.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

/* Fed in pieces, so that expat's own copy of an oversized tag stays small too. */
enum { XML_PIECE = 16384 };

struct tree_parser {
	XML_Parser expat;
	struct arena *arena;
	struct err *err;
	int ret;                   /* first refusal */
	const char *doc;
	const char *keep;
	struct xml_node *root;
	struct xml_node *at;       /* innermost open element */
	struct buf text;           /* character data since the last tag */
	uint32_t depth;
	uint32_t keep_depth;       /* depth of the kept element while inside, else 0 */
	size_t keep_start;
	uint32_t n_nodes;
	uint32_t n_attrs;
};

bool xml_is_blank(const char *s)
{
	return !s || s[strspn(s, " \t\r\n")] == '\0';
}

struct xml_attr *xml_node_attr(const struct xml_node *node, const char *name)
{
	for (uint32_t i = 0; i < node->n_attrs; i++)
		if (strcmp(node->attrs[i].name, name) == 0)
			return &node->attrs[i];
	return NULL;
}

struct xml_node *xml_node_child(const struct xml_node *node, const char *name,
				const struct xml_node *prev)
{
	struct xml_node *child = prev ? prev->next : node->first;

	while (child && strcmp(child->name, name) != 0)
		child = child->next;
	return child;
}

void xml_node_path(const struct xml_node *node, char *out, size_t size)
{
	size_t len = 0;

	if (node->parent)
		xml_node_path(node->parent, out, size);
	else
		out[0] = '\0';
	len = strlen(out);
	snprintf(out + len, size - len, "%s%s", len ? "/" : "", node->name);
}

static void parser_refuse(struct tree_parser *p, int ret, const char *what)
{
	if (p->ret)
		return;
	p->ret = err_set(p->err, ret, ERR_XML_ERROR, "XML error: line %lu: %s",
			 (unsigned long)XML_GetCurrentLineNumber(p->expat), what);
	XML_StopParser(p->expat, XML_FALSE);
}

static void parser_refuse_limit(struct tree_parser *p, const char *what, const char *limit,
				unsigned long value)
{
	if (p->ret)
		return;
	p->ret = err_set(p->err, -E2BIG, ERR_XML_ERROR, "XML error: line %lu: %s (%s is %lu)",
			 (unsigned long)XML_GetCurrentLineNumber(p->expat), what, limit, value);
	XML_StopParser(p->expat, XML_FALSE);
}

static int parser_copy_attrs(struct tree_parser *p, struct xml_node *node, const char **attrs,
			     uint32_t n)
{
	if (n == 0)
		return 0;
	node->attrs = arena_calloc(p->arena, n, sizeof(*node->attrs));
	if (!node->attrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		node->attrs[i].name = arena_strdup(p->arena, attrs[2 * (size_t)i]);
		node->attrs[i].value = arena_strdup(p->arena, attrs[2 * (size_t)i + 1]);
		if (!node->attrs[i].name || !node->attrs[i].value)
			return -ENOMEM;
	}
	node->n_attrs = n;
	return 0;
}

static struct xml_node *parser_add_node(struct tree_parser *p, const char *name)
{
	struct xml_node *node = arena_alloc(p->arena, sizeof(*node));

	if (!node)
		return NULL;
	node->name = arena_strdup(p->arena, name);
	if (!node->name)
		return NULL;
	node->line = (uint32_t)XML_GetCurrentLineNumber(p->expat);
	node->parent = p->at;
	if (!p->at)
		p->root = node;
	else if (p->at->last)
		p->at->last = p->at->last->next = node;
	else
		p->at->first = p->at->last = node;
	return node;
}

static void parser_take_gap(struct tree_parser *p)
{
	if (p->at && !xml_is_blank(buf_str(&p->text)))
		p->at->mixed = true;
	buf_reset(&p->text);
}

/* Where the tag that expat reports just now ends. */
static size_t parser_tag_end(const struct tree_parser *p)
{
	return (size_t)XML_GetCurrentByteIndex(p->expat) +
	       (size_t)XML_GetCurrentByteCount(p->expat);
}

static void on_start(void *data, const char *name, const char **attrs)
{
	struct tree_parser *p = data;
	struct xml_node *node;
	uint32_t n = 0;

	if (p->ret)
		return;
	while (attrs[2 * (size_t)n])
		n++;
	p->n_attrs += n;
	if (++p->depth > XML_DEPTH_MAX)
		return parser_refuse_limit(p, "elements are nested too deeply", "XML_DEPTH_MAX",
					   XML_DEPTH_MAX);
	if (++p->n_nodes > XML_NODES_MAX)
		return parser_refuse_limit(p, "too many elements", "XML_NODES_MAX", XML_NODES_MAX);
	if (n > XML_ATTRS_MAX)
		return parser_refuse_limit(p, "too many attributes in one element",
					   "XML_ATTRS_MAX", XML_ATTRS_MAX);
	if (p->n_attrs > XML_ATTRS_TOTAL_MAX)
		return parser_refuse_limit(p, "too many attributes", "XML_ATTRS_TOTAL_MAX",
					   XML_ATTRS_TOTAL_MAX);
	if (p->keep_depth)
		return;
	parser_take_gap(p);
	node = parser_add_node(p, name);
	if (!node || parser_copy_attrs(p, node, attrs, n) < 0)
		return parser_refuse(p, -ENOMEM, "the document needs too much memory");
	p->at = node;
	if (p->keep && p->depth == 2 && strcmp(name, p->keep) == 0) {
		p->keep_depth = p->depth;
		p->keep_start = parser_tag_end(p);
	}
}

static void on_end(void *data, const char *name)
{
	struct tree_parser *p = data;
	struct xml_node *node = p->at;
	size_t end;

	(void)name;
	if (p->ret)
		return;
	if (p->keep_depth && p->depth-- > p->keep_depth)
		return;
	if (p->keep_depth) {
		/* for <metadata/> start and end are reported at the same place */
		end = (size_t)XML_GetCurrentByteIndex(p->expat);
		p->keep_depth = 0;
		if (end < p->keep_start)
			end = p->keep_start;
		node->raw = arena_strndup(p->arena, p->doc + p->keep_start, end - p->keep_start);
		if (!node->raw)
			return parser_refuse(p, -ENOMEM, "the document needs too much memory");
	} else {
		p->depth--;
		if (node->first) {
			parser_take_gap(p);
		} else if (p->text.len) {
			node->text = arena_strndup(p->arena, buf_str(&p->text), p->text.len);
			if (!node->text)
				return parser_refuse(p, -ENOMEM,
						     "the document needs too much memory");
		}
	}
	buf_reset(&p->text);
	p->at = node->parent;
}

static void on_text(void *data, const char *s, int len)
{
	struct tree_parser *p = data;

	if (p->ret)
		return;
	if (p->keep_depth) {
		if ((size_t)XML_GetCurrentByteIndex(p->expat) - p->keep_start > XML_RAW_MAX)
			parser_refuse_limit(p, "the content of <metadata> is too long",
					    "XML_RAW_MAX", XML_RAW_MAX);
		return;
	}
	buf_put(&p->text, s, (size_t)len);
	if (p->text.error == -E2BIG)
		parser_refuse_limit(p, "the text of an element is too long", "XML_TEXT_MAX",
				    XML_TEXT_MAX);
	else if (p->text.error)
		parser_refuse(p, -ENOMEM, "no memory");
}

static void on_doctype(void *data, const char *name, const char *sysid, const char *pubid,
		       int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	parser_refuse(data, -EINVAL, "a DOCTYPE is not accepted; remove it");
}

static void on_declaration(void *data, const char *version, const char *encoding, int standalone)
{
	(void)version;
	(void)standalone;
	if (encoding && strcasecmp(encoding, "utf-8") != 0 && strcasecmp(encoding, "us-ascii") != 0)
		parser_refuse(data, -EINVAL, "only the encoding UTF-8 is accepted");
}

static int parser_feed(struct tree_parser *p, size_t len)
{
	size_t fed = 0;

	while (fed < len && !p->ret) {
		size_t n = len - fed < XML_PIECE ? len - fed : XML_PIECE;
		long at;

		if (XML_Parse(p->expat, p->doc + fed, (int)n, fed + n == len) != XML_STATUS_OK)
			break;
		fed += n;
		at = (long)XML_GetCurrentByteIndex(p->expat);
		if (fed < len && at >= 0 && fed - (size_t)at > XML_TOKEN_MAX)
			parser_refuse_limit(p, "a single tag or comment is too long",
					    "XML_TOKEN_MAX", XML_TOKEN_MAX);
		if (p->keep_depth && fed - p->keep_start > XML_RAW_MAX + XML_TOKEN_MAX)
			parser_refuse_limit(p, "the content of <metadata> is too long",
					    "XML_RAW_MAX", XML_RAW_MAX);
	}
	if (p->ret)
		return p->ret;
	if (fed < len || !p->root || p->depth)
		return err_set(p->err, -EINVAL, ERR_XML_ERROR, "XML error: line %lu: %s",
			       (unsigned long)XML_GetCurrentLineNumber(p->expat),
			       XML_ErrorString(XML_GetErrorCode(p->expat)));
	return 0;
}

int xml_parse(const char *doc, size_t len, const char *keep, struct arena *a,
	      struct xml_node **ret_root, struct err *err)
{
	struct tree_parser p = { .arena = a, .err = err, .doc = doc, .keep = keep };
	int ret;

	if (len == 0)
		return err_set(err, -EINVAL, ERR_XML_ERROR, "XML error: the document is empty");
	if (len > XML_BYTES_MAX)
		return err_set(err, -E2BIG, ERR_XML_ERROR,
			       "XML error: the document has %zu bytes (XML_BYTES_MAX is %d)", len,
			       XML_BYTES_MAX);
	/* naming the encoding here makes expat ignore what the document claims */
	p.expat = XML_ParserCreate("UTF-8");
	if (!p.expat)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "no memory for an XML parser");
	buf_init(&p.text, XML_TEXT_MAX);
	XML_SetUserData(p.expat, &p);
	XML_SetElementHandler(p.expat, on_start, on_end);
	XML_SetCharacterDataHandler(p.expat, on_text);
	XML_SetStartDoctypeDeclHandler(p.expat, on_doctype);
	XML_SetXmlDeclHandler(p.expat, on_declaration);
	ret = parser_feed(&p, len);
	XML_ParserFree(p.expat);
	buf_free(&p.text);
	if (ret)
		return ret;
	*ret_root = p.root;
	return 0;
}
