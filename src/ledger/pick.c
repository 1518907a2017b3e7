/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which numbers are free; the rest of choosing: choose_sys.c. */
#include "ledger/book.h"

#include <errno.h>
#include <stdio.h>

/* As seclabel_meet() of a label that has just these two. */
static bool meets_pair(const struct seclabel *t, unsigned a, unsigned b)
{
	int common = seclabel_has(t, a) + seclabel_has(t, b);

	return common == 2 || (common == 1 && t->n == 1);
}

int book_pick_pair(const struct book_claim *c, uint32_t n_c, const struct book_want *w,
		     uint64_t start, struct seclabel *ret)
{
	uint64_t n = w->categories < SECLABEL_CATEGORIES_MAX ? w->categories : SECLABEL_CATEGORIES_MAX;
	uint64_t pairs = n < 2 ? 0 : n * (n - 1) / 2;
	char text[SECLABEL_MAX + 32];

	for (uint64_t i = 0; i < pairs; i++) {
		uint64_t b = (start % pairs + i) % pairs, a = 0;
		uint32_t k = 0;

		/* pairs are numbered (0,1) (0,2) .. (0,n-1) (1,2) .. */
		for (; b >= n - 1 - a; a++)
			b -= n - 1 - a;
		b += a + 1;
		while (k < n_c && !meets_pair(&c[k].label, (unsigned)a, (unsigned)b))
			k++;
		if (k < n_c)
			continue;
		snprintf(text, sizeof(text), "%.*s:c%u,c%u", w->label->low_end, w->label->text,
			 (unsigned)a, (unsigned)b);
		return seclabel_parse(text, ret);
	}
	return -EUSERS;
}
