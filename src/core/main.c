/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-core: the authority. Own uid, no capability, root is the state folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/adopt.h"
#include "core/audit.h"
#include "core/client.h"
#include "core/core.h"
#include "core/host.h"
#include "core/plan.h"
#include "core/store.h"
#include "core/viewer.h"
#include "ipc/ev.h"
#include "sandbox/sandbox.h"

#define CONTROL_FD 3
#define CONFIG_MAX (1u << 20)

extern const struct ipc_handlers room_server;
extern const struct ipc_handlers intake_server;

static bool ready;     /* all rooms are up, or were */

static struct core_peer *peer_of(enum room room, const char **ret_name, enum ipc_room *ret_kind)
{
	static const struct {
		enum room room;
		const char *name;
		enum ipc_room kind;
		struct core_peer *peer;
	} peers[] = {
		{ ROOM_LAUNCH, "cordon-launch", IPC_ROOM_LAUNCH, &core.launch },
		{ ROOM_LEDGER, "cordon-ledger", IPC_ROOM_LEDGER, &core.ledger },
		{ ROOM_DISK, "cordon-disk", IPC_ROOM_DISK, &core.disk },
		{ ROOM_HOST, "cordon-host", IPC_ROOM_HOST, &core.host },
		{ ROOM_DOOR, "cordon-door", IPC_ROOM_DOOR, &core.door },
	};

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		if (peers[i].room == room) {
			*ret_name = peers[i].name;
			*ret_kind = peers[i].kind;
			return peers[i].peer;
		}
	return NULL;
}

static void peer_closed(struct ipc_chan *ch)
{
	struct core_peer *p = ch->ctx;

	p->up = false;
	log_warn("%s is gone", ch->name);
}

static void control_closed(struct ipc_chan *ch)
{
	(void)ch;
	/* without its supervisor core serves nobody; records are written when they change, guests go on,
	 * the next core adopts them */
	event_base_loopbreak(core.base);
}

static int peer_attach(enum room room, int fd)
{
	enum ipc_room kind;
	const char *name;
	struct core_peer *p = peer_of(room, &name, &kind);

	if (!p) {
		fd_close(&fd);
		return -EPROTO;
	}
	if (p->up)
		ipc_chan_close(&p->ch, "replaced");
	ipc_chan_init(&p->ch, fd, name, kind);
	p->ch.ctx = p;
	p->ch.on_closed = peer_closed;
	if (room == ROOM_DOOR)
		p->ch.serves[0] = &intake_server;
	if (ipc_ev_attach(core.base, &p->ch)) {
		fd_close(&fd);
		return -ENOMEM;
	}
	p->up = true;
	return 0;
}

/* ---- program room ---- */

static int enter_sandbox(struct err *err)
{
	CLEAN_FD int root = open(core.conf.state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct sandbox_path state = {
		"/", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE | SANDBOX_FOLDERS,
	};
	struct sandbox_profile p = {
		.name = "cordon-core", .policy = &sandbox_policy_core, .uid = core.conf.uid_core,
		.gid = core.conf.uid_core, .root_fd = root, .keep_all_fds = true, .nofile = 65536,
		.paths = &state, .n_paths = 1,
	};

	if (root < 0)
		return err_sys(err, -errno, "state folder %s", core.conf.state_dir);
	(void)take_fd(&root);   /* closed by sandbox_enter() */
	setfsuid(core.conf.uid_core);   /* the way there may be root's; nobody else than we enters it */
	return sandbox_enter(&p, err);
}

/* /proc/sys/kernel/random/boot_id (random(4)): a uuid as text. All zero when it cannot be read. */
static void read_boot_id(void)
{
	CLEAN_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	unsigned n = 0;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return;
	for (const char *p = text; *p && n < 16; p++) {
		unsigned v;

		if (*p == '-' || sscanf(p, "%2x", &v) != 1)
			continue;
		core.boot_id[n++] = (uint8_t)v;
		p++;
	}
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	int rc;

	if (core.arena)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "set up twice");
	core.arena = arena_new(CONFIG_MAX);
	if (!core.arena || xdr_copy(&config_xdr, &args->conf, core.arena, &core.conf))
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	log_open("core", core.conf.log_level, &ipc_req);
	for (uint32_t i = 0; i < args->n_peers && i < call->n_fds; i++) {
		rc = peer_attach(args->peers[i], take_fd(&call->fds[i]));
		if (rc)
			return err_sys(&call->err, rc, "channel to a neighbour");
	}
	read_boot_id();
	tzset();   /* while /etc/localtime can be read */
	rc = enter_sandbox(&call->err);
	if (!rc)
		rc = store_load(&core.stored, &call->err);
	if (rc)
		return rc;
	audit_open();
	log_info("%u guests", guest_count());
	return room_reply_setup(call);
}

int room_on_peer(struct ipc_call *call, const struct room_peer *args)
{
	int rc = peer_attach(args->which, take_fd(&call->fds[0]));

	if (rc)
		log_error("new channel: %s", strerrordesc_np(-rc));
	else if (!ready)
		;   /* the first ones: all is adopted when all are there */
	else if (args->which == ROOM_DISK)
		adopt_claims();
	else if (args->which == ROOM_LAUNCH)
		adopt_launch();
	else if (args->which == ROOM_LEDGER)
		plan_ask_again();
	else if (args->which == ROOM_HOST)
		host_refresh();
	else if (args->which == ROOM_DOOR)
		adopt_viewers();
	return ipc_reply(call, NULL, NULL, 0);
}

int room_on_ready(struct ipc_call *call)
{
	ready = true;
	adopt_begin();
	return ipc_reply(call, NULL, NULL, 0);
}

/* ---- program intake ---- */

int intake_on_client(struct ipc_call *call, const struct room_client *args)
{
	int rc = client_new(args, take_fd(&call->fds[0]));

	if (rc)
		log_error("client %llu: %s", (unsigned long long)args->conn_id, strerrordesc_np(-rc));
	return ipc_reply(call, NULL, NULL, 0);
}

int intake_on_viewer(struct ipc_call *call, const struct room_viewer *args)
{
	int rc = viewer_new(args, take_fd(&call->fds[0]));

	if (rc)
		log_error("viewer: %s", strerrordesc_np(-rc));
	return ipc_reply(call, NULL, NULL, 0);
}

int main(void)
{
	log_open("core", LOG_LEVEL_INFO, &ipc_req);
	core.base = ipc_ev_base();
	if (!core.base)
		return 1;
	ipc_chan_init(&core.cordond.ch, CONTROL_FD, "supervisor", IPC_ROOM_SUPERVISOR);
	core.cordond.ch.serves[0] = &room_server;
	core.cordond.ch.on_closed = control_closed;
	core.cordond.up = true;
	if (fd_set_cloexec(CONTROL_FD, 1) || ipc_ev_attach(core.base, &core.cordond.ch))
		return 1;
	event_base_dispatch(core.base);
	return 0;
}
