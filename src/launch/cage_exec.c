/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last step inside the cage: take the argument list, shut the door, become the program. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch/cage.h"
#include "sandbox/sandbox.h"

/* All the environment a caged program gets. */
static const char *const environment[] = { "LANG=C", "HOME=/", "TMPDIR=/tmp", "PATH=" };
#define N_ENVIRONMENT (sizeof(environment) / sizeof(environment[0]))

static const struct sandbox_policy *const policies[ROOT_PROGRAM_COUNT] = {
	[ROOT_QEMU_X86_64] = &sandbox_policy_qemu,
	[ROOT_PASST] = &sandbox_policy_passt,
	[ROOT_SWTPM] = &sandbox_policy_swtpm,
};

/*
 * What execve() is given lies at a random address: the filter passes those
 * three pointers and no others, and the new image neither knows them nor has
 * that memory.
 */
struct exec_block {
	char *envp[N_ENVIRONMENT + 1];
	char path[128];
	char *argv[];     /* count + 2 places, then the strings */
};

static int read_all(int fd, void *p, size_t n)
{
	return recv(fd, p, n, MSG_WAITALL) == (ssize_t)n ? 0 : -EPIPE;
}

static int map_somewhere(size_t size, void **ret)
{
	const size_t page = 4096;

	for (int tries = 0; tries < 16; tries++) {
		uint64_t at;
		void *p;

		if (getrandom(&at, sizeof(at), 0) != (ssize_t)sizeof(at))
			return -EIO;
		at = (at & ((UINT64_C(1) << 46) - 1) & ~(page - 1)) + (UINT64_C(1) << 32);
		p = mmap((void *)(uintptr_t)at, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (p != MAP_FAILED) {
			*ret = p;
			return 0;
		}
	}
	return -ENOMEM;
}

/* What there is to come: bytes of all strings, and how many. */
static int measure(const char *const *args, int args_fd, uint32_t *size, uint32_t *count)
{
	uint8_t head[EXECARGS_HEAD];
	int r;

	if (!args) {
		r = read_all(args_fd, head, sizeof(head));
		return r < 0 ? r : execargs_head(head, size, count);
	}
	*size = 0;
	for (*count = 0; args[*count]; ++*count)
		*size += (uint32_t)strlen(args[*count]) + 1;
	return 0;
}

static int receive(const char *const *args, int args_fd, const char *path, struct exec_block **ret)
{
	struct exec_block *b = NULL;
	uint32_t size, count;
	void *p = NULL;
	char *strings;
	int r = measure(args, args_fd, &size, &count);

	if (r == 0)
		r = map_somewhere(sizeof(*b) + (count + 2) * sizeof(char *) + size, &p);
	if (r < 0)
		return r;
	b = p;
	strings = (char *)&b->argv[count + 2];
	for (char *to = strings; args && *args; args++)
		to = (char *)mempcpy(to, *args, strlen(*args) + 1);
	if (args_fd >= 0)
		r = read_all(args_fd, strings, size);
	if (r == 0)
		r = execargs_split(strings, size, count, b->argv);
	if (r < 0)
		return r;
	memcpy(b->path, path, strlen(path) + 1);   /* from the table in root_build.c */
	b->argv[0] = b->path;
	for (size_t i = 0; i < N_ENVIRONMENT; i++)
		b->envp[i] = (char *)environment[i];
	*ret = b;
	return 0;
}

int cage_child_exec(const struct cage_spec *s, int args_fd, struct err *err)
{
	const struct root_template *root = s->root;
	struct exec_block *b;
	int r = strlen(root->path) < sizeof(b->path) ? receive(s->args, args_fd, root->path, &b)
						     : -ENAMETOOLONG;

	if (r == -EPIPE)
		return err_set(err, r, ERR_OPERATION_FAILED, "cage: no argument list came");
	if (r < 0)
		return err_sys(err, r, "cage: the argument list");
	r = sandbox_load_policy_exec(policies[root->program], s->audit, b->path, b->argv, b->envp, err);
	if (r < 0)
		return r;
	execve(b->path, b->argv, b->envp);
	return err_sys(err, -errno, "cage: starting %s", root->path);
}
