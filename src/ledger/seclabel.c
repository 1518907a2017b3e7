/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/seclabel.h"

#include <errno.h>
#include <string.h>

static const char letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

bool seclabel_has(const struct seclabel *l, unsigned category)
{
	return l->set[category / 64] & UINT64_C(1) << category % 64;
}

bool seclabel_type_in(const struct seclabel *l, char *const *types, size_t n)
{
	const char *type = strchr(strchr(l->text, ':') + 1, ':') + 1;
	size_t len = strcspn(type, ":");

	for (size_t i = 0; i < n; i++)
		if (strlen(types[i]) == len && !memcmp(types[i], type, len))
			return true;
	return false;
}

static void put(struct seclabel *l, unsigned c)
{
	l->n += !seclabel_has(l, c);
	l->set[c / 64] |= UINT64_C(1) << c % 64;
}

/* A letter and a decimal number below `max`, without leading zeros; moves on behind it. */
static bool take(const char **p, char letter, unsigned max, unsigned *ret)
{
	const char *s = *p;
	unsigned v = 0;

	if (*s++ != letter || *s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9'))
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		if ((v = v * 10 + (unsigned)(*s - '0')) >= max)
			return false;
	*ret = v;
	*p = s;
	return true;
}

/* "sN" or "sN:CATS"; *ret_end is behind the sensitivity. The label's set is this level's. */
static bool parse_level(const char **p, struct seclabel *l, const char **ret_end)
{
	unsigned first, last;

	l->n = 0;
	memset(l->set, 0, sizeof(l->set));
	if (!take(p, 's', UINT16_MAX, &first))
		return false;
	*ret_end = *p;
	if (**p != ':')
		return true;
	do {
		++*p;
		if (!take(p, 'c', SECLABEL_CATEGORIES_MAX, &first))
			return false;
		last = first;
		if (**p == '.' && (++*p, !take(p, 'c', SECLABEL_CATEGORIES_MAX, &last) || last <= first))
			return false;
		for (unsigned c = first; c <= last; c++)
			put(l, c);
	} while (**p == ',');
	return true;
}

int seclabel_parse(const char *text, struct seclabel *ret)
{
	size_t len = strnlen(text, sizeof(ret->text));
	const char *p = text, *end, *upper;

	if (len == sizeof(ret->text))
		return -EINVAL;
	for (int i = 0; i < 3; i++) {
		size_t n = strspn(p, letters);

		if (!n || p[n] != ':')
			return -EINVAL;
		p += n + 1;
	}
	if (!parse_level(&p, ret, &end) || (*p == '-' && (++p, !parse_level(&p, ret, &upper))) || *p)
		return -EINVAL;
	memcpy(ret->text, text, len + 1);
	ret->low_end = (uint16_t)(end - text);
	return 0;
}

static bool covers(const struct seclabel *a, const struct seclabel *b)
{
	for (size_t i = 0; i < sizeof(a->set) / sizeof(a->set[0]); i++)
		if (b->set[i] & ~a->set[i])
			return false;
	return true;
}

bool seclabel_meet(const struct seclabel *a, const struct seclabel *b)
{
	if (!strcmp(a->text, b->text))
		return true;
	return a->n && b->n && (covers(a, b) || covers(b, a));
}
