/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which character devices have a socket of their own, and where their pseudo terminals are. */
#ifndef CORDON_CORE_PTYS_H
#define CORDON_CORE_PTYS_H

#include "core/guest.h"

/* False for sources without one, and for a console that stands for the first serial port. */
bool ptys_has_device(const struct dom_chr *c, enum dom_chr_kind kind);

/* Put launch's pseudo terminals into the live definition, in the order of START's rows. */
void ptys_show(struct guest_run *run, const struct launch_started *l);

#endif
