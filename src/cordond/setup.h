/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordond does before it confines itself: folders, uids, sockets. */
#ifndef CORDON_CORDOND_SETUP_H
#define CORDON_CORDOND_SETUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "proto/conf.x.h"

#define HOST_RUN "/run/cordon"     /* host-wide, whatever the instance */
#define SOCKET_RW "libvirt-sock"
#define SOCKET_RO "libvirt-sock-ro"

/* Where an instance keeps what it has; all absolute. */
struct paths {
	char instance[PATH_MAX];    /* "" installed */
	char conf[PATH_MAX];        /* cordond.conf when --config does not say */
	char base[PATH_MAX];        /* root's own notes: uids, host-uuid */
	char state[PATH_MAX];       /* core's records */
	char nvram[PATH_MAX];
	char run[PATH_MAX];
	char log[PATH_MAX];
};

/* `dir` NULL: the installed instance. Makes `dir` if need be (unless `check`). */
int paths_init(const char *dir, bool check, struct paths *ret, struct err *err);

/*
 * Make the folders that are needed before the configuration is read, and lock
 * the instance for the life of this process. `ret_empty` is an empty directory
 * for rooms to go into. -EBUSY: another cordond serves this instance.
 */
int paths_make_first(const struct paths *p, int *ret_empty, struct err *err);

/* The rest, with their owners. */
int paths_make_rest(const struct paths *p, const struct config *c, struct err *err);

/*
 * Make a folder, or take one that is there, but only if nobody else could have
 * prepared it: it belongs to `uid` or root, and not everybody can write to it.
 * One that is `ours` gets owner and mode, another is left as it is.
 */
int setup_folder(const char *path, mode_t mode, uid_t uid, bool ours, int *ret_fd, struct err *err);

/* Create and lock a file. -EBUSY (without text): another process holds the lock. */
int setup_lock(const char *path, int *ret_fd, struct err *err);

/* dir + name into `out` (PATH_MAX). -ENAMETOOLONG. */
int setup_join(char *out, const char *dir, const char *name, struct err *err);

/*
 * The first uid of a private instance's block of CONF_UID_BLOCK: the one noted
 * in its folder, or a new one. No two running instances share a block.
 */
int uids_claim(const struct paths *p, uint32_t *ret_base, struct err *err);

/* The UUID that this host goes by: configured, noted, or made now. */
int host_uuid_get(const struct paths *p, const struct config *c, uint8_t ret[16], struct err *err);

/*
 * Bind and listen. A leftover of a dead process is replaced; -EADDRINUSE when
 * someone serves the path.
 */
int socket_bind(const char *dir, const char *name, mode_t mode, gid_t gid, int backlog,
		int *ret_fd, struct err *err);

#endif
