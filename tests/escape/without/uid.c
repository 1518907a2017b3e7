/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests/escape only: a cordon-launch that gives every guest the same uids, whatever the ledger says. */
#include "launch/launch.h"

#define THE_UID 1500000000u

struct cell *__real_cell_add(const struct ledger_claim *claim);
struct cell *__wrap_cell_add(const struct ledger_claim *claim);

struct cell *__wrap_cell_add(const struct ledger_claim *claim)
{
	struct ledger_claim same = *claim;

	same.uid = THE_UID;
	return __real_cell_add(&same);
}
