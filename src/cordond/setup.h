/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordond does before it confines itself: folders, sockets. */
#ifndef CORDON_CORDOND_SETUP_H
#define CORDON_CORDOND_SETUP_H

#include "base/err.h"
#include "proto/conf.x.h"

/*
 * Where an instance keeps what it has, all absolute: cordond.conf when
 * --config does not say; core's records; cordon-disk's journal; what TPMs
 * remember; a folder for rooms to go into; sockets that door makes.
 */
enum path {
	PATH_INSTANCE, PATH_CONF, PATH_BASE, PATH_STATE, PATH_NVRAM, PATH_LABELS, PATH_TPM, PATH_RUN,
	PATH_LOCK, PATH_EMPTY, PATH_VIEWERS, PATH_LOG, N_PATHS,
};
extern char *paths[N_PATHS];     /* PATH_INSTANCE: "" installed */

/* `dir` NULL: the installed instance. Makes `dir` if need be. */
int paths_init(const char *dir, struct err *err);

/*
 * Make the folders that are needed before the configuration is read, and lock
 * the instance for the life of this process. -EBUSY: another cordond serves it.
 */
int paths_make_first(struct err *err);

/* The rest, with their owners. */
int paths_make_rest(const struct config *c, struct err *err);

/*
 * Bind the read-write and the read-only socket, and listen. A leftover of a
 * dead process is replaced; -EADDRINUSE when someone serves the path.
 */
int sockets_bind(const struct config *c, int ret_fds[2], struct err *err);
void sockets_unlink(const struct config *c);

#endif
