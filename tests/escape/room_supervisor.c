/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-supervisor says which room runs, and who is whose neighbour: whoever takes it over is core
 * and door together. What it cannot is what cordond keeps to itself: the configuration that a room is
 * set up with, how many there are of each, which processes may be killed. It is taken over when
 * cordon-image ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "escape.h"
#include "ipc/serve.h"
#include "room.h"
#include "supervisor/supervisor.h"

#define ANSWER_MS 10000
#define TRIES_MAX 1000

int __real_supervisor_on_ended(struct ipc_call *call, const struct supervisor_death *args);
int __wrap_supervisor_on_ended(struct ipc_call *call, const struct supervisor_death *args);

struct answer {
	bool done;
	int rc;
	int pid;
};

static bool taken;
static int image_pid;
static bool image_ended;

static void on_answer(void *ctx, struct ipc_reply *r)
{
	struct answer *a = ctx;

	a->done = true;
	/* whatever its errno is, it said no */
	a->rc = r->rc == -EPIPE ? -EPIPE : r->rc < 0 ? -EACCES : 0;
	if (r->rc < 0 || r->n_fds != 1)
		return;
	a->pid = ((const struct starter_child *)r->ret)->pid;
	(void)take_fd(&r->fds[0]);   /* the room would end with it */
}

/* The neighbour behind `ch`, asked by hand: its loop does not turn any more. */
static void over(struct ipc_chan *raw, const struct ipc_chan *ch)
{
	ipc_chan_init(raw, dup(ch->fd), ch->name, ch->peer);
	raw->serves[0] = ch->serves[0];
}

static int asked(struct ipc_chan *raw, struct answer *a, int rc)
{
	if (rc == 0)
		rc = ipc_wait(raw, &a->done, ANSWER_MS);
	close(raw->fd);
	return rc < 0 ? rc : a->rc;
}

static int start(enum room which, unsigned n_peers, unsigned n_fds, int *ret_pid)
{
	uint32_t peers[] = { ROOM_DISK, ROOM_DISK };
	const struct starter_room args = { .which = which, .n_peers = n_peers, .peers = peers };
	struct answer a = { 0 };
	struct ipc_chan raw;
	int pair[2], r;

	if (ipc_pair(pair) < 0)
		return -ENODATA;
	over(&raw, &supervisor.cordond);
	r = asked(&raw, &a, starter_call_start(&raw, &args, pair, n_fds, on_answer, &a));
	close(pair[0]);
	if (r < 0)
		close(pair[1]);
	if (ret_pid)
		*ret_pid = a.pid;
	return r;
}

static int start_image(void) { return start(ROOM_IMAGE, 1, 1, &image_pid); }
static int start_second(void) { return start(ROOM_IMAGE, 1, 1, NULL); }
static int start_core(void) { return start(ROOM_CORE, 0, 0, NULL); }
static int start_launch(void) { return start(ROOM_LAUNCH, 1, 1, NULL); }
static int start_cordond(void) { return start(ROOM_CORDOND, 0, 0, NULL); }
static int start_supervisor(void) { return start(ROOM_SUPERVISOR, 0, 0, NULL); }
static int start_conf(void) { return start(ROOM_CONF, 0, 0, NULL); }
static int start_vm(void) { return start(ROOM_VM, 0, 0, NULL); }
static int start_fewer(void) { return start(ROOM_CONN, 2, 1, NULL); }

/* Conns until there are no more to be had. */
static int start_flood(void)
{
	int r = 0;

	for (unsigned long n = (unsigned long)target_number("conns_over"); n > 0 && r == 0; n--)
		r = start(ROOM_CONN, 1, 1, NULL);
	return r;
}

/* One configuration more, in which the room is root's and may open everything. */
static int setup(enum room which)
{
	static char empty[] = "";
	uint32_t peers[] = { ROOM_CORE };
	struct room_setup args = { .n_peers = 1, .peers = peers };
	struct config *c = &args.conf;
	struct answer a = { 0 };
	struct ipc_chan raw;
	struct proc *p;
	int pair[2], r;

	c->unix_sock_dir = c->vnc_listen = c->instance = c->state_dir = c->run_dir = c->log_dir = c->nvram_dir =
		c->emulator = c->labels_dir = empty;
	LIST_FOREACH(p, &supervisor.procs, link)
		if (p->which == which && p->open)
			break;
	if (!p || ipc_pair(pair) < 0)
		return -ENODATA;
	over(&raw, &p->ch);
	r = asked(&raw, &a, room_call_setup(&raw, &args, pair, 1, on_answer, &a));
	close(pair[0]);
	close(pair[1]);
	return r;
}

static int setup_core(void) { return setup(ROOM_CORE); }
static int setup_door(void) { return setup(ROOM_DOOR); }
static int setup_disk(void) { return setup(ROOM_DISK); }
static int setup_file(void) { return setup(ROOM_FILE); }
static int setup_launch(void) { return setup(ROOM_LAUNCH); }
static int setup_host(void) { return setup(ROOM_HOST); }

/* One way, so that the test looks who lives; the channel has to be there afterwards. */
static int kill_one(int pid)
{
	const struct starter_child args = { .pid = pid };
	struct ipc_chan raw;
	int r;

	over(&raw, &supervisor.cordond);
	r = starter_send_kill(&raw, &args);
	close(raw.fd);
	return r < 0 ? r : start(ROOM_CORDOND, 0, 0, NULL);
}

static int kill_image(void)
{
	for (int i = 0; i < TRIES_MAX && !image_ended; i++)
		if (kill_one(image_pid) != -EACCES || usleep(1000) < 0)
			break;
	return image_ended ? 0 : -ENODATA;
}

static int kill_init(void) { return kill_one(1); }
static int kill_all(void) { return kill_one(-1); }
static int kill_group(void) { return kill_one(0); }
static int kill_cordond(void) { return kill_one((int)target_number("cordond")); }
static int kill_qemu(void) { return kill_one((int)target_number("victim_qemu")); }
static int kill_vm(void) { return kill_one((int)target_number("victim_vm")); }

/* What cordon-conf says. The last: cordond ends whoever says what is not his. */
static void configure(void)
{
	static char empty[] = "";
	struct config c = { 0 };
	struct ipc_chan raw;

	c.unix_sock_dir = c.vnc_listen = c.instance = c.state_dir = c.run_dir = c.log_dir = c.nvram_dir =
		c.emulator = c.labels_dir = empty;
	over(&raw, &supervisor.cordond);
	(void)starter_send_config(&raw, &c);
}

static const struct {
	const char *id, *what;
	int (*run)(void);
} attacks[] = {
	{ "control-start", "a room that is not there", start_image },
	{ "start-second", "start the same room once more", start_second },
	{ "start-core", "start a second core, with records of its own telling", start_core },
	{ "start-launch", "start a second launch", start_launch },
	{ "start-cordond", "start a cordond", start_cordond },
	{ "start-supervisor", "start a second supervisor", start_supervisor },
	{ "start-conf", "start a cordon-conf", start_conf },
	{ "start-vm", "start a cordon-vm", start_vm },
	{ "start-fewer", "start a conn with fewer channels than neighbours", start_fewer },
	{ "start-flood", "start conns without end", start_flood },
	{ "setup-core", "give core a configuration", setup_core },
	{ "setup-door", "give door one", setup_door },
	{ "setup-disk", "give disk one", setup_disk },
	{ "setup-file", "give file one", setup_file },
	{ "setup-launch", "give launch one", setup_launch },
	{ "setup-host", "give host one", setup_host },
	{ "kill-init", "kill process 1", kill_init },
	{ "kill-all", "kill all that cordond may", kill_all },
	{ "kill-group", "kill cordond's group", kill_group },
	{ "kill-cordond", "kill cordond", kill_cordond },
	{ "kill-qemu", "kill another guest's QEMU", kill_qemu },
	{ "kill-vm", "kill its cordon-vm", kill_vm },
	{ "control-kill", "a room that it started", kill_image },
};

int __wrap_supervisor_on_ended(struct ipc_call *call, const struct supervisor_death *args)
{
	const struct proc *p = proc_find(args->pid);
	char how[64];

	if (taken) {
		image_ended |= args->pid == image_pid;
		return ipc_reply(call, NULL, NULL, 0);
	}
	if (!room_is_taken("supervisor") || !p || p->which != ROOM_IMAGE)
		return __real_supervisor_on_ended(call, args);
	taken = true;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		room_say("%s %s | %s", attacks[i].id, attack_result(attacks[i].run(), how), attacks[i].what);
	configure();
	poll(NULL, 0, ANSWER_MS);
	_exit(EXIT_SUCCESS);
}
