/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bombs. Each goes past what a guest may have; the test looks outside how the others fare meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "escape.h"

#define STACK 16384
#define FLOOD_S 1
#define HOG_S 3
#define MIB (1l << 20)
#define OWN_FDS 512          /* what we were given lies below */
#define PIPES 128

static volatile int stop;

static void *sleeper(void *arg)
{
	while (!stop)
		usleep(100000);
	return arg;
}

static void *spinner(void *arg)
{
	while (!stop)
		;
	return arg;
}

static int thread(void *(*run)(void *))
{
	pthread_attr_t a;
	pthread_t t;
	int r;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, STACK);
	r = -pthread_create(&t, &a, run, NULL);
	pthread_attr_destroy(&a);
	return r;
}

/* As many threads as the target says; a process bomb is `fork`, refused for itself. */
static int threads(void)
{
	long max = target_number("threads_over");
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
	int r = 0;

	(void)setrlimit(RLIMIT_NPROC, &l);
	for (long i = 0; i < max && r == 0; i++)
		r = thread(sleeper);
	return r;
}

/* More memory than the group may have, touched. */
static int memory(void)
{
	long left = target_number("memory_over_mib");

	for (; left > 0; left -= 16) {
		char *p = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			return -errno;
	}
	return 0;
}

/* The same as a file in memory, which no address space limit sees. */
static int memory_file(void)
{
	long left = target_number("memory_over_mib");
	int fd = (int)syscall(SYS_memfd_create, "escape", 0u);
	int r = fd < 0 ? -errno : 0;

	for (off_t at = 0; r == 0 && left > 0; left -= 16, at += 16 * MIB)
		r = outcome(fallocate(fd, 0, at, 16 * MIB));
	if (fd >= 0)
		close(fd);
	return r;
}

static int memory_lock(void)
{
	struct rlimit l = { 64 * MIB, 64 * MIB };
	char *p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	(void)setrlimit(RLIMIT_MEMLOCK, &l);
	r = p == MAP_FAILED ? -errno : outcome(mlock(p, 64 * MIB));
	if (p != MAP_FAILED)
		munmap(p, 64 * MIB);
	return r;
}

static int descriptors(void)
{
	const rlim_t over = (rlim_t)target_number("fds_over");
	struct rlimit l = { over + OWN_FDS, over + OWN_FDS };
	int fd = 0, r;

	(void)setrlimit(RLIMIT_NOFILE, &l);
	for (rlim_t i = 0; i < over && fd >= 0; i++)
		fd = fcntl(1, F_DUPFD_CLOEXEC, OWN_FDS);
	r = outcome(fd);
	close_range(OWN_FDS, ~0u, 0);
	return r;
}

/* Kernel memory in pipes and sockets. */
static int pipes(void)
{
	static char fill[MIB];
	int r = 0;

	for (int i = 0; i < PIPES && r == 0; i++) {
		int p[2], in, out;

		if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
			return -errno;
		in = fcntl(p[1], F_DUPFD_CLOEXEC, OWN_FDS);
		out = fcntl(p[0], F_DUPFD_CLOEXEC, OWN_FDS);
		close(p[0]);
		close(p[1]);
		r = out < 0 ? -errno : outcome(fcntl(in, F_SETPIPE_SZ, (int)MIB));
		if (r == 0)
			r = outcome(write(in, fill, sizeof(fill)));
	}
	close_range(OWN_FDS, ~0u, 0);
	return r;
}

/* Is there any file system that we could fill, beside our own image? */
static int disk_fill(void)
{
	static const char *const dirs[] = { "/", "/tmp", "/var/tmp", "/run", "/dev", "/dev/shm", "/boot" };
	int r = -ENOENT;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char path[64];
		int fd, one;

		snprintf(path, sizeof(path), "%s/cordon-escape-fill-%d", dirs[i], (int)getpid());
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		one = fd < 0 ? -errno : outcome(fallocate(fd, 0, 0, 4 * MIB));
		r = i ? better(r, one) : one;
		if (fd >= 0) {
			close(fd);
			unlink(path);
		}
	}
	return r;
}

static bool time_left(const struct timespec *begin, time_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - begin->tv_sec <= seconds;
}

/* What QEMU prints lands in a log of the host. */
static int log_flood(void)
{
	static char line[4096];
	struct timespec begin;
	long left = 256 * MIB;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (left > 0 && time_left(&begin, FLOOD_S)) {
		ssize_t n = write(STDERR_FILENO, line, sizeof(line));

		if (n > 0)
			left -= n;
		else
			usleep(200);
	}
	return ESCAPE_UNDONE;
}

/* All processors, for as long as it takes to see what others have of them. */
static int processor_hog(void)
{
	struct timespec begin;
	int r = 0;

	for (int i = 0; i < 16 && r == 0; i++)
		r = thread(spinner);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (time_left(&begin, HOG_S))
		;
	stop = 1;
	return ESCAPE_UNDONE;
}

const struct attack resources_attacks[] = {
	{ "lock-memory", "lock 64 MiB of memory", memory_lock, 0, NULL },
	{ "descriptors", "open more descriptors than a guest may", descriptors, 0, "fds_over" },
	{ "pipes", "128 MiB of kernel memory in pipes", pipes, 0, NULL },
	{ "disk-fill", "fill a file system of the host", disk_fill, 0, NULL },
	{ "log-flood", "flood the log: 256 MiB in a second", log_flood, A_LAST | A_ALONE, NULL },
	{ "processors", "16 threads that spin", processor_hog, A_LAST | A_ALONE, NULL },
	{ "threads", "more threads than a guest may have", threads, A_LAST, "threads_over" },
	{ "memory-files", "more memory than a guest may have, in memory files", memory_file, A_LAST,
	  "memory_over_mib" },
	{ "memory", "more memory than a guest may have", memory, A_LAST, "memory_over_mib" },
	{ 0 },
};
