/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims and releases while the real cordon-ledger is killed at random moments: no claim is lost, none
 * is two guests', nothing else is left in its folder. This test plays cordond, core and, with folders
 * for guests, launch; in a /run/cordon of its own, so that no other instance may drop what is ours.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/chan.h"
#include "need_root.h"
#include "proto/ledger.x.h"
#include "proto/room.x.h"

#define FIRST 1879151000u
#define UIDS_EACH 4u
#define GUESTS 12u
#define SETS (GUESTS + 2)        /* of uids: few, so that they are used again soon */
#define CYCLES 1000              /* claim or release; CORDON_CYCLES says otherwise */
#define WINDOW_MS 0.4            /* in which an answer mostly comes */
#define CLAIMS "/run/cordon/claims"

static struct ipc_chan control, core;    /* our ends */
static struct room_setup setup;
static pid_t ledger_pid;
static char dir[] = "/tmp/cordon-ledger-kill-XXXXXX";
static unsigned kills, unanswered;

static struct guest {
	bool claimed, cage;
	uint32_t uid;
} guests[GUESTS];

/* ---- talking to it ---- */

static struct {
	bool done;
	int rc;
	uint32_t uid;
	bool listed[GUESTS];
	unsigned n;
} got;

static void on_answer(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	got.done = true;
	got.rc = r->rc;
}

static void on_claim(void *ctx, struct ipc_reply *r)
{
	on_answer(ctx, r);
	if (!r->rc)
		got.uid = ((const struct ledger_claimed *)r->ret)->guest_uid;
}

static void on_list(void *ctx, struct ipc_reply *r)
{
	const struct ledger_list *l = r->ret;

	on_answer(ctx, r);
	for (uint32_t i = 0; !r->rc && i < l->n_guests; i++) {
		assert_true(l->guests[i].guest[0] < GUESTS);
		assert_false(got.listed[l->guests[i].guest[0]]);
		got.listed[l->guests[i].guest[0]] = true;
		got.n++;
	}
}

static double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void strike(void)
{
	kill(ledger_pid, SIGKILL);
	kills++;
}

/* Its rc; at `kill_at` it is killed, answered or not. 0: never. */
static int answer(double kill_at)
{
	struct ipc_chan *all[] = { &core, &control };
	const double end = ms() + 20000;

	while ((!got.done || kill_at) && ms() < end) {
		struct pollfd p[2];

		for (int i = 0; i < 2; i++)
			p[i] = (struct pollfd){ all[i]->closed ? -1 : all[i]->fd, POLLIN, 0 };
		poll(p, 2, kill_at ? 0 : 5);
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				ipc_chan_read(all[i]);
		if (kill_at && ms() >= kill_at) {
			strike();
			kill_at = 0;
		}
	}
	assert_true(got.done);
	return got.rc;
}

static void fresh(struct ipc_chan *ch, int fd, enum ipc_room kind)
{
	if (ch->name) {
		ipc_chan_close(ch, "again");
		fd_close(&ch->fd);
	}
	ipc_chan_init(ch, fd, "ledger", kind);
	ch->state = IPC_STATE_OPEN;
}

static void start_ledger(void)
{
	uint32_t peers[] = { ROOM_CORE };
	int ctl[2], cor[2];
	char bin[512];

	snprintf(bin, sizeof(bin), "%s/cordon-ledger", getenv("CORDON_BUILD_ROOT"));
	assert_int_equal(ipc_pair(ctl) | ipc_pair(cor), 0);
	ledger_pid = fork();
	if (ledger_pid == 0) {
		dup2(ctl[1], 3);
		execl(bin, "cordon-ledger", (char *)NULL);
		_exit(127);
	}
	close(ctl[1]);
	fresh(&control, ctl[0], IPC_ROOM_SUPERVISOR);
	fresh(&core, cor[0], IPC_ROOM_LEDGER);
	setup.n_peers = 1;
	setup.peers = peers;
	memset(&got, 0, sizeof(got));
	assert_int_equal(room_call_setup(&control, &setup, &cor[1], 1, on_answer, NULL), 0);
	assert_int_equal(answer(0), 0);
	close(cor[1]);
}

static void end_ledger(void)
{
	if (ledger_pid > 0) {
		kill(ledger_pid, SIGKILL);
		waitpid(ledger_pid, NULL, 0);
	}
	ledger_pid = 0;
}

static int claim(uint8_t g, double kill_at)
{
	struct ledger_claim_args a = { .guest = { g } };

	memset(&got, 0, sizeof(got));
	return ledger_call_claim(&core, &a, NULL, 0, on_claim, NULL) < 0 ? -EPIPE : answer(kill_at);
}

static int release(uint8_t g, double kill_at)
{
	struct ledger_guest a = { .guest = { g } };

	memset(&got, 0, sizeof(got));
	return ledger_call_release(&core, &a, NULL, 0, on_answer, NULL) < 0 ? -EPIPE : answer(kill_at);
}

static void list(void)
{
	memset(&got, 0, sizeof(got));
	assert_int_equal(ledger_call_list(&core, NULL, 0, on_list, NULL), 0);
	assert_int_equal(answer(0), 0);
}

/* ---- what launch and others see ---- */

/* The guest's folder below run/guests, as launch makes it. */
static void set_cage(uint8_t g, bool there)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/guests/%02x000000-0000-0000-0000-000000000000", dir, g);
	assert_int_equal(there ? mkdir(path, 0700) : rmdir(path), 0);
	guests[g].cage = there;
}

/* The folder has a link for each claim, with its uid, one file that is locked, and nothing else. */
static void check_folder(void)
{
	unsigned links = 0, wanted = 0, others = 0;
	DIR *d = opendir(CLAIMS);

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		const char *guest = strchr(e->d_name, '.');
		char path[512], text[300];
		unsigned g;
		ssize_t n;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CLAIMS "/%s", e->d_name);
		n = readlink(path, text, sizeof(text) - 1);
		if (n < 0) {
			others++;
			continue;
		}
		text[n] = '\0';
		assert_non_null(guest);
		assert_int_not_equal(guest[-1], '-');
		assert_int_equal(sscanf(guest, ".%2x000000-", &g), 1);
		if (g >= GUESTS || !guests[g].claimed || strtoul(text, NULL, 10) != guests[g].uid)
			fail_msg("%s -> %s", e->d_name, text);
		links++;
	}
	closedir(d);
	for (unsigned g = 0; g < GUESTS; g++) {
		wanted += guests[g].claimed;
		for (unsigned o = 0; o < g; o++)
			if (guests[g].claimed && guests[o].claimed)
				assert_int_not_equal(guests[g].uid, guests[o].uid);
	}
	assert_int_equal(links, wanted);
	assert_int_equal(others, 1);
}

/* ---- */

/* As core does with another ledger: what was not answered is asked again. */
static void again(uint8_t g, bool releasing)
{
	struct guest *x = &guests[g];
	bool was = x->claimed, there;

	unanswered++;
	list();
	there = got.listed[g];
	for (unsigned o = 0; o < GUESTS; o++)
		if (o != g && got.listed[o] != guests[o].claimed)
			fail_msg("guest %u: %s", o, got.listed[o] ? "a claim" : "its claim is lost");
	if (releasing && x->cage && !there)
		fail_msg("guest %u, which is there, has lost its claim", g);
	if (releasing) {
		assert_int_equal(release(g, 0), x->cage ? -EBUSY : 0);
		x->claimed = x->cage;
	} else {
		assert_false(was);
		assert_int_equal(claim(g, 0), 0);
		x->claimed = true;
		x->uid = got.uid;
	}
}

static void one_cycle(void)
{
	const uint8_t g = (uint8_t)((unsigned)rand() % GUESTS);
	struct guest *x = &guests[g];
	const bool releasing = x->claimed, hit = rand() % 2;
	double at = hit ? ms() + (double)(rand() % 1000) / 1000 * WINDOW_MS : 0;
	int r;

	if (releasing && rand() % 2)
		set_cage(g, !x->cage);
	r = releasing ? release(g, at) : claim(g, at);
	if (r == 0 && !releasing) {
		x->claimed = true;
		x->uid = got.uid;
		assert_true(x->uid >= FIRST && x->uid < FIRST + SETS * UIDS_EACH);
	} else if (r == 0) {
		assert_false(x->cage);
		x->claimed = false;
	} else if (!hit) {
		assert_int_equal(r, -EBUSY);
		assert_true(releasing && x->cage);
	}
	if (hit) {
		end_ledger();
		start_ledger();
		if (r != 0 && r != -EBUSY)
			again(g, releasing);
	}
	check_folder();
}

static void test_kill(void **state)
{
	const char *say = getenv("CORDON_CYCLES"), *seed = getenv("CORDON_SEED");
	const unsigned cycles = say ? (unsigned)strtoul(say, NULL, 10) : CYCLES;
	const unsigned s = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);

	ROOT();
	srand(s);
	print_message("    CORDON_SEED=%u\n", s);
	for (unsigned i = 0; i < cycles; i++)
		one_cycle();
	for (uint8_t g = 0; g < GUESTS; g++) {
		if (guests[g].cage)
			set_cage(g, false);
		assert_int_equal(release(g, 0), 0);
		guests[g].claimed = false;
	}
	check_folder();
	print_message("    %u cycles, %u kills, %u before an answer\n", cycles, kills, unanswered);
	assert_true(unanswered >= cycles / 20);
}

static int start(void **state)
{
	static char path[64];

	(void)state;
	log_open("test", LOG_LEVEL_ERROR, NULL);
	if (geteuid() != 0)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "%s/guests", mkdtemp(dir) ? dir : "");
	mkdir("/run/cordon", 0755);
	if (!getenv("CORDON_BUILD_ROOT") || chmod(dir, 0755) < 0 || mkdir(path, 0755) < 0 ||
	    unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("cordon", "/run/cordon", "tmpfs", 0, "mode=755") < 0 || mkdir(CLAIMS, 0700) < 0 ||
	    chown(CLAIMS, LEDGER_UID, LEDGER_UID) < 0)
		return -1;
	setup.conf = (struct config){
		.log_level = 4, .guest_uid_min = FIRST, .guest_uid_max = FIRST + SETS * UIDS_EACH - 1,
		.run_dir = dir, .unix_sock_dir = "", .vnc_listen = "", .instance = "", .state_dir = "",
		.log_dir = "", .emulator = "", .nvram_dir = "", .labels_dir = "",
	};
	start_ledger();
	return 0;
}

static int stop(void **state)
{
	char path[64];

	(void)state;
	end_ledger();
	for (uint8_t g = 0; g < GUESTS; g++)
		if (guests[g].cage)
			set_cage(g, false);
	snprintf(path, sizeof(path), "%s/guests", dir);
	rmdir(path);
	rmdir(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };

	return cmocka_run_group_tests(tests, start, stop);
}
