/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After a restart, of core or of a neighbour: what runs is taken over, what is left over is removed. */
#ifndef CORDON_CORE_ADOPT_H
#define CORDON_CORE_ADOPT_H

struct guest;

/* All rooms are up: adopt what runs, clean up the rest, then start autostart guests. */
void adopt_begin(void);

/* cordon-launch was started again: what the last one did not finish, and as above. */
void adopt_launch(void);

/* cordon-door was started again: the listeners of all running guests. */
void adopt_viewers(void);

/* cordon-disk was started again: tell it the claims of all running guests. */
void adopt_claims(void);

/* Start a guest because of its autostart flag. What refuses that is logged. */
void adopt_autostart(struct guest *g);

#endif
