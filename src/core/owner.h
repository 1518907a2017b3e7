/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose image is it? */
#ifndef CORDON_CORE_OWNER_H
#define CORDON_CORE_OWNER_H

#include "core/guest.h"

/*
 * The guest other than `besides` whose definition, or running model, has this file as a disk; NULL
 * when there is none. `path` is normal (base/path.h), and so names a file in one way only:
 * cordon-file follows no symbolic link. What others list below their disks (<backingStore>) is
 * nobody's. *ret_rc is 0, or -errno when not all could be looked at.
 */
struct guest *owner_of_image(const struct guest *besides, const char *path, int *ret_rc);

#endif
