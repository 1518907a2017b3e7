/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Declarative bindings between XML and a model struct.
 *
 * One row says where a field stands in the XML and in the struct; parsing,
 * formatting, refusal of what nobody asked to support, and the round trip all
 * come from the same rows. What a field is (string and its bound, number,
 * enum and its words, list and its ceiling) is read from the generated type
 * table of the struct, so that nothing is said twice.
 */
#ifndef CORDON_XML_BIND_H
#define CORDON_XML_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xdr.h"
#include "xml/tree.h"
#include "xml/writer.h"

enum xml_kind {
	XML_AUTO,      /* what the field's type says; a bool is an element that is there or not */
	XML_NOTHING,   /* no field: accepted and dropped (mode XML_OUT) or only a known container */
	XML_HEX,       /* unsigned, printed as 0x%0*x with `digits` digits */
	XML_MAC,       /* six octets */
	XML_UUID,      /* sixteen octets */
	XML_MEMORY,    /* uhyper of KiB, with a unit attribute */
	XML_CONST,     /* always the word in `word`, anything else is refused */
	XML_RAW,       /* string: the bytes of the kept element */
	XML_HOOK,      /* parse and format below; parse gets the element (an attribute's owner) */
};

enum xml_mode {
	XML_IN,            /* parsed and written */
	XML_OUT,           /* written, accepted back, dropped */
	XML_RECOMPUTED,    /* accepted, dropped; what is written comes from elsewhere */
	XML_DESCRIPTION,   /* nobody acts on it, kept as it came */
};

enum {
	XML_REQUIRED = 1,  /* its absence is refused */
	XML_LIVE = 2,      /* written only for a running guest */
	XML_SECURE = 4,    /* written only when secrets were asked for */
	XML_EMPTY = 8,     /* an empty string counts as given, a zero is written */
};

struct xml_binder {
	struct arena *arena;       /* parsing: the model lives here */
	struct err *err;
	struct xml_writer *w;      /* formatting */
	bool live;                 /* formatting a running guest */
	bool secure;               /* formatting with secrets */
	const void *user;          /* formatting: the caller's, for its hooks */
};

struct xml_table;

struct xml_row {
	const char *path;          /* "@type", "source/@file", "memory", "." (the element itself) */
	uint8_t kind;
	uint8_t mode;
	uint8_t flags;
	uint8_t digits;
	uint32_t off;
	uint32_t set_off;          /* a bool that says "given"; 0: zero means not given */
	uint64_t min, max;         /* numbers; max 0: what the type holds */
	const char *word;
	const struct xml_table *sub;
	/* the row exists only for objects that this likes; fields of earlier rows are set */
	bool (*only_if)(const void *obj);
	int (*parse)(struct xml_binder *b, struct xml_node *node, void *obj);
	void (*format)(struct xml_binder *b, const void *obj);
	bool (*text_ok)(const char *value);  /* strings: a further check */
	const char *text_rule;     /* what text_ok wants, for the message */
};

struct xml_table {
	const struct xdr_type *type;
	const struct xml_row *rows;
	uint32_t n_rows;
	/* after all rows: what one row alone cannot judge; may be NULL */
	int (*check)(struct xml_binder *b, struct xml_node *node, void *obj);
};

#define XML_TABLE(t, r, ...) \
	{ .type = &t##_xdr, .rows = (r), .n_rows = sizeof(r) / sizeof((r)[0]), __VA_ARGS__ }
#define XML_F(t, member) .off = (uint32_t)offsetof(struct t, member)
#define XML_SET(t, member) .set_off = (uint32_t)offsetof(struct t, member)

/*
 * Fill `obj` (zeroed, of table->type) from `node`, then refuse by name whatever
 * no row covered, here and below. 0; -EINVAL with ERR_XML_ERROR for a bad
 * value, -ENOTSUP with ERR_CONFIG_UNSUPPORTED for what is not supported,
 * -ENOMEM at the arena's cap.
 */
int xml_bind_parse(struct xml_binder *b, const struct xml_table *table, struct xml_node *node,
		   void *obj) __attribute__((warn_unused_result));

/* As above, without the refusal of leftovers: for hooks, whose caller does that. */
int xml_bind_rows(struct xml_binder *b, const struct xml_table *table, struct xml_node *node,
		  void *obj) __attribute__((warn_unused_result));

/* Write the rows of `obj` into the element that is open in b->w. */
void xml_bind_format(struct xml_binder *b, const struct xml_table *table, const void *obj);

/* For hooks: the attribute's value, now counted as understood, or NULL. */
const char *xml_take_attr(struct xml_node *node, const char *name);

/* For hooks: the first child of that name, now counted as understood, or NULL. */
struct xml_node *xml_take_child(struct xml_node *node, const char *name);

/* For hooks: refuse, with the place of `node` and its line in front. Return a negative errno. */
int xml_refuse(struct xml_binder *b, const struct xml_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));          /* malformed: ERR_XML_ERROR */
int xml_unsupported(struct xml_binder *b, const struct xml_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));          /* ERR_CONFIG_UNSUPPORTED */

/*
 * The generated field at `off` of `t`, inside nested structs too, unless the
 * nested struct as a whole is what `sub` describes. NULL when there is none.
 */
const struct xdr_field *xml_field_at(const struct xdr_type *t, uint32_t off,
				     const struct xml_table *sub);

#endif
