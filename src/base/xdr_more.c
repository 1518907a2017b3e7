/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of no use to the rooms that only pass messages. */
#include <string.h>

#include "base/xdr.h"

bool xdr_equal(const struct xdr_type *t, const void *x, const void *y)
{
	CLEAN_BUF struct buf bx = { 0 };
	CLEAN_BUF struct buf by = { 0 };

	buf_init(&bx, UINT32_MAX);
	buf_init(&by, UINT32_MAX);
	return !xdr_encode(t, x, &bx) && !xdr_encode(t, y, &by) && bx.len == by.len &&
	       (!bx.len || !memcmp(bx.data, by.data, bx.len));
}

const char *xdr_field_word(const struct xdr_field *f, uint32_t value)
{
	const char *word = xdr_at(f, f->words);

	for (uint32_t i = 1; i < value; i++)
		word += strlen(word) + 1;
	return word;
}

uint32_t xdr_field_value(const struct xdr_field *f, const char *word)
{
	const char *each = xdr_at(f, f->words);

	for (uint32_t i = 1; i <= f->max; i++, each += strlen(each) + 1)
		if (!strcmp(each, word))
			return i;
	return 0;
}

uint32_t xdr_enum_parse(const char *const *names, uint32_t max, const char *name)
{
	for (uint32_t i = 1; i <= max; i++)
		if (!strcmp(names[i], name))
			return i;
	return 0;
}
