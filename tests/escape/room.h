/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A room of Cordon that was taken over. It is the real room up to the moment
 * at which it has entered its sandbox and got its channels; then takeover()
 * runs in its place. Without a file "escape-targets" beside its binary (it is
 * read before the sandbox), or with one for another room, it stays what it is.
 */
#ifndef CORDON_ESCAPE_ROOM_H
#define CORDON_ESCAPE_ROOM_H

#include <stdbool.h>

/* Was this process started to be taken over? */
bool room_is_taken(const char *room);

/*
 * Do what the targets say, and end: on the channel `core` (its other end is cordon-core), or with a
 * target `channel` on the one that the room itself calls so.
 */
_Noreturn void room_takeover(const char *room, int core);

/* A line for the test, on descriptor 2: "escape-room ROOM WHAT". */
void room_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * room_send.c: one message of target `throw` ("program.ROW:variant"), or an answer to the next question of
 * that row ("answer.ROW:variant"); false when the channel is gone.
 */
bool room_throw(int fd, const char *what);
/* All rows of all programs as "program.ROW flags senders size", to standard output. -1: nobody serves it. */
void room_list_rows(void);

#endif
