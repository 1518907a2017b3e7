/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORDON_CONF_UIDS_H
#define CORDON_CONF_UIDS_H

#include <stdint.h>

#include "base/err.h"

/*
 * The first uid of a private instance's block of CONF_UID_BLOCK: the one that
 * owns its `state` folder, or a new one. No two running instances share a
 * block: it is the caller's as long as ret_lock, or a copy of it, is open.
 */
int uids_claim(const char *instance, const char *state, uint32_t *ret_base, int *ret_lock,
	       struct err *err);

#endif
