/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arithmetic of the ledger; files, locks and processes: ledger_sys.c. */
#include "launch/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct ledger_record) == 128, "the stored layout");

uint64_t ledger_check(const struct ledger_record *r)
{
	const uint8_t *p = (const uint8_t *)r;
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a: against torn writes, not attackers */

	for (size_t i = 0; i < offsetof(struct ledger_record, check); i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

int ledger_record_ok(const struct ledger_record *r)
{
	return r->size == sizeof(*r) && r->check == ledger_check(r);
}

/* Mark the sets that the uids first..last make unusable. */
static void mark(uint8_t *used, uid_t base, uint32_t sets, uint64_t first, uint64_t last)
{
	for (uint64_t v = first; v <= last && v - first < LEDGER_UIDS_EACH; v++) {
		uint64_t i = (v - base) / LEDGER_UIDS_EACH;

		if (v >= base && i < sets)
			used[i / 8] |= (uint8_t)(1u << i % 8);
	}
}

int64_t ledger_find_set(const struct ledger_record *r, uint32_t n, const uint8_t *busy,
			uid_t uid_first, uint32_t sets, uint32_t next)
{
	size_t bytes = sets / 8 + 1;
	uint8_t *used = malloc(bytes);
	int64_t found = -EUSERS;

	if (!used)
		return -ENOMEM;
	memcpy(used, busy, bytes);
	for (uint32_t i = 0; i < n; i++)
		if (r[i].kind == LEDGER_UIDS)
			mark(used, uid_first, sets, r[i].value[0], r[i].value[1]);
	for (uint32_t i = 0; i < sets; i++) {
		uint32_t p = (next + i) % sets;

		if (!(used[p / 8] & 1u << p % 8)) {
			found = p;
			break;
		}
	}
	free(used);
	return found;
}
