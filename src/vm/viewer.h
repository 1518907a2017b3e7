/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Viewers: a socket pair, one end for QEMU by add_client, one for who asked. A QEMU that
 * listens nowhere sends no events about its VNC clients; so we tell that one came
 * when it was handed in, and ask, while there are any, whether they are still there.
 */
#ifndef CORDON_VM_VIEWER_H
#define CORDON_VM_VIEWER_H

#define VIEWER_PEERS_MAX 64u      /* remembered at a time; further ones have no events */
#define VIEWER_ASK_S 1

/* QEMU is gone, and all its viewers with it. */
void viewer_forget_all(void);

#endif
