/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hostile program. In the place of QEMU (started as such): reads its
 * targets from its own disk, tries what has no result yet, writes results
 * behind them, and ends. A guest that is started again goes on behind the
 * attack that ended the last one.
 *
 *   escape list                          id, flags, what it needs, what it is
 *   escape control TARGETS ID...         uncaged: each in a process of its own; one line a result
 *   escape filter OUT PROGRAM ARG...     the system call filter that a program loads
 *   escape race, escape naive            see race.c
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escape.h"

#define MAGIC "ESCAPE TARGETS\n"
#define TARGETS_SIZE (64 << 10)     /* then the results; tests/escape/scene.py knows it too */
#define RESULTS_SIZE (64 << 10)
#define ATTACK_S 60

static const char *filter_text;     /* QEMU's own filter, where it is in force */
static char results[RESULTS_SIZE + 1];
static size_t results_len;

static void put_result(const char *id, const char *text)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "%s %s\n", id, text);

	if (results_len + (size_t)n > RESULTS_SIZE ||
	    pwrite(own_disk, line, (size_t)n, (off_t)(TARGETS_SIZE + results_len)) != n)
		_exit(3);
	results_len += (size_t)n;
}

/* As init of a pid namespace we have to handle it, or it does nothing. */
static void too_long(int sig)
{
	(void)sig;
	_exit(4);
}

/* Mounts and names that a probe changes are the child's own. */
static void apart(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(5);
}

/* In a process of its own, so that what it changes about itself is gone afterwards. */
static const char *run_in_child(const struct attack *a, char text[64])
{
	int status = 0, fd[2], r = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		exit(5);
	if (pid == 0) {
		close(fd[0]);
		alarm(ATTACK_S);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (uncaged)
			apart();
		else if (filter_text && filter_load(filter_text) < 0)
			_exit(5);
		r = attack_run(a);
		_exit(write(fd[1], &r, sizeof(r)) == sizeof(r) ? 6 : 5);
	}
	close(fd[1]);
	if (read(fd[0], &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	waitpid(pid, &status, 0);
	close(fd[0]);
	if (WIFSIGNALED(status)) {
		snprintf(text, 64, "killed SIG%s", sigabbrev_np(WTERMSIG(status)));
		return text;
	}
	/* nothing came and it ended well: it is another program now */
	return attack_result(r == -EIO && status == 0 ? 0 : r, text);
}

/* "id " at the beginning of a line: it was tried before. */
static bool tried(const char *id)
{
	size_t n = strlen(id);

	for (const char *p = results; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, id, n) && p[n] == ' ')
			return true;
	return false;
}

/* "" lets everything through, else a list with a blank on each side. */
static bool wanted(const struct attack *a)
{
	const char *only = target("only");

	return only && *only ? attack_named(a, only) : !(a->flags & (A_ALONE | A_CONTROL));
}

static void attack_all(unsigned flags)
{
	for (const struct attack *const *t = attack_tables; *t; t++)
		for (const struct attack *a = *t; a->id; a++) {
			char text[64];

			if ((a->flags & A_LAST) != flags || !wanted(a) || tried(a->id))
				continue;
			put_result(a->id, "begin");
			alarm(ATTACK_S);
			put_result(a->id, target("may_fork") ? run_in_child(a, text)
							     : attack_result(attack_run(a), text));
			alarm(0);
		}
}

static int take_disk(int fd)
{
	static char text[TARGETS_SIZE + 1];
	ssize_t n = pread(fd, text, TARGETS_SIZE, 0);

	if (n < (ssize_t)sizeof(MAGIC) || memcmp(text, MAGIC, sizeof(MAGIC) - 1) ||
	    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return -ENOENT;
	own_disk = fd;
	n = pread(fd, results, RESULTS_SIZE, TARGETS_SIZE);
	results_len = n > 0 ? strnlen(results, (size_t)n) : 0;
	results[results_len] = '\0';
	return targets_parse(text + sizeof(MAGIC) - 1);
}

/* libvirt names the file, Cordon hands it in. */
static int find_disk(int argc, char **argv)
{
	static const char key[] = "\"filename\":\"";

	for (int fd = 3; fd < 1024; fd++)
		if (take_disk(fd) == 0)
			return 0;
	for (int i = 1; i < argc; i++) {
		const char *at = strstr(argv[i], key);
		char path[4096];
		int fd;

		if (!at)
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(at + sizeof(key) - 1, "\""),
			 at + sizeof(key) - 1);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && take_disk(fd) == 0)
			return 0;
	}
	return -ENOENT;
}

/* -netdev {"type":"stream",...,"addr":{"type":"fd","str":"24"}} */
static void find_sockets(int argc, char **argv)
{
	static const char key[] = "\"type\":\"fd\",\"str\":\"";
	static char text[16];

	for (int i = 1; i < argc; i++) {
		const char *at = strstr(argv[i], key);

		(void)monitor_find(argv[i]);
		if (!at)
			continue;
		snprintf(text, sizeof(text), "%ld", strtol(at + sizeof(key) - 1, NULL, 10));
		target_add("own_net_fd", text);
	}
}

/*
 * libvirtd takes an emulator's path and asks that program what it can do; so
 * this one passes for QEMU by becoming it, but in the guest "hostile".
 */
static void pass_for_qemu(char **argv)
{
	for (char **a = argv; *a; a++)
		if (!strncmp(*a, "guest=hostile,", 14))
			return;
	execv("/usr/bin/qemu-system-x86_64", argv);
	_exit(127);
}

static bool asked_for(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

static int in_place_of_qemu(int argc, char **argv)
{
	signal(SIGALRM, too_long);
	signal(SIGPIPE, SIG_IGN);
	if (find_disk(argc, argv) < 0) {
		fprintf(stderr, "escape: no disk with targets\n");
		return 2;
	}
	find_sockets(argc, argv);
	if (asked_for(argc, argv, "-sandbox"))
		filter_text = target("qemu_filter");
	/* with it there is no fork: then each attack's own process loads it */
	if (filter_text && !target("may_fork") && filter_load(filter_text) < 0) {
		fprintf(stderr, "escape: QEMU's own filter: %s\n", strerrordesc_np(errno));
		return 2;
	}
	if (target("monitor"))
		return monitor_serve();
	attack_all(0);
	attack_all(A_LAST);
	put_result("end", "end");
	return 0;
}

/* ---- uncaged ---- */

static void control_one(const struct attack *a)
{
	char text[64];

	printf("%s %s\n", a->id, run_in_child(a, text));
	fflush(stdout);
}

static int control(const char *path, char **ids)
{
	static char text[TARGETS_SIZE];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	/* the victim's secret is in it, too: fd-inventory would find that */
	if (f)
		fclose(f);
	if (!n || targets_parse(text) < 0)
		return 2;
	uncaged = true;
	signal(SIGPIPE, SIG_IGN);
	for (; *ids; ids++)
		for (const struct attack *const *t = attack_tables; *t; t++)
			for (const struct attack *a = *t; a->id; a++)
				if (!strcmp(a->id, *ids))
					control_one(a);
	return 0;
}

static int list(void)
{
	for (const struct attack *const *t = attack_tables; *t; t++)
		for (const struct attack *a = *t; a->id; a++)
			printf("%s\t%u\t%s\t%s\n", a->id, a->flags, a->needs ? a->needs : "-", a->what);
	return 0;
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[0], ESCAPE_AGAIN))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "--version"))
		return puts("QEMU emulator version 7.2.0 (escape)") < 0;
	if (argc > 1 && !strcmp(argv[1], "list"))
		return list();
	if (argc > 2 && !strcmp(argv[1], "control"))
		return control(argv[2], argv + 3);
	if (argc == 5 && !strcmp(argv[1], "race"))
		return race_run(argv[2], argv[3], argv[4]) ? 1 : 0;
	if (argc == 5 && !strcmp(argv[1], "naive"))
		return race_naive(argv[2], argv[3], strtol(argv[4], NULL, 10));
	if (argc > 3 && !strcmp(argv[1], "filter"))
		return filter_dump(argv[2], argv + 3) ? 1 : 0;
	if (!strstr(argv[0], "/qemu-system-"))
		pass_for_qemu(argv);
	return in_place_of_qemu(argc, argv);
}
