/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SELinux labels of guests: their parts, and which of them may exist beside each other. Pure. */
#ifndef CORDON_LEDGER_SECLABEL_H
#define CORDON_LEDGER_SECLABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECLABEL_MAX 255              /* bytes of a label */
#define SECLABEL_CATEGORIES_MAX 4096  /* c0..c4095; policies of today have 1024 */

struct seclabel {
	char text[SECLABEL_MAX + 1];      /* "user:role:type:level" */
	uint16_t low_end;                 /* where the lower sensitivity ends in it, without categories */
	unsigned n;                       /* categories of the upper end */
	uint64_t set[SECLABEL_CATEGORIES_MAX / 64];
};

/*
 * Take a label apart: four parts of letters, digits, '_', '-' and '.'; the level "sN[:CATS]" or
 * "sN[:CATS]-sM[:CATS]", CATS a list of cN and cN.cM. 0, or -EINVAL.
 */
int seclabel_parse(const char *text, struct seclabel *ret);

/* Is its type (the third part) one of these? */
bool seclabel_type_in(const struct seclabel *l, char *const *types, size_t n);

bool seclabel_has(const struct seclabel *l, unsigned category);

/*
 * May guest `a` reach what is `b`'s, or the other way round? They are the same, or one has all
 * categories of the other (which has some). Types and sensitivities are not relied on.
 */
bool seclabel_meet(const struct seclabel *a, const struct seclabel *b);

#endif
