/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wiping of secrets: another walk of the codec's tables. */
#include <string.h>

#include "base/xdr.h"

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
		char *one = to + i * f->size;

		if (f->kind == XDR_OPT_STRUCT)
			one = *(char **)one;
		if (one)
			xdr_wipe_secrets(xdr_field_type(f), one);
	}
}

void xdr_wipe_secrets(const struct xdr_type *t, void *v)
{
	for (uint32_t i = 0; i < t->n_fields && !t->is_union; i++)
		wipe_field(&xdr_fields(t)[i], v);
}
