/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose end cordon-launch tells of: of a passt that it started, and of no other process with its pid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "launch/launch.h"

#define UUID "00000000-0000-4000-8000-000000000000"

struct launch launch;
static char dir[] = "/tmp/cordon-helper-XXXXXX";

/* A child of ours, until said() kills it. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* What launch says when the child has ended. */
static const char *said(pid_t pid)
{
	static char text[4096];
	int fd = memfd_create("log", 0), keep = dup(2);
	siginfo_t si;
	ssize_t n;

	assert_int_equal(kill(pid, SIGKILL) | waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	dup2(fd, 2);
	cleanup_children();
	dup2(keep, 2);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	close(keep);
	assert_int_equal(kill(pid, 0), -1);   /* it was reaped */
	return text;
}

static void ours(void **state)
{
	struct cell *c = cell_new((uint8_t[16]){ [6] = 0x40, [8] = 0x80 });
	pid_t pid = child();

	(void)state;
	assert_non_null(c);
	assert_int_equal(watched_open(&c->qemu, getpid(), 0), 0);
	assert_int_equal(watched_open(&c->helpers[c->n_helpers++], pid, 0), 0);
	assert_non_null(strstr(said(pid), "guest " UUID " (): passt ended, status 0x9"));
	cell_free(c);
}

/* The one that an earlier launch started has long ended: a child of ours has its pid by now. */
static void an_earlier_launchs(void **state)
{
	pid_t pid = child();
	FILE *f;

	(void)state;
	f = fopen(UUID "/pids", "we");
	assert_non_null(f);
	fprintf(f, "qemu %d %" PRIu64 "\npasst %d %" PRIu64 "\n", (int)getpid(), proc_start(getpid()), (int)pid,
		proc_start(pid));
	fclose(f);
	assert_int_equal(cells_load(), 0);
	assert_non_null(launch.cells);
	assert_int_equal(launch.cells->n_helpers, 2);
	assert_string_equal(said(pid), "");
	cell_free(launch.cells);
}

static int setup(void **state)
{
	(void)state;
	log_open("launch", LOG_LEVEL_ERROR, NULL);
	launch.timer = -1;
	launch.run_dir = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return launch.run_dir < 0 || fchdir(launch.run_dir) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	folder_remove(launch.run_dir, UUID);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ours), cmocka_unit_test(an_earlier_launchs) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
