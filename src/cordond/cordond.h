/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordond as a whole: what its parts share. It starts processes with the
 * capabilities that their rows give them, and says which one ended. Which of
 * them there are to be, the supervisor knows. It decodes what that one and
 * cordon-conf say, and nothing else.
 */
#ifndef CORDON_CORDOND_H
#define CORDON_CORDOND_H

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/chan.h"
#include "proto/conf.x.h"
#include "proto/room.x.h"

extern struct config conf;

/* ---- spawn_sys.c: from a binary to a process with descriptors 0..3 ---- */

/* Where the rooms' binaries are: beside our own (a build tree), or installed. Call once. */
int spawn_init(struct err *err);

/* Become cordon-conf, which knows all options. Returns only with -errno. */
int spawn_instead(char *const argv[]);

/* Start the binary of `which` with `ctl_fd` as descriptor 3 (stays the caller's). Pid or -errno. */
int spawn_exec(enum room which, int ctl_fd);

/* ---- child_sys.c: what was started, until it was reaped ---- */

/*
 * Block the signals that child_signal() takes. Before any child is started. A descriptor that is
 * readable when there is one, or -errno.
 */
int child_init(struct err *err);

/* Start a room. `ch` is initialised with our end of its control channel. Pid or -errno. */
int child_start(enum room which, struct ipc_chan *ch, struct err *err);

/* How many of them there are now. */
unsigned child_count(enum room which);

/* SIGKILL for a child; what is none is left alone. */
void child_kill(pid_t pid);

/*
 * Take one signal, waiting for it at most so long: reap what ended and call child_ended(), or note
 * that we are to stop. False when none came.
 */
bool child_signal(int wait_ms);
extern bool stopping;

/* The channels of all children are closed: until they have gone, or hang in the kernel for good. */
void child_end_all(void);

/* ---- config.c ---- */

/* Have cordon-conf read the configuration: of `file` if that is given. The result is `conf`. */
int config_load(const char *file, struct err *err);

/* ---- caps_sys.c ---- */

/* Capability set that a room starts with. */
uint64_t caps_of_room(enum room which);

/* Capabilities, system call filter. */
int confine(struct err *err);

/* ---- serve.c ---- */

/* A child was reaped; `status` is wait(2)'s. */
void child_ended(enum room which, int pid, int status);

/*
 * Keep a supervisor running until a signal stops us. `sockets` are for door, `signal_fd` is
 * child_init()'s. -EIO: rooms do not come up.
 */
int serve(const int sockets[2], int signal_fd, struct err *err);

/* ---- notify_sys.c ---- */

/* systemd's readiness socket, if there is one. Before confine(). */
void notify_open(void);
void notify_send(const char *text);

#endif
