/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter that lists and statistics share. */
#ifndef CORDON_CORE_LIST_H
#define CORDON_CORE_LIST_H

#include "core/guest.h"

/*
 * Does the guest match `flags` (virConnectListAllDomainsFlags; the low eight bits are those of
 * virConnectGetAllDomainStatsFlags too)? Of each group that is asked for it must match one.
 */
bool list_matches(const struct guest *g, uint32_t flags);

#endif
