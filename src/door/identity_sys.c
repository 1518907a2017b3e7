/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "door/door.h"

/* Field 22 of /proc/PID/stat: with the pid it names one process, though pids come again. */
static int pid_start(pid_t pid, uint64_t *ret_start)
{
	char path[32], text[1024];
	const char *at;
	int CLEAN_FD fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ESRCH;
	text[n] = '\0';
	at = strrchr(text, ')');   /* the name before it is the process's own choice */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %" SCNu64, ret_start) == 1 ? 0 : -EBADMSG;
}

int identity_of_peer(int fd, bool readonly, uint32_t *gids, struct identity *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	uint64_t start = 0;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	len = ROOM_GIDS_MAX * sizeof(gids[0]);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) < 0) {
		/* more groups than we carry: it has none of them, rather than some */
		log_warn("uid %u: supplementary groups are left out: %s", cred.uid,
			 strerrordesc_np(errno));
		len = 0;
	}
	r = pid_start(cred.pid, &start);
	if (r < 0)   /* in another pid namespace, or gone already: it stays pid 0 */
		cred.pid = 0;
	*ret = (struct identity){
		.asserter = ROOM_DOOR, .kind = IDENTITY_KIND_UNIX_USER,
		.uid = cred.uid, .gid = cred.gid,
		.n_gids = len / sizeof(gids[0]), .gids = gids,
		.pid = cred.pid, .pid_start = start, .readonly = readonly,
	};
	return 0;
}

static bool listed(const uint32_t *list, uint32_t n, uint32_t id)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return false;
}

static bool in_lists(const struct identity *who, const uint32_t *uids, uint32_t n_uids,
		     const uint32_t *gids, uint32_t n_gids)
{
	if (listed(uids, n_uids, who->uid) || listed(gids, n_gids, who->gid))
		return true;
	for (uint32_t i = 0; i < who->n_gids; i++)
		if (listed(gids, n_gids, who->gids[i]))
			return true;
	return false;
}

bool identity_admitted(const struct config *c, const struct identity *who)
{
	if (who->uid == 0 ||
	    in_lists(who, c->unix_rw_uids, c->n_unix_rw_uids, c->unix_rw_gids, c->n_unix_rw_gids))
		return true;
	return who->readonly && (c->unix_ro_open ||
		in_lists(who, c->unix_ro_uids, c->n_unix_ro_uids, c->unix_ro_gids,
			 c->n_unix_ro_gids));
}
