/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "vm/proc.h"
#include "vm/vm_fds.h"

#define TEXT_MAX 4096

static int read_file(const char *path, char text[TEXT_MAX])
{
	CLEAN_FD int fd = openat(VM_FD_PROC, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);

	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	text[n] = '\0';
	return 0;
}

static int read_stat(const char *path, struct proc_times *ret)
{
	char text[TEXT_MAX];
	int rc = read_file(path, text);

	return rc ? rc : proc_parse_stat(text, UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK),
					 (uint64_t)sysconf(_SC_PAGESIZE) / 1024, ret);
}

int proc_read_times(struct proc_times *ret)
{
	return read_stat("stat", ret);
}

int proc_read_thread(int tid, struct proc_times *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "task/%d/stat", tid);
	return read_stat(path, ret);
}

static int inner_tid(const char *tid)
{
	char path[64], text[TEXT_MAX];

	snprintf(path, sizeof(path), "task/%.20s/status", tid);
	return read_file(path, text) ? 0 : proc_parse_nspid(text);
}

int proc_map_threads(int *tids, size_t n)
{
	int fd = openat(VM_FD_PROC, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int *host = calloc(n + 1, sizeof(*host));
	struct dirent *e;

	if (!dir || !host) {
		int rc = -errno;

		if (dir)
			closedir(dir);
		else
			fd_close(&fd);
		free(host);
		return rc;
	}
	while ((e = readdir(dir))) {
		int inner = e->d_name[0] == '.' ? 0 : inner_tid(e->d_name);

		for (size_t i = 0; inner && i < n; i++)
			if (tids[i] == inner)
				host[i] = (int)strtol(e->d_name, NULL, 10);
	}
	closedir(dir);
	for (size_t i = 0; i < n; i++)
		tids[i] = host[i];
	free(host);
	return 0;
}
