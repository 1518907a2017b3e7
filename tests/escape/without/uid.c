/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests/escape only: a cordon-launch that gives every guest the same uids, whatever the ledger says. */
#include "launch/launch.h"

#define THE_UID 1500000000u

int __real_claim_read(struct cell *c, struct err *err);
int __wrap_claim_read(struct cell *c, struct err *err);

int __wrap_claim_read(struct cell *c, struct err *err)
{
	int r = __real_claim_read(c, err);

	c->uid = THE_UID;
	return r;
}
