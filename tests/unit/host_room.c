/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real cordon-host in its sandbox, asked for facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "ipc/serve.h"
#include "proto/hostd.x.h"
#include "proto/room.x.h"
#include "room_help.h"

#define UID_HOST 1879148003u

static struct ipc_chan control, core;
static pid_t room;
static bool done;
static struct arena *kept;
static const struct host_facts *facts;

static void on_answer(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	if (r->rc)
		print_message("%s\n", r->err->text);
	assert_int_equal(r->rc, 0);
	done = true;
	facts = r->ret;
	arena_free(kept);
	kept = take_ptr(r->arena);
}

static int start(void **state)
{
	struct room_setup s = { .conf = {
		.log_level = 1, .uid_host = UID_HOST, .emulator = "/usr/bin/qemu-system-x86_64",
		.unix_sock_dir = "", .vnc_listen = "", .instance = "", .state_dir = "", .log_dir = "",
		.run_dir = "", .nvram_dir = "", .labels_dir = "",
	} };
	uint32_t peers[] = { ROOM_CORE };
	int ctl[2], cor[2];
	char bin[512];

	(void)state;
	if (geteuid() != 0)
		return 0;
	if (!getenv("CORDON_BUILD_ROOT") || ipc_pair(ctl) < 0 || ipc_pair(cor) < 0)
		return -1;
	snprintf(bin, sizeof(bin), "%s/cordon-host", getenv("CORDON_BUILD_ROOT"));
	room = fork();
	if (room == 0) {
		dup2(ctl[1], 3);
		execl(bin, "cordon-host", NULL);
		_exit(127);
	}
	ipc_chan_init(&control, ctl[0], "room", IPC_ROOM_HOST);
	ipc_chan_queue(&control);
	ipc_chan_init(&core, cor[0], "host", IPC_ROOM_HOST);
	ipc_chan_queue(&core);
	s.n_peers = 1;
	s.peers = peers;
	if (room_call_setup(&control, &s, &cor[1], 1, on_answer, NULL) < 0 ||
	    ipc_wait(&control, &done, 10000) < 0)
		return -1;
	close(ctl[1]);
	close(cor[1]);
	return 0;
}

static int stop(void **state)
{
	int status;

	(void)state;
	if (!room)
		return 0;
	ipc_chan_close(&control, "end");
	fd_close(&control.fd);
	waitpid(room, &status, 0);
	arena_free(kept);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static double ask(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	done = false;
	assert_int_equal(hostd_call_facts(&core, NULL, 0, on_answer, NULL), 0);
	assert_int_equal(ipc_wait(&core, &done, 20000), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
}

static void test_facts(void **state)
{
	struct sysinfo si;
	char name[256];
	double first, second;
	uint32_t cpus = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	first = ask();
	second = ask();
	print_message("    facts: first %.1f ms, then %.3f ms; kvm %s%s\n", first, second,
		      facts->kvm ? "usable" : "not usable: ", facts->kvm_reason ? facts->kvm_reason : "");
	gethostname(name, sizeof(name));
	sysinfo(&si);
	assert_string_equal(facts->hostname, name);
	assert_int_equal(facts->memory_kib, (uint64_t)si.totalram * si.mem_unit / 1024);
	assert_int_equal(facts->cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(facts->nodes * facts->sockets * facts->dies * facts->cores * facts->threads,
			 facts->cpus);
	for (uint32_t i = 0; i < facts->n_cells; i++)
		cpus += facts->cells[i].n_cpus;
	assert_int_equal(cpus, facts->cpus);
	assert_true(facts->n_cpu_flags > 0);
	if (access("/usr/bin/qemu-system-x86_64", X_OK) == 0)
		assert_true(facts->qemu_version >= 1000000);
	assert_true(facts->kvm || facts->kvm_reason[0]);
}

/* Nothing is left of what it was started with. */
static void test_process(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	has_only(room, UID_HOST, "0000000000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_facts), cmocka_unit_test(test_process) };

	return cmocka_run_group_tests(tests, start, stop);
}
