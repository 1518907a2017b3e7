/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which label a file may be given, as far as labels alone can tell. Pure. */
#ifndef CORDON_FILE_LABEL_H
#define CORDON_FILE_LABEL_H

#include <stdbool.h>

#include "proto/conf.x.h"

/*
 * True when `label` is of an image type of the policy, or of static_label_types,
 * with a level; or when the file has such a label `now`, so that any may be put
 * back.
 */
bool label_allowed(const struct config *c, const char *now, const char *label);

#endif
