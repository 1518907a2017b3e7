/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets that viewers connect to. */
#ifndef CORDON_DOOR_LISTEN_H
#define CORDON_DOOR_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "proto/room.x.h"

#define LISTEN_NAME_MAX 128   /* "::ffff:127.0.0.1;59000" */

struct listen_spec {
	uint8_t guest[16];
	enum listen_kind kind;
	struct sockaddr_storage addr;     /* TCP, without port */
	socklen_t addr_len;
	unsigned port_min, port_max;
	unsigned port;                    /* TCP: the one that was free, after listen_open() */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];   /* unix, else "" */
};

/*
 * Check what core asks for: a numeric address, ports from 1024, an absolute
 * path; without one it is run_dir/viewers/UUID.sock. Pure.
 */
int listen_spec_from(const struct door_listen_args *args, const char *run_dir,
		     struct listen_spec *ret, struct err *err);

/* Would a listener that exists do for `want`? Pure. */
bool listen_same(const struct listen_spec *have, const struct listen_spec *want);

/*
 * Bind to the first free port, or to the path, and listen. A unix socket is
 * made in a folder that our uid may write to and not everybody, reached
 * without symbolic links; only a leftover of our own is replaced. It is open
 * to us and to its folder's group: the umask says so.
 */
int listen_open(struct listen_spec *spec, int backlog, int *ret_fd, struct err *err);

/* Remove a socket that listen_open() made. */
void listen_unlink(const char *path);

/* Remove what an earlier door left in run_dir/viewers: nobody listens there. */
void listen_sweep(void);

/* "address;port" of both ends (LISTEN_NAME_MAX each); a unix path without port. */
void listen_names(int fd, const struct listen_spec *spec, char *ret_peer, char *ret_local);

#endif
