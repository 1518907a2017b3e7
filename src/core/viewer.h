/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Viewers that door accepted and cordon-edge relays. */
#ifndef CORDON_CORE_VIEWER_H
#define CORDON_CORE_VIEWER_H

#include "proto/room.x.h"

/* Serve the edge of one viewer; takes the descriptor. */
int viewer_new(const struct room_viewer *v, int fd);

#endif
