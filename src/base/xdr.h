/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The border wall: one codec (RFC 4506) that interprets the type tables which
 * tools/xgen.py writes from the files in proto. Everything that crosses between
 * processes, to disk or to a client's socket goes through it.
 */
#ifndef CORDON_BASE_XDR_H
#define CORDON_BASE_XDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define XDR_DEPTH_MAX 16   /* nested structs */

enum xdr_kind {
	XDR_INT, XDR_UINT, XDR_HYPER, XDR_UHYPER, XDR_BOOL, XDR_DOUBLE,
	XDR_ENUM,         /* uint32_t, 0..max */
	XDR_STRING,       /* char *, at most max bytes, never NULL, no NUL inside */
	XDR_OPT_STRING,   /* char * or NULL */
	XDR_OPAQUE_FIX,   /* uint8_t[max] */
	XDR_OPAQUE_VAR,   /* uint32_t count at count_off, uint8_t * */
	XDR_CHAR,         /* libvirt's: four bytes on the wire */
	XDR_STRUCT,       /* nested, inline */
	XDR_OPT_STRUCT,   /* pointer or NULL */
	XDR_UNION,        /* nested union struct, of which one arm travels */
};

enum xdr_array { XDR_ONE, XDR_FIXED, XDR_LIST };

#define XDR_SECRET 1u   /* wiped by xdr_wipe_secrets() */
#define XDR_LOOSE_BOOL 2u   /* any non-zero is true (libvirt's optional flags) */

/*
 * What the tables of a file say of each other is a distance in bytes from the row that says it: a
 * pointer would have to be relocated by each process, in a copy of its own, and one process is
 * started for each connection. So a row is never copied, and is read by what follows below.
 */
struct xdr_field {
	int32_t name;
	union {
		int32_t type;          /* struct, union */
		int32_t words;         /* enum: those of the values from 1, one after another */
	};
	uint32_t max;        /* bytes of a string or opaque; highest enum value */
	uint32_t count;      /* elements: fixed number, or ceiling of a list */
	uint16_t off;        /* offset of the value (of the pointer for lists and strings) */
	uint16_t count_off;  /* offset of the uint32_t count (lists, var opaques) */
	uint8_t kind;        /* enum xdr_kind, of one element */
	uint8_t array : 4;   /* enum xdr_array */
	uint8_t flags : 4;
	uint16_t size;       /* bytes of one: from one element of an array to the next */
};

struct xdr_type {
	int32_t name;        /* 0: void, and size is 0 too */
	uint32_t size;
	int32_t fields;
	int32_t arms;        /* union: discriminant of fields[i + 1] */
	uint16_t n_fields;
	bool extensible;     /* length-prefixed, append-only */
	bool is_union;       /* fields[0] is the int discriminant, then one field per arm */
};

extern const struct xdr_type xdr_void;

#define xdr_at(row, way) ((const void *)((const char *)(row) + (way)))
#define xdr_type_name(t) ((t)->name ? (const char *)xdr_at(t, (t)->name) : "void")
#define xdr_fields(t) ((const struct xdr_field *)xdr_at(t, (t)->fields))
#define xdr_field_name(f) ((const char *)xdr_at(f, (f)->name))
/* of a struct or union */
#define xdr_field_type(f) ((const struct xdr_type *)xdr_at(f, (f)->type))

/*
 * Decode all of data[0..len) as one `t` into `out` (t->size bytes, zeroed
 * first); strings and lists are allocated in `a`. Exact consumption unless
 * `ret_used` is given, which then receives the bytes used.
 * -EBADMSG: the bytes are no `t`; -ENOMEM: the arena is at its cap.
 * `err` (may be NULL) names the field.
 */
int xdr_decode(const struct xdr_type *t, const void *data, size_t len, struct arena *a,
	       void *out, size_t *ret_used, struct err *err);

/*
 * Append `v`. A value that a decoder would refuse (string too long, enum out
 * of range, NULL for a string) is refused here: -EINVAL. -ENOMEM, -E2BIG from
 * the buffer.
 */
int xdr_encode(const struct xdr_type *t, const void *v, struct buf *out);

/* Deep copy into `a` by encoding and decoding. */
int xdr_copy(const struct xdr_type *t, const void *v, struct arena *a, void *out);

/* Overwrite what is marked secret, and set its pointers to NULL. */
void xdr_wipe_secrets(const struct xdr_type *t, void *v);

/* True when both would encode to the same bytes. */
bool xdr_equal(const struct xdr_type *t, const void *a, const void *b);

/* The word of an enum's value 1..max, and the value of a word; 0 when it has none such. */
const char *xdr_field_word(const struct xdr_field *f, uint32_t value);
uint32_t xdr_field_value(const struct xdr_field *f, const char *word);

/* Position of `name` in an enum's names table of values 1..max; 0 when it is not there. */
uint32_t xdr_enum_parse(const char *const *names, uint32_t max, const char *name);

#endif
