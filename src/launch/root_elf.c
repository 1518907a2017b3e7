/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which libraries does a program need? Reads DT_NEEDED, as the dynamic linker does. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/root.h"

/* Where the dynamic linker looks without a cache, Debian's and the classic places. */
static const char *const library_dirs[] = {
#if defined(__x86_64__)
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
#endif
	"/lib64", "/usr/lib64", "/lib", "/usr/lib",
};
#define N_LIBRARY_DIRS (sizeof(library_dirs) / sizeof(library_dirs[0]))

struct elf {
	const uint8_t *data;
	size_t size;
	const ElfW(Phdr) *ph;
	unsigned n_ph;
	const char *strings;      /* of the dynamic section, ends with a NUL */
	size_t strings_size;
};

static const void *elf_at(const struct elf *e, uint64_t off, uint64_t len)
{
	return off <= e->size && len <= e->size - off ? e->data + off : NULL;
}

/* Translate an address of the loaded image to a place in the file. */
static bool elf_offset(const struct elf *e, uint64_t addr, uint64_t *ret)
{
	for (unsigned i = 0; i < e->n_ph; i++) {
		const ElfW(Phdr) *p = &e->ph[i];

		if (p->p_type == PT_LOAD && addr >= p->p_vaddr && addr - p->p_vaddr < p->p_filesz) {
			*ret = p->p_offset + (addr - p->p_vaddr);
			return true;
		}
	}
	return false;
}

static const char *elf_string(const struct elf *e, uint64_t at)
{
	return e->strings && at < e->strings_size ? e->strings + at : NULL;
}

static const ElfW(Dyn) *elf_dynamic(struct elf *e, size_t *ret_n)
{
	const ElfW(Dyn) *dyn = NULL;
	uint64_t str = 0, len = 0, off;
	size_t n = 0;

	for (unsigned i = 0; i < e->n_ph; i++)
		if (e->ph[i].p_type == PT_DYNAMIC) {
			n = e->ph[i].p_filesz / sizeof(*dyn);
			dyn = elf_at(e, e->ph[i].p_offset, e->ph[i].p_filesz);
		}
	for (size_t i = 0; dyn && i < n && dyn[i].d_tag != DT_NULL; i++) {
		if (dyn[i].d_tag == DT_STRTAB)
			str = dyn[i].d_un.d_ptr;
		if (dyn[i].d_tag == DT_STRSZ)
			len = dyn[i].d_un.d_val;
	}
	if (dyn && len && elf_offset(e, str, &off)) {
		e->strings = elf_at(e, off, len);
		e->strings_size = len;
		if (e->strings && e->strings[len - 1] != '\0')
			e->strings = NULL;
	}
	*ret_n = n;
	return dyn;
}

static int elf_open(const char *path, struct elf *e, struct err *err)
{
	CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ElfW(Ehdr) *h;
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "private root: %s", path);
	if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH) || !S_ISREG(st.st_mode))
		return err_set(err, -EPERM, ERR_OPERATION_DENIED,
			       "private root: %s is not root's own file, or others may write it",
			       path);
	p = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	if (p == MAP_FAILED)
		return err_set(err, -EINVAL, ERR_OPERATION_FAILED, "private root: cannot read %s",
			       path);
	*e = (struct elf){ .data = p, .size = (size_t)st.st_size };
	h = elf_at(e, 0, sizeof(*h));
	if (h && !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_phentsize == sizeof(e->ph[0]))
		e->ph = elf_at(e, h->e_phoff, (uint64_t)h->e_phnum * sizeof(e->ph[0]));
	if (e->ph) {
		e->n_ph = h->e_phnum;
		return 0;
	}
	munmap(p, e->size);
	return err_set(err, -ENOEXEC, ERR_OPERATION_FAILED, "private root: %s is no ELF file",
		       path);
}

/* Remember path -> real file. 1: new, 0: known, -errno. */
static int list_put(struct root_list *l, const char *path, const char *source)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->path[i], path))
			return 0;
	if (l->n == ROOT_FILES_MAX)
		return -E2BIG;
	l->path[l->n] = strdup(path);
	l->source[l->n] = strdup(source);
	if (!l->path[l->n] || !l->source[l->n]) {
		free(l->path[l->n]);
		free(l->source[l->n]);
		return -ENOMEM;
	}
	l->n++;
	return 1;
}

static bool try_dir(const char *dir, size_t dir_len, const char *name, char *ret)
{
	return dir_len && dir_len + strlen(name) + 2 < PATH_MAX &&
	       snprintf(ret, PATH_MAX, "%.*s/%s", (int)dir_len, dir, name) > 0 &&
	       access(ret, R_OK) == 0;
}

/* RUNPATH with $ORIGIN is for private trees, which no program on our list is. */
static int find_library(const char *name, const char *runpath, char *ret)
{
	if (strchr(name, '/'))
		return -EINVAL;
	for (const char *p = runpath; p && *p;) {
		size_t n = strcspn(p, ":");

		if (*p == '/' && try_dir(p, n, name, ret))
			return 0;
		p += n + (p[n] == ':');
	}
	for (size_t i = 0; i < N_LIBRARY_DIRS; i++)
		if (try_dir(library_dirs[i], strlen(library_dirs[i]), name, ret))
			return 0;
	return -ENOENT;
}

static int add_needed(struct root_list *l, struct elf *e, const char *path, struct err *err)
{
	const char *runpath = NULL;
	size_t n = 0;
	const ElfW(Dyn) *dyn = elf_dynamic(e, &n);

	for (size_t i = 0; dyn && i < n && dyn[i].d_tag != DT_NULL; i++)
		if (dyn[i].d_tag == DT_RUNPATH || dyn[i].d_tag == DT_RPATH)
			runpath = elf_string(e, dyn[i].d_un.d_val);
	for (size_t i = 0; dyn && i < n && dyn[i].d_tag != DT_NULL; i++) {
		char found[PATH_MAX];
		const char *name;
		int r;

		if (dyn[i].d_tag != DT_NEEDED)
			continue;
		name = elf_string(e, dyn[i].d_un.d_val);
		if (!name || find_library(name, runpath, found) < 0)
			return err_set(err, -ENOENT, ERR_OPERATION_FAILED,
				       "private root: %s needs %s, which is nowhere", path,
				       name ? name : "a library");
		r = root_list_add(l, found, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_interpreter(struct root_list *l, const struct elf *e, const char *path,
			   struct err *err)
{
	for (unsigned i = 0; i < e->n_ph; i++) {
		const char *interp;

		if (e->ph[i].p_type != PT_INTERP)
			continue;
		interp = elf_at(e, e->ph[i].p_offset, e->ph[i].p_filesz);
		if (!interp || !e->ph[i].p_filesz || interp[e->ph[i].p_filesz - 1] != '\0')
			return err_set(err, -ENOEXEC, ERR_OPERATION_FAILED,
				       "private root: %s names no interpreter", path);
		return root_list_add(l, interp, err);
	}
	return 0;
}

int root_list_add(struct root_list *l, const char *path, struct err *err)
{
	struct elf e = { 0 };
	char real[PATH_MAX];
	int r;

	if (!realpath(path, real))
		return err_sys(err, -errno, "private root: %s", path);
	r = list_put(l, path, real);
	if (r <= 0)
		return r < 0 ? err_sys(err, r, "private root: too many files") : 0;
	r = elf_open(real, &e, err);
	if (r < 0)
		return r;
	r = add_interpreter(l, &e, path, err);
	if (r == 0)
		r = add_needed(l, &e, path, err);
	munmap((void *)e.data, e.size);
	return r;
}

void root_list_free(struct root_list *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free(l->path[i]);
		free(l->source[i]);
	}
	l->n = 0;
}
