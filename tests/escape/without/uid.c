/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests/escape only: a cordon-launch that gives every guest the same uids. */
#include "launch/ledger.h"

#define THE_UID 1500000000u

int __real_ledger_claim_uids(struct ledger *l, const uint8_t guest[16], uid_t *ret, struct err *err);
int __wrap_ledger_claim_uids(struct ledger *l, const uint8_t guest[16], uid_t *ret, struct err *err);

int __wrap_ledger_claim_uids(struct ledger *l, const uint8_t guest[16], uid_t *ret, struct err *err)
{
	int r = __real_ledger_claim_uids(l, guest, ret, err);

	if (r == 0)
		*ret = THE_UID;
	return r;
}
