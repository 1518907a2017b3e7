/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values as text for logs, and the wiping of secrets: both walk the same tables as the codec. */
#include <inttypes.h>
#include <string.h>

#include "base/xdr.h"

#define PRINT_STRING_MAX 80    /* longer strings are cut */
#define PRINT_LIST_MAX 8       /* longer lists are cut */

static void print_type(const struct xdr_type *t, const char *v, struct buf *out);

static void print_string(const char *s, struct buf *out)
{
	size_t n = s ? strlen(s) : 0;

	if (!s) {
		buf_puts(out, "null");
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < n && i < PRINT_STRING_MAX; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_puts(out, n > PRINT_STRING_MAX ? "..\"" : "\"");
}

static void print_hex(const uint8_t *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n && i < 32; i++)
		buf_printf(out, "%02x", p[i]);
	if (n > 32)
		buf_printf(out, "..(%zu)", n);
}

static void print_word(const struct xdr_field *f, const char *from, struct buf *out)
{
	int64_t i64;
	uint32_t u;

	switch ((enum xdr_kind)f->kind) {
	case XDR_HYPER:
	case XDR_UHYPER:
		memcpy(&i64, from, 8);
		buf_printf(out, f->kind == XDR_HYPER ? "%" PRId64 : "%" PRIu64, i64);
		return;
	case XDR_DOUBLE:
		buf_printf(out, "%g", *(const double *)(const void *)from);
		return;
	case XDR_BOOL:
		buf_puts(out, *(const bool *)from ? "true" : "false");
		return;
	default:
		memcpy(&u, from, 4);
		if (f->kind == XDR_ENUM && u <= f->max && f->names && f->names[u])
			buf_puts(out, f->names[u]);
		else
			buf_printf(out, f->kind == XDR_INT ? "%" PRId32 : "%" PRIu32, u);
	}
}

static void print_one(const struct xdr_field *f, const char *base, const char *from, struct buf *out)
{
	const char *p;

	switch ((enum xdr_kind)f->kind) {
	case XDR_STRING:
	case XDR_OPT_STRING:
		print_string(*(char *const *)from, out);
		return;
	case XDR_OPT_STRUCT:
		p = *(char *const *)from;
		if (p)
			print_type(f->type, p, out);
		else
			buf_puts(out, "null");
		return;
	case XDR_STRUCT:
	case XDR_UNION:
		print_type(f->type, from, out);
		return;
	case XDR_OPAQUE_FIX:
	case XDR_CHARS_FIX:
		print_hex((const uint8_t *)from, f->max, out);
		return;
	case XDR_OPAQUE_VAR:
	case XDR_CHARS_VAR:
		print_hex(*(uint8_t *const *)from, *(const uint32_t *)(base + f->count_off), out);
		return;
	default:
		print_word(f, from, out);
	}
}

static void print_field(const struct xdr_field *f, const char *base, struct buf *out)
{
	const char *from = base + f->off;
	uint32_t n = f->count;

	buf_printf(out, "%s=", f->name);
	if (f->flags & XDR_SECRET) {
		buf_puts(out, "***");
		return;
	}
	if (f->array == XDR_ONE) {
		print_one(f, base, from, out);
		return;
	}
	if (f->array == XDR_LIST) {
		n = *(const uint32_t *)(base + f->count_off);
		from = *(char *const *)from;
	}
	buf_putc(out, '[');
	for (uint32_t i = 0; i < n && i < PRINT_LIST_MAX; i++) {
		if (i)
			buf_puts(out, ", ");
		print_one(f, base, from + i * xdr_element_size(f), out);
	}
	buf_puts(out, n > PRINT_LIST_MAX ? ", ..]" : "]");
}

static bool arm_of(const struct xdr_type *t, const char *v, uint32_t i)
{
	if (!t->is_union || i == 0)
		return true;
	return t->arms[i - 1] == *(const int32_t *)(v + t->fields[0].off);
}

static void print_type(const struct xdr_type *t, const char *v, struct buf *out)
{
	const char *sep = "";

	buf_putc(out, '{');
	for (uint32_t i = 0; i < t->n_fields; i++) {
		if (!arm_of(t, v, i))
			continue;
		buf_puts(out, sep);
		print_field(&t->fields[i], v, out);
		sep = ", ";
	}
	buf_putc(out, '}');
}

void xdr_print(const struct xdr_type *t, const void *v, struct buf *out)
{
	print_type(t, v, out);
}

static void wipe_value(const struct xdr_field *f, char *base)
{
	char **p = (char **)(base + f->off);

	if (f->kind == XDR_STRING || f->kind == XDR_OPT_STRING) {
		if (*p)
			explicit_bzero(*p, strlen(*p));
		if (f->kind == XDR_OPT_STRING)
			*p = NULL;
	} else if (f->kind == XDR_OPAQUE_VAR) {
		if (*p)
			explicit_bzero(*p, *(uint32_t *)(base + f->count_off));
		*(uint32_t *)(base + f->count_off) = 0;
	} else if (f->kind == XDR_OPAQUE_FIX) {
		explicit_bzero(base + f->off, f->max);
	}
}

static void wipe_field(const struct xdr_field *f, char *base)
{
	char *to = base + f->off;
	uint32_t n = f->array == XDR_ONE ? 1 : f->count;

	if (f->flags & XDR_SECRET) {
		wipe_value(f, base);
		return;
	}
	if (f->kind != XDR_STRUCT && f->kind != XDR_OPT_STRUCT)
		return;
	if (f->array == XDR_LIST) {
		n = *(uint32_t *)(base + f->count_off);
		to = *(char **)to;
	}
	for (uint32_t i = 0; i < n; i++) {
		char *one = to + i * xdr_element_size(f);

		if (f->kind == XDR_OPT_STRUCT)
			one = *(char **)one;
		if (one)
			xdr_wipe_secrets(f->type, one);
	}
}

void xdr_wipe_secrets(const struct xdr_type *t, void *v)
{
	for (uint32_t i = 0; i < t->n_fields && !t->is_union; i++)
		wipe_field(&t->fields[i], v);
}
