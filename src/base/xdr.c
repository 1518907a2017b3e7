/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/xdr.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/be.h"

const struct xdr_type xdr_void = { .name = "void" };

struct in {
	const uint8_t *p;
	size_t left;
	struct arena *a;
	struct err *err;
	unsigned depth;
};

static int refuse(struct in *in, const struct xdr_field *f, const char *why)
{
	return err_set(in->err, -EBADMSG, ERR_RPC, "Unable to decode message payload: %s: %s",
		       f ? f->name : "struct", why);
}

static int get_u32(struct in *in, uint32_t *ret)
{
	if (in->left < 4)
		return -EBADMSG;
	*ret = be_get32(in->p);
	in->p += 4;
	in->left -= 4;
	return 0;
}

static int get_u64(struct in *in, uint64_t *ret)
{
	uint32_t hi, lo;

	if (in->left < 8 || get_u32(in, &hi) || get_u32(in, &lo))
		return -EBADMSG;
	*ret = (uint64_t)hi << 32 | lo;
	return 0;
}

/* n bytes and their zero padding; NULL when they are not there */
static const uint8_t *get_bytes(struct in *in, size_t n)
{
	size_t padded = (n + 3) & ~(size_t)3;
	const uint8_t *p = in->p;

	if (padded < n || in->left < padded)
		return NULL;
	for (size_t i = n; i < padded; i++)
		if (p[i])
			return NULL;
	in->p += padded;
	in->left -= padded;
	return p;
}

static int get_string(struct in *in, const struct xdr_field *f, char **ret)
{
	const uint8_t *p;
	uint32_t n;

	if (get_u32(in, &n))
		return refuse(in, f, "cut short");
	if (n > f->max)
		return refuse(in, f, "string too long");
	p = get_bytes(in, n);
	if (!p)
		return refuse(in, f, "cut short or bad padding");
	if (memchr(p, 0, n))
		return refuse(in, f, "NUL inside a string");
	*ret = arena_strndup(in->a, (const char *)p, n);
	return *ret ? 0 : -ENOMEM;
}

static int get_opaque(struct in *in, const struct xdr_field *f, uint8_t *to, size_t n)
{
	const uint8_t *p = get_bytes(in, n);

	if (!p)
		return refuse(in, f, "cut short or bad padding");
	if (n)
		memcpy(to, p, n);
	return 0;
}

static int get_chars(struct in *in, const struct xdr_field *f, char *to, uint32_t n)
{
	if (in->left / 4 < n)
		return refuse(in, f, "cut short");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = 0;

		if (get_u32(in, &v) || (v > UCHAR_MAX && v < (uint32_t)SCHAR_MIN))
			return refuse(in, f, "not a char");
		to[i] = (char)v;
	}
	return 0;
}

static int get_var(struct in *in, const struct xdr_field *f, char *base)
{
	uint32_t n;
	void *p;

	if (get_u32(in, &n))
		return refuse(in, f, "cut short");
	if (n > f->max || n > in->left)
		return refuse(in, f, "too long");
	p = arena_alloc(in->a, n ? n : 1);
	if (!p)
		return -ENOMEM;
	*(uint32_t *)(base + f->count_off) = n;
	*(void **)(base + f->off) = p;
	return f->kind == XDR_OPAQUE_VAR ? get_opaque(in, f, p, n) : get_chars(in, f, p, n);
}

static int get_type(struct in *in, const struct xdr_type *t, char *out);

static int get_optional(struct in *in, const struct xdr_field *f, void **ret)
{
	uint32_t present;
	void *p;

	if (get_u32(in, &present))
		return refuse(in, f, "cut short");
	if (!present)
		return 0;
	if (f->kind == XDR_OPT_STRING)
		return get_string(in, f, (char **)ret);
	p = arena_alloc(in->a, f->type->size);
	if (!p)
		return -ENOMEM;
	*ret = p;
	return get_type(in, f->type, p);
}

static int get_scalar(struct in *in, const struct xdr_field *f, char *to)
{
	uint64_t v64;
	uint32_t v;

	if (f->kind == XDR_HYPER || f->kind == XDR_UHYPER || f->kind == XDR_DOUBLE) {
		if (get_u64(in, &v64))
			return refuse(in, f, "cut short");
		memcpy(to, &v64, 8);
		return 0;
	}
	if (get_u32(in, &v))
		return refuse(in, f, "cut short");
	if (f->kind == XDR_BOOL) {
		if (v > 1 && !(f->flags & XDR_LOOSE_BOOL))
			return refuse(in, f, "not a boolean");
		*(bool *)to = v != 0;
		return 0;
	}
	if (f->kind == XDR_ENUM && v > f->max)
		return refuse(in, f, "value out of range");
	memcpy(to, &v, 4);
	return 0;
}

static int get_one(struct in *in, const struct xdr_field *f, char *base, char *to)
{
	switch ((enum xdr_kind)f->kind) {
	case XDR_STRING:
		return get_string(in, f, (char **)to);
	case XDR_OPT_STRING:
	case XDR_OPT_STRUCT:
		return get_optional(in, f, (void **)to);
	case XDR_OPAQUE_FIX:
		return get_opaque(in, f, (uint8_t *)to, f->max);
	case XDR_CHARS_FIX:
		return get_chars(in, f, to, f->max);
	case XDR_OPAQUE_VAR:
	case XDR_CHARS_VAR:
		return get_var(in, f, base);
	case XDR_STRUCT:
	case XDR_UNION:
		return get_type(in, f->type, to);
	default:
		return get_scalar(in, f, to);
	}
}

size_t xdr_element_size(const struct xdr_field *f)
{
	switch ((enum xdr_kind)f->kind) {
	case XDR_HYPER:
	case XDR_UHYPER:
	case XDR_DOUBLE:
		return 8;
	case XDR_STRING:
	case XDR_OPT_STRING:
	case XDR_OPT_STRUCT:
		return sizeof(void *);
	case XDR_STRUCT:
	case XDR_UNION:
		return f->type->size;
	case XDR_OPAQUE_FIX:
	case XDR_CHARS_FIX:
		return f->max;
	case XDR_BOOL:
		return sizeof(bool);
	default:
		return 4;
	}
}

static int get_field(struct in *in, const struct xdr_field *f, char *base)
{
	char *to = base + f->off;
	uint32_t n = f->count;
	int rc;

	if (f->array == XDR_ONE)
		return get_one(in, f, base, to);
	if (f->array == XDR_LIST) {
		if (get_u32(in, &n))
			return refuse(in, f, "cut short");
		/* every element but an empty struct costs at least 4 bytes */
		if (n > f->count || n > in->left / 4)
			return refuse(in, f, "too many elements");
		to = arena_calloc(in->a, n ? n : 1, xdr_element_size(f));
		if (!to)
			return -ENOMEM;
		*(uint32_t *)(base + f->count_off) = n;
		*(void **)(base + f->off) = to;
	}
	for (uint32_t i = 0; i < n; i++) {
		rc = get_one(in, f, base, to + i * xdr_element_size(f));
		if (rc)
			return rc;
	}
	return 0;
}

static int get_union(struct in *in, const struct xdr_type *t, char *out)
{
	int32_t tag;

	if (get_field(in, &t->fields[0], out))
		return -EBADMSG;
	tag = *(int32_t *)(out + t->fields[0].off);
	for (uint32_t i = 1; i < t->n_fields; i++)
		if (t->arms[i - 1] == tag)
			return get_field(in, &t->fields[i], out);
	return refuse(in, &t->fields[0], "no such arm of the union");
}

static int get_extensible(struct in *in, const struct xdr_type *t, char *out)
{
	struct in sub = *in;
	uint32_t len;
	int rc;

	if (get_u32(in, &len) || len > in->left || len % 4)
		return refuse(in, NULL, "bad length");
	sub.p = in->p;
	sub.left = len;
	in->p += len;
	in->left -= len;
	/* an older writer knew fewer fields, a newer one more: both are fine */
	for (uint32_t i = 0; i < t->n_fields && sub.left; i++) {
		rc = get_field(&sub, &t->fields[i], out);
		if (rc)
			return rc;
	}
	return 0;
}

static int fill_missing(struct in *in, const struct xdr_type *t, char *out);

/* A mandatory string or list that an older writer did not know is empty, never NULL. */
static int fill_field(struct in *in, const struct xdr_field *f, char *out)
{
	char **p = (char **)(out + f->off);

	if (f->array == XDR_LIST || f->kind == XDR_OPAQUE_VAR || f->kind == XDR_CHARS_VAR ||
	    (f->kind == XDR_STRING && f->array == XDR_ONE)) {
		if (!*p)
			*p = arena_alloc(in->a, 1);
		return *p ? 0 : -ENOMEM;
	}
	if (f->kind == XDR_STRUCT && f->array == XDR_ONE)
		return fill_missing(in, f->type, out + f->off);
	return 0;
}

static int fill_missing(struct in *in, const struct xdr_type *t, char *out)
{
	int rc = 0;

	for (uint32_t i = 0; i < t->n_fields && !rc && !t->is_union; i++)
		rc = fill_field(in, &t->fields[i], out);
	return rc;
}

static int get_type(struct in *in, const struct xdr_type *t, char *out)
{
	int rc = 0;

	if (in->depth >= XDR_DEPTH_MAX)
		return refuse(in, NULL, "nested too deeply");
	in->depth++;
	if (t->is_union) {
		rc = get_union(in, t, out);
	} else if (t->extensible) {
		rc = get_extensible(in, t, out);
		if (!rc)
			rc = fill_missing(in, t, out);
	} else {
		for (uint32_t i = 0; i < t->n_fields && !rc; i++)
			rc = get_field(in, &t->fields[i], out);
	}
	in->depth--;
	return rc;
}

int xdr_decode(const struct xdr_type *t, const void *data, size_t len, struct arena *a,
	       void *out, size_t *ret_used, struct err *err)
{
	struct in in = { .p = data, .left = len, .a = a, .err = err };
	int rc;

	if (t->size)
		memset(out, 0, t->size);
	rc = get_type(&in, t, out);
	if (rc == -ENOMEM)
		return err_set(err, rc, ERR_NO_MEMORY, "%s: message larger than its limit", t->name);
	if (rc)
		return rc;
	if (ret_used)
		*ret_used = len - in.left;
	else if (in.left)
		return err_set(err, -EBADMSG, ERR_RPC,
			       "Unable to decode message payload: %s: trailing bytes", t->name);
	return 0;
}

/* ---- encoding ---- */

static void put_u32(struct buf *out, uint32_t v)
{
	uint8_t b[4];

	be_put32(b, v);
	buf_put(out, b, 4);
}

static void put_bytes(struct buf *out, const void *p, size_t n)
{
	static const uint8_t zero[3];

	buf_put(out, p, n);
	buf_put(out, zero, (4 - n % 4) % 4);
}

static int put_type(const struct xdr_type *t, const char *v, struct buf *out);

static int put_string(const struct xdr_field *f, const char *s, struct buf *out)
{
	size_t n;

	if (!s)
		return -EINVAL;
	n = strlen(s);
	if (n > f->max)
		return -EINVAL;
	put_u32(out, (uint32_t)n);
	put_bytes(out, s, n);
	return 0;
}

static void put_chars(const char *s, uint32_t n, struct buf *out)
{
	for (uint32_t i = 0; i < n; i++)
		put_u32(out, (uint32_t)(int32_t)s[i]);
}

static int put_var(const struct xdr_field *f, const char *base, struct buf *out)
{
	uint32_t n = *(const uint32_t *)(base + f->count_off);
	const void *p = *(void *const *)(base + f->off);

	if (n > f->max || (n && !p))
		return -EINVAL;
	put_u32(out, n);
	if (f->kind == XDR_OPAQUE_VAR)
		put_bytes(out, p, n);
	else
		put_chars(p, n, out);
	return 0;
}

static int put_scalar(const struct xdr_field *f, const char *from, struct buf *out)
{
	uint64_t v64;
	uint32_t v;

	if (f->kind == XDR_HYPER || f->kind == XDR_UHYPER || f->kind == XDR_DOUBLE) {
		memcpy(&v64, from, 8);
		put_u32(out, (uint32_t)(v64 >> 32));
		put_u32(out, (uint32_t)v64);
		return 0;
	}
	if (f->kind == XDR_BOOL)
		v = *(const bool *)from;
	else
		memcpy(&v, from, 4);
	if (f->kind == XDR_ENUM && v > f->max)
		return -EINVAL;
	put_u32(out, v);
	return 0;
}

static int put_one(const struct xdr_field *f, const char *base, const char *from, struct buf *out)
{
	const char *p;

	switch ((enum xdr_kind)f->kind) {
	case XDR_STRING:
		return put_string(f, *(char *const *)from, out);
	case XDR_OPT_STRING:
	case XDR_OPT_STRUCT:
		p = *(char *const *)from;
		put_u32(out, p != NULL);
		if (!p)
			return 0;
		return f->kind == XDR_OPT_STRING ? put_string(f, p, out) : put_type(f->type, p, out);
	case XDR_OPAQUE_FIX:
		put_bytes(out, from, f->max);
		return 0;
	case XDR_CHARS_FIX:
		put_chars(from, f->max, out);
		return 0;
	case XDR_OPAQUE_VAR:
	case XDR_CHARS_VAR:
		return put_var(f, base, out);
	case XDR_STRUCT:
	case XDR_UNION:
		return put_type(f->type, from, out);
	default:
		return put_scalar(f, from, out);
	}
}

static int put_field(const struct xdr_field *f, const char *base, struct buf *out)
{
	const char *from = base + f->off;
	uint32_t n = f->count;
	int rc;

	if (f->array == XDR_ONE)
		return put_one(f, base, from, out);
	if (f->array == XDR_LIST) {
		n = *(const uint32_t *)(base + f->count_off);
		from = *(char *const *)from;
		if (n > f->count || (n && !from))
			return -EINVAL;
		put_u32(out, n);
	}
	for (uint32_t i = 0; i < n; i++) {
		rc = put_one(f, base, from + i * xdr_element_size(f), out);
		if (rc)
			return rc;
	}
	return 0;
}

static int put_fields(const struct xdr_type *t, const char *v, struct buf *out)
{
	for (uint32_t i = 0; i < t->n_fields; i++) {
		int rc = put_field(&t->fields[i], v, out);

		if (rc)
			return rc;
	}
	return out->error;
}

static int put_union(const struct xdr_type *t, const char *v, struct buf *out)
{
	int32_t tag = *(const int32_t *)(v + t->fields[0].off);

	put_u32(out, (uint32_t)tag);
	for (uint32_t i = 1; i < t->n_fields; i++)
		if (t->arms[i - 1] == tag)
			return put_field(&t->fields[i], v, out);
	return -EINVAL;
}

static int put_type(const struct xdr_type *t, const char *v, struct buf *out)
{
	size_t at = out->len;
	int rc;

	if (t->is_union)
		return put_union(t, v, out);
	if (!t->extensible)
		return put_fields(t, v, out);
	put_u32(out, 0);
	rc = put_fields(t, v, out);
	if (!rc)
		be_put32(out->data + at, (uint32_t)(out->len - at - 4));
	return rc;
}

int xdr_encode(const struct xdr_type *t, const void *v, struct buf *out)
{
	int rc = put_type(t, v, out);

	return rc ? rc : out->error;
}

int xdr_copy(const struct xdr_type *t, const void *v, struct arena *a, void *out)
{
	CLEAN_BUF struct buf b;
	int rc;

	buf_init(&b, UINT32_MAX);
	rc = xdr_encode(t, v, &b);
	return rc ? rc : xdr_decode(t, b.data, b.len, a, out, NULL, NULL);
}
