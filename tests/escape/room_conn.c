/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-conn is taken over when it has got its client. */
#include <stdint.h>

#include "room.h"

struct client;
struct identity;

int __real_client_start(struct client *c, int fd, int core, uint64_t id, const struct identity *who);
int __wrap_client_start(struct client *c, int fd, int core, uint64_t id, const struct identity *who);

int __wrap_client_start(struct client *c, int fd, int core, uint64_t id, const struct identity *who)
{
	if (room_is_taken("conn"))
		room_takeover("conn", core);
	return __real_client_start(c, fd, core, id, who);
}
