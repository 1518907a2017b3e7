/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Viewers that were handed in, for the events about them. */
#ifndef CORDON_VM_VIEWER_H
#define CORDON_VM_VIEWER_H

#define VIEWER_PEERS_MAX 64u

struct json_object;

/* virDomainEventGraphicsPhase */
enum viewer_phase { VIEWER_CONNECTED, VIEWER_INITIALIZED, VIEWER_DISCONNECTED };

/* QEMU told of a VNC client. */
void viewer_event(enum viewer_phase phase, struct json_object *data);

#endif
