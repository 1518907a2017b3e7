/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Viewers: a socket pair, one end for QEMU by add_client, one for who asked. A QEMU that listens
 * nowhere sends no events about its VNC clients (vnc_server_info_get() in ui/vnc.c has nothing to
 * say then); so we tell that one came when it was handed in, core tells what cordon-edge saw of it
 * later, and for those without an edge (openGraphicsFD, or core was restarted since) QEMU is
 * asked now and then how many there still are.
 */
#ifndef CORDON_VM_VIEWER_H
#define CORDON_VM_VIEWER_H

#define VIEWER_PEERS_MAX 64u      /* remembered at a time; further ones have no events */
#define VIEWER_ASK_S 1

/* QEMU is gone, and all its viewers with it. */
void viewer_forget_all(void);

/* Core, which would have told of its viewers, is gone. */
void viewer_core_gone(void);

#endif
