/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An XML document as a tree in an arena.
 *
 * Strict and small on purpose: UTF-8 only, no DOCTYPE, hence no entities but
 * the five predefined ones, and a named limit on everything that costs time or
 * memory. Prefixed names stay as they were written ("a:b").
 */
#ifndef CORDON_XML_TREE_H
#define CORDON_XML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	XML_BYTES_MAX = 4 * 1024 * 1024,  /* a whole document */
	XML_DEPTH_MAX = 64,               /* elements inside each other */
	XML_NODES_MAX = 16384,            /* elements in a document */
	XML_ATTRS_MAX = 64,               /* attributes of one element */
	XML_ATTRS_TOTAL_MAX = 65536,      /* attributes in a document */
	XML_TEXT_MAX = 65536,             /* text of one element */
	XML_TOKEN_MAX = 131072,           /* one tag with its attributes, or one comment */
	XML_RAW_MAX = 1048576,            /* what is kept as it came, <metadata> */
};

struct xml_attr {
	const char *name;
	char *value;
	bool used;                 /* a binding row took it */
};

struct xml_node {
	const char *name;
	char *text;                /* character data of an element without children, else NULL */
	uint32_t n_attrs;
	uint32_t line;
	struct xml_attr *attrs;
	struct xml_node *parent, *first, *last, *next;
	char *raw;                 /* the bytes between the tags of the kept element */
	bool mixed;                /* text stands between child elements */
	bool used;                 /* a binding row knows the element */
	bool text_used;            /* a binding row took its text */
};

/*
 * Parse `len` bytes at `doc` into `a`. The content of the root's child named
 * `keep` (NULL: none) is checked, but not made into nodes: its bytes are in
 * ->raw. Returns 0 and the root; -EINVAL with ERR_XML_ERROR and the line for a
 * malformed document, -E2BIG with the limit's name, -ENOMEM.
 */
int xml_parse(const char *doc, size_t len, const char *keep, struct arena *a,
	      struct xml_node **ret_root, struct err *err) __attribute__((warn_unused_result));

/* The attribute of that name, or NULL. */
struct xml_attr *xml_node_attr(const struct xml_node *node, const char *name);

/* First child element of that name that starts after `prev` (NULL: from the start), or NULL. */
struct xml_node *xml_node_child(const struct xml_node *node, const char *name,
				const struct xml_node *prev);

/* "domain/devices/disk": where the node stands, for messages. Cut at `size`. */
void xml_node_path(const struct xml_node *node, char *out, size_t size);

/* True when `s` is NULL or has nothing but XML white space. */
bool xml_is_blank(const char *s);

#endif
