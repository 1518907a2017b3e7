/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordond does before it confines itself: folders, uids, sockets. */
#ifndef CORDON_CORDOND_SETUP_H
#define CORDON_CORDOND_SETUP_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/conf.x.h"

#define HOST_RUN "/run/cordon"     /* host-wide, whatever the instance */

/* Where an instance keeps what it has; all absolute. */
struct paths {
	char instance[PATH_MAX];    /* "" installed */
	char conf[PATH_MAX];        /* cordond.conf when --config does not say */
	char base[PATH_MAX];
	char state[PATH_MAX];       /* core's records */
	char nvram[PATH_MAX];
	char labels[PATH_MAX];      /* cordon-disk's journal */
	char tpm[PATH_MAX];         /* what TPMs remember */
	char run[PATH_MAX];
	char lock[PATH_MAX];
	char empty[PATH_MAX];       /* a folder for rooms to go into */
	char viewers[PATH_MAX];     /* sockets that door makes */
	char log[PATH_MAX];
};

/* `dir` NULL: the installed instance. Makes `dir` if need be. */
int paths_init(const char *dir, struct paths *ret, struct err *err);

/*
 * Make the folders that are needed before the configuration is read, and lock
 * the instance for the life of this process. -EBUSY: another cordond serves it.
 */
int paths_make_first(const struct paths *p, struct err *err);

/* The rest, with their owners. */
int paths_make_rest(const struct paths *p, const struct config *c, struct err *err);

/*
 * The first uid of a private instance's block of CONF_UID_BLOCK: the one that
 * owns its state, or a new one. No two running instances share a block.
 */
int uids_claim(const struct paths *p, uint32_t *ret_base, struct err *err);

/*
 * Bind the read-write and the read-only socket, and listen. A leftover of a
 * dead process is replaced; -EADDRINUSE when someone serves the path.
 */
int sockets_bind(const struct config *c, int ret_fds[2], struct err *err);
void sockets_unlink(const struct config *c);

#endif
