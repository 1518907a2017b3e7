/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One walk through a type's table for both directions, as in the XDR of old: each function encodes
 * when there is a buffer to write to, and decodes when there is none. Encoding changes no value.
 */
#include "base/xdr.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/be.h"

#define IN_EVERY_MESSAGE static inline __attribute__((always_inline))

const struct xdr_type xdr_void;

struct walk {
	struct buf *out;     /* NULL: decode */
	const uint8_t *p;
	size_t left;
	struct arena *a;
	struct err *err;
	unsigned depth;
	bool missing;        /* what an older writer did not know reads as zeros */
};

static __attribute__((cold)) int refuse(struct walk *w, const struct xdr_field *f, const char *why)
{
	if (w->out)
		return w->out->error ? w->out->error : -EINVAL;
	return err_set(w->err, -EBADMSG, ERR_RPC, "Unable to decode message payload: %s: %s",
		       f ? xdr_field_name(f) : "struct", why);
}

/* The next n bytes, to be written or read; NULL: no room for them, or they are not there. */
IN_EVERY_MESSAGE uint8_t *next(struct walk *w, size_t n)
{
	uint8_t *p = (uint8_t *)(uintptr_t)w->p;

	if (w->out)
		return buf_grow(w->out, n);
	if (w->left < n)
		return NULL;
	w->p += n;
	w->left -= n;
	return p;
}

IN_EVERY_MESSAGE int word(struct walk *w, const struct xdr_field *f, uint32_t *v)
{
	uint8_t *p = next(w, 4);

	if (!p)
		return w->missing ? 0 : refuse(w, f, "cut short");
	if (w->out)
		be_put32(p, *v);
	else
		*v = be_get32(p);
	return 0;
}

/* n bytes and their zero padding */
IN_EVERY_MESSAGE int bytes(struct walk *w, const struct xdr_field *f, void *v, size_t n)
{
	size_t padded = (n + 3) & ~(size_t)3;
	uint8_t *p = n ? next(w, padded) : NULL;

	if (!p)
		return !n || w->missing ? 0 : refuse(w, f, "cut short or bad padding");
	if (w->out) {
		be_put32(p + padded - 4, 0);
		memcpy(p, v, n);
		return 0;
	}
	for (size_t i = n; i < padded; i++)
		if (p[i])
			return refuse(w, f, "cut short or bad padding");
	memcpy(v, p, n);
	return 0;
}

static int string(struct walk *w, const struct xdr_field *f, char **s)
{
	size_t len = *s ? strlen(*s) : 0;
	uint32_t n = (uint32_t)len;
	int rc = w->out && !*s ? refuse(w, f, "is not there") : word(w, f, &n);

	if (rc)
		return rc;
	if (n > f->max || len > f->max)
		return refuse(w, f, "string too long");
	if (!w->out && n > w->left)
		return refuse(w, f, "cut short or bad padding");
	if (!w->out)
		*s = arena_alloc(w->a, (size_t)n + 1);
	if (!*s)
		return -ENOMEM;
	rc = bytes(w, f, *s, n);
	return rc || w->out || !memchr(*s, 0, n) ? rc : refuse(w, f, "NUL inside a string");
}

/* A count and, where a message comes in, memory for so many, each of which takes `least` bytes there. */
static int counted(struct walk *w, const struct xdr_field *f, char *base, uint32_t max, size_t size,
		   size_t least, const char *why)
{
	uint32_t *count = (uint32_t *)(base + f->count_off), n = *count;
	void **p = (void **)(base + f->off);
	int rc = word(w, f, &n);

	if (rc)
		return rc;
	if (n > max || (w->out ? n && !*p : n > w->left / least))
		return refuse(w, f, why);
	if (w->out)
		return 0;
	*p = arena_calloc(w->a, n ? n : 1, n ? size : 1);
	if (*p)
		*count = n;
	return *p ? 0 : -ENOMEM;
}

static int type(struct walk *w, const struct xdr_type *t, char *v);

static int optional(struct walk *w, const struct xdr_field *f, char **p)
{
	uint32_t present = *p != NULL;
	int rc = word(w, f, &present);

	if (rc || !present)
		return rc;
	if (f->kind == XDR_OPT_STRING)
		return string(w, f, p);
	if (!w->out)
		*p = arena_alloc(w->a, xdr_field_type(f)->size);
	return *p ? type(w, xdr_field_type(f), *p) : -ENOMEM;
}

static int hyper(struct walk *w, const struct xdr_field *f, uint64_t *v)
{
	uint32_t hi = (uint32_t)(*v >> 32), lo = (uint32_t)*v;
	int rc = word(w, f, &hi);

	if (!rc)
		rc = word(w, f, &lo);
	if (!rc && !w->out)
		*v = (uint64_t)hi << 32 | lo;
	return rc;
}

static int boolean(struct walk *w, const struct xdr_field *f, bool *v)
{
	uint32_t n = *v;
	int rc = word(w, f, &n);

	if (!rc && n > 1 && !(f->flags & XDR_LOOSE_BOOL))
		return refuse(w, f, "not a boolean");
	if (!rc && !w->out)
		*v = n != 0;
	return rc;
}

static int character(struct walk *w, const struct xdr_field *f, char *v)
{
	uint32_t n = (uint32_t)*v;
	int rc = word(w, f, &n);

	if (!rc && n > UCHAR_MAX && n < (uint32_t)SCHAR_MIN)
		return refuse(w, f, "not a char");
	if (!rc && !w->out)
		*v = (char)n;
	return rc;
}

static int one(struct walk *w, const struct xdr_field *f, char *base, char *v)
{
	int rc;

	switch ((enum xdr_kind)f->kind) {
	case XDR_STRING:
		return string(w, f, (char **)v);
	case XDR_OPT_STRING:
	case XDR_OPT_STRUCT:
		return optional(w, f, (char **)v);
	case XDR_OPAQUE_FIX:
		return bytes(w, f, v, f->max);
	case XDR_OPAQUE_VAR:
		rc = counted(w, f, base, f->max, 1, 1, "too long");
		return rc ? rc : bytes(w, f, *(char **)v, *(uint32_t *)(base + f->count_off));
	case XDR_STRUCT:
	case XDR_UNION:
		return type(w, xdr_field_type(f), v);
	case XDR_HYPER:
	case XDR_UHYPER:
	case XDR_DOUBLE:
		return hyper(w, f, (uint64_t *)v);
	case XDR_BOOL:
		return boolean(w, f, (bool *)v);
	case XDR_CHAR:
		return character(w, f, v);
	default:
		rc = word(w, f, (uint32_t *)v);
		if (!rc && f->kind == XDR_ENUM && *(uint32_t *)v > f->max)
			return refuse(w, f, "value out of range");
		return rc;
	}
}

static int field(struct walk *w, const struct xdr_field *f, char *base)
{
	char *v = base + f->off;
	uint32_t n = f->count;
	int rc = 0;

	if (f->array == XDR_ONE)
		return one(w, f, base, v);
	if (f->array == XDR_LIST) {
		/* every element but an empty struct costs at least 4 bytes */
		rc = counted(w, f, base, f->count, f->size, 4, "too many elements");
		n = *(uint32_t *)(base + f->count_off);
		v = *(char **)v;
	}
	for (uint32_t i = 0; i < n && !rc; i++)
		rc = one(w, f, base, v + (size_t)i * f->size);
	return rc;
}

static int arm(struct walk *w, const struct xdr_type *t, char *v)
{
	const struct xdr_field *f = xdr_fields(t);
	const int32_t *arms = xdr_at(t, t->arms);
	int rc = field(w, f, v);

	if (rc)
		return rc;
	for (uint32_t i = 1; i < t->n_fields; i++)
		if (arms[i - 1] == *(int32_t *)(v + f->off))
			return field(w, &f[i], v);
	return refuse(w, f, "no such arm of the union");
}

static int fields(struct walk *w, const struct xdr_type *t, char *v)
{
	const struct xdr_field *f = xdr_fields(t);
	bool missing = w->missing;
	int rc = 0;

	for (uint32_t i = 0; i < t->n_fields && !rc; i++) {
		if (!w->left && t->extensible && !w->out)
			w->missing = true;
		rc = field(w, &f[i], v);
	}
	w->missing = missing;
	return rc;
}

/* The length goes first: an older writer knew fewer fields, a newer one more; both are fine. */
static int extensible(struct walk *w, const struct xdr_type *t, char *v)
{
	size_t at = w->out ? w->out->len : 0, behind;
	uint32_t len = 0;
	int rc = word(w, NULL, &len);

	if (w->out) {
		if (!rc)
			rc = fields(w, t, v);
		if (!rc)
			be_put32(w->out->data + at, (uint32_t)(w->out->len - at - 4));
		return rc;
	}
	if (rc || len > w->left || len % 4)
		return refuse(w, NULL, "bad length");
	behind = w->left - len;
	w->left = len;
	rc = fields(w, t, v);
	w->p += w->left;
	w->left = behind;
	return rc;
}

static int type(struct walk *w, const struct xdr_type *t, char *v)
{
	int rc;

	if (w->depth >= XDR_DEPTH_MAX)
		return refuse(w, NULL, "nested too deeply");
	w->depth++;
	rc = t->is_union ? arm(w, t, v) : t->extensible ? extensible(w, t, v) : fields(w, t, v);
	w->depth--;
	return rc;
}

int xdr_decode(const struct xdr_type *t, const void *data, size_t len, struct arena *a,
	       void *out, size_t *ret_used, struct err *err)
{
	struct walk w = { .p = data, .left = len, .a = a, .err = err };
	int rc;

	if (t->size)
		memset(out, 0, t->size);
	rc = type(&w, t, out);
	if (rc == -ENOMEM)
		return err_set(err, rc, ERR_NO_MEMORY, "%s: message larger than its limit", xdr_type_name(t));
	if (rc)
		return rc;
	if (ret_used)
		*ret_used = len - w.left;
	else if (w.left)
		return err_set(err, -EBADMSG, ERR_RPC,
			       "Unable to decode message payload: %s: trailing bytes", xdr_type_name(t));
	return 0;
}

int xdr_encode(const struct xdr_type *t, const void *v, struct buf *out)
{
	struct walk w = { .out = out };
	int rc = type(&w, t, (char *)(uintptr_t)v);

	return rc ? rc : out->error;
}

int xdr_copy(const struct xdr_type *t, const void *v, struct arena *a, void *out)
{
	CLEAN_BUF struct buf b = { 0 };
	int rc;

	buf_init(&b, UINT32_MAX);
	rc = xdr_encode(t, v, &b);
	return rc ? rc : xdr_decode(t, b.data, b.len, a, out, NULL, NULL);
}
