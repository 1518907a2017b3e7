/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sockets, joined: bytes go both ways through buffers of fixed size. */
#ifndef CORDON_EDGE_RELAY_H
#define CORDON_EDGE_RELAY_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#define RELAY_BUFFER 65536   /* bytes held for a side that does not read */

/*
 * Join two stream sockets, which are taken over. An end of file on one side is
 * passed to the other as such; `on_end` runs once, when both have ended or one
 * has failed. One relay per process. 0 or -ENOMEM.
 */
int relay_start(struct event_base *base, int a, int b, void (*on_end)(const char *why));

/* `look` sees all that comes from now on, before it is passed on; NULL: nobody does any more. */
void relay_watch(void (*look)(bool from_a, const void *data, size_t n));

#endif
