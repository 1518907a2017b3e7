/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "xml/bind.h"
#include "xml/bind_priv.h"
#include "xml/value.h"

/* The containers that are open below the element the table describes: "a/b". */
struct cursor {
	struct xml_writer *w;
	const char *path;
	size_t len;
};

static size_t segment_len(const char *path, size_t len)
{
	const char *slash = memchr(path, '/', len);

	return slash ? (size_t)(slash - path) : len;
}

static size_t count_segments(const char *path, size_t len)
{
	size_t n = len ? 1 : 0;

	for (size_t i = 0; i < len; i++)
		n += path[i] == '/';
	return n;
}

/* Bytes of "a/b/c" that both paths have in common, whole segments only. */
static size_t common_len(const struct cursor *c, const char *path, size_t len)
{
	size_t at = 0;

	while (at < c->len && at < len) {
		size_t n = segment_len(path + at, len - at);

		if (n != segment_len(c->path + at, c->len - at) ||
		    memcmp(path + at, c->path + at, n) != 0)
			break;
		at += n;
		if (at < c->len && at < len)
			at++;
	}
	/* "a" against "a/b": the slash belongs to neither */
	while (at > 0 && at < c->len && at < len && path[at - 1] == '/')
		at--;
	return at;
}

static void cursor_goto(struct cursor *c, const char *path, size_t len)
{
	size_t at = common_len(c, path, len);
	size_t keep = count_segments(path, at);

	for (size_t n = count_segments(c->path, c->len); n > keep; n--)
		xml_close(c->w);
	if (at > 0 && at < len)
		at++;
	while (at < len) {
		size_t n = segment_len(path + at, len - at);

		xml_open_n(c->w, path + at, n);
		at += n + 1;
	}
	c->path = path;
	c->len = len;
}

/* Write a value at the row's place: an attribute, or an element with this text. */
static void put_value(struct cursor *c, const struct xml_place *place, const char *value)
{
	if (*place->last == '@') {
		cursor_goto(c, place->path, place->parent_len);
		xml_attr(c->w, place->last + 1, value);
	} else if (strcmp(place->last, ".") == 0) {
		cursor_goto(c, place->path, place->parent_len);
		xml_text(c->w, value);
	} else {
		cursor_goto(c, place->path, strlen(place->path));
		xml_text(c->w, value);
	}
}

static bool is_given(const struct xml_row *row, const void *obj, bool nonzero)
{
	return row->set_off ? *((const bool *)obj + row->set_off) :
		nonzero || row->flags & XML_EMPTY;
}

static void put_number(struct cursor *c, const struct xml_place *place, const struct xml_row *row,
		       const struct xdr_field *f, const void *v, const void *obj)
{
	char text[64];
	uint64_t u = 0;
	int64_t i = 0;

	if (f->kind == XDR_INT)
		i = *(const int32_t *)v;
	else if (f->kind == XDR_HYPER)
		i = *(const int64_t *)v;
	else if (f->kind == XDR_UINT)
		u = *(const uint32_t *)v;
	else
		u = *(const uint64_t *)v;
	if (!is_given(row, obj, u || i))
		return;
	if (row->kind == XML_HEX)
		snprintf(text, sizeof(text), "0x%0*" PRIx64, row->digits, u);
	else if (f->kind == XDR_INT || f->kind == XDR_HYPER)
		snprintf(text, sizeof(text), "%" PRId64, i);
	else
		snprintf(text, sizeof(text), "%" PRIu64, u);
	put_value(c, place, text);
}

static void put_octets(struct cursor *c, const struct xml_place *place, const struct xml_row *row,
		       const uint8_t *v, const void *obj)
{
	static const uint8_t zero[16];
	char text[XML_UUID_TEXT];

	if (!is_given(row, obj, memcmp(v, zero, row->kind == XML_MAC ? 6 : 16) != 0))
		return;
	if (row->kind == XML_MAC)
		xml_value_mac_print(v, text);
	else
		xml_value_uuid_print(v, text);
	put_value(c, place, text);
}

static void put_memory(struct cursor *c, const struct xml_place *place, const uint64_t *kib)
{
	char text[32];

	if (*kib == 0)
		return;
	snprintf(text, sizeof(text), "%" PRIu64, *kib);
	cursor_goto(c, place->path, strlen(place->path));
	xml_attr(c->w, "unit", "KiB");
	xml_text(c->w, text);
}

static void put_raw(struct cursor *c, const struct xml_place *place, const char *raw)
{
	if (!raw || !*raw)
		return;
	cursor_goto(c, place->path, strlen(place->path));
	xml_raw(c->w, raw, strlen(raw));
}

static void put_string(struct cursor *c, const struct xml_place *place, const struct xml_row *row,
		       const char *s)
{
	if (s && (*s || row->flags & XML_EMPTY))
		put_value(c, place, s);
}

static void put_enum(struct cursor *c, const struct xml_place *place, const struct xdr_field *f,
		     uint32_t v)
{
	if (v > 0 && v <= f->max)
		put_value(c, place, xdr_field_word(f, v));
}

static void put_scalar(struct cursor *c, const struct xml_place *place, const struct xml_row *row,
		       const struct xdr_field *f, const void *v, const void *obj)
{
	switch (f->kind) {
	case XDR_BOOL:
		if (*(const bool *)v) {
			cursor_goto(c, place->path, strlen(place->path));
			xml_touch(c->w);
		}
		return;
	case XDR_ENUM:
		return put_enum(c, place, f, *(const uint32_t *)v);
	case XDR_STRING:
	case XDR_OPT_STRING:
		return put_string(c, place, row, *(char *const *)v);
	default:
		return put_number(c, place, row, f, v, obj);
	}
}

static void put_word_list(struct cursor *c, const struct xml_place *place,
			  const struct xdr_field *f, const char *base)
{
	uint32_t n = *(const uint32_t *)(const void *)(base + f->count_off);
	const uint32_t *list = *(uint32_t *const *)(const void *)(base + f->off);

	for (uint32_t i = 0; i < n; i++) {
		cursor_goto(c, "", 0);
		put_enum(c, place, f, list[i]);
	}
	cursor_goto(c, "", 0);
}

static void put_struct(struct xml_binder *b, struct cursor *c, const struct xml_place *place,
		       const struct xml_row *row, const void *obj, bool touch)
{
	bool self = strcmp(place->last, ".") == 0;

	cursor_goto(c, place->path, place->parent_len);
	if (!self)
		xml_open(b->w, place->last);
	if (touch)
		xml_touch(b->w);
	xml_bind_format(b, row->sub, obj);
	if (!self)
		xml_close(b->w);
}

static void put_list(struct xml_binder *b, struct cursor *c, const struct xml_place *place,
		     const struct xml_row *row, const struct xdr_field *f, const char *base)
{
	uint32_t n = *(const uint32_t *)(const void *)(base + f->count_off);
	const char *list = *(char *const *)(const void *)(base + f->off);

	for (uint32_t i = 0; i < n; i++)
		put_struct(b, c, place, row, list + (size_t)i * xdr_field_type(f)->size, true);
}

static void put_field(struct xml_binder *b, struct cursor *c, const struct xml_place *place,
		      const struct xml_row *row, const struct xdr_field *f, const void *obj)
{
	const char *v = (const char *)obj + row->off, *base = v - f->off;
	const void *opt;

	if (f->array == XDR_LIST && f->kind == XDR_ENUM) {
		put_word_list(c, place, f, base);
	} else if (f->array == XDR_LIST) {
		put_list(b, c, place, row, f, base);
	} else if (f->kind == XDR_STRUCT) {
		put_struct(b, c, place, row, v, false);
	} else if (f->kind == XDR_OPT_STRUCT) {
		opt = *(void *const *)(const void *)v;
		if (opt)
			put_struct(b, c, place, row, opt, true);
	} else if (row->kind == XML_MAC || row->kind == XML_UUID) {
		put_octets(c, place, row, (const uint8_t *)v, obj);
	} else if (row->kind == XML_MEMORY) {
		put_memory(c, place, (const void *)v);
	} else if (row->kind == XML_RAW) {
		put_raw(c, place, *(char *const *)(const void *)v);
	} else {
		put_scalar(c, place, row, f, v, obj);
	}
}

static void format_row(struct xml_binder *b, struct cursor *c, const struct xml_table *table,
		       const struct xml_row *row, const void *obj)
{
	struct xml_place place = xml_path_split(row->path);
	const struct xdr_field *f;

	if (row->kind == XML_NOTHING || row->mode == XML_RECOMPUTED ||
	    (row->flags & XML_LIVE && !b->live) || (row->flags & XML_SECURE && !b->secure) ||
	    (row->only_if && !row->only_if(obj)))
		return;
	if (row->kind == XML_HOOK) {
		cursor_goto(c, place.path, place.parent_len);
		row->format(b, obj);
		return;
	}
	if (row->kind == XML_CONST) {
		put_value(c, &place, row->word);
		return;
	}
	f = xml_field_at(table->type, row->off, row->sub);
	if (f)
		put_field(b, c, &place, row, f, obj);
}

void xml_bind_format(struct xml_binder *b, const struct xml_table *table, const void *obj)
{
	struct cursor c = { .w = b->w, .path = "", .len = 0 };

	for (uint32_t i = 0; i < table->n_rows; i++)
		format_row(b, &c, table, &table->rows[i], obj);
	cursor_goto(&c, "", 0);
}
