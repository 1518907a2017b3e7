/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `cordond --check` says, by the program itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/* The program on a configuration: its exit status, what it wrote to `from` in `said`. */
static int check(const char *conf, int from, char *said, size_t size)
{
	char program[4096];
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/cordond", getenv("CORDON_BUILD_ROOT"));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], from);
		execl(program, program, "--check", "--config", conf, NULL);
		_exit(127);
	}
	fd_close(&pipes[1]);
	n = fd_read_all(pipes[0], said, size - 1);
	fd_close(&pipes[0]);
	assert_true(n >= 0);
	said[n] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_conf(const char *conf, const char *text)
{
	int fd = open(conf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	fd_close(&fd);
}

/* A line for each mistake, file and line first, as editors take it. */
static void test_mistakes(void **state)
{
	char conf[] = "/tmp/cordon-check-XXXXXX", said[4096], want[512];
	int fd = mkstemp(conf);

	(void)state;
	fd_close(&fd);
	write_conf(conf, "max_clients = 0\nmax_guests = 7\nmax_gusts = 7\n");
	snprintf(want, sizeof(want), "%s:1: max_clients: must be 1 .. 100000, not 0\n"
		 "%s:3: unknown key 'max_gusts'\n", conf, conf);
	assert_int_equal(check(conf, STDERR_FILENO, said, sizeof(said)), 1);
	assert_string_equal(said, want);
	write_conf(conf, "max_guests = 7\n");
	assert_int_equal(check(conf, STDOUT_FILENO, said, sizeof(said)), 0);
	assert_string_equal(said, "ok\n");
	assert_int_equal(unlink(conf), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_mistakes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
