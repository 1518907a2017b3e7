/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The private root of a caged program: a template holding the program, its
 * libraries and firmware, all read-only, is put together once in launch's own
 * mount namespace; each cage inherits it and pivots into it.
 */
#ifndef CORDON_LAUNCH_ROOT_H
#define CORDON_LAUNCH_ROOT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define ROOT_FILES_MAX 512                     /* libraries and modules of one program */
#define ROOT_COPY_MAX (UINT64_C(512) << 20)    /* a kernel or initrd, each */
#define ROOT_COPY_NAME_MAX 32

/* The programs that may be caged. The numbers are the protocol's. */
enum root_program {
	ROOT_QEMU_X86_64 = 1,
	ROOT_PASST = 2,
	ROOT_PROGRAM_COUNT,
};

struct root_template {
	enum root_program program;
	const char *path;          /* of the program, outside and inside */
	const char *fresh;         /* a host file that may be replaced meanwhile: bound per cage */
	char dir[PATH_MAX];        /* where the template is mounted */
	dev_t dev;                 /* the program file that it was built from */
	ino_t ino;
	int64_t mtime_ns;
	unsigned files;            /* bound files, for the log */
};

/* A file to copy to /boot/NAME of one cage (QEMU's -kernel and -initrd want a path). */
struct root_copy {
	int fd;                           /* read from offset 0 to its end */
	char name[ROOT_COPY_NAME_MAX];    /* [a-z0-9.-] */
};

/* What one cage adds to the template. */
struct root_extra {
	uid_t uid;                        /* owner of the files and of /dev/kvm */
	gid_t gid;
	bool kvm;
	const struct root_copy *copies;
	size_t n_copies;
};

/*
 * Give launch a mount namespace of its own: nothing mounted from here on is
 * seen by the host, what the host unmounts goes away here too. Once, at start.
 */
int root_detach(struct err *err);

/*
 * Build the template of `program` as a mount on `dir`, which is created (mode
 * 0700) below an existing parent; a template mounted there before is dropped.
 * The program and its libraries have to belong to root and be writable by
 * nobody else. -ENOENT when the program is not installed.
 */
int root_build(enum root_program program, const char *dir, struct root_template *ret,
	       struct err *err);

/* Unmount the template (cages that live keep theirs). */
void root_drop(struct root_template *t);

/* Is the program still the file that the template was built from? Else build again. */
bool root_is_current(const struct root_template *t);

/*
 * Called by a cage's child, still real root, alone in a new mount namespace:
 * device nodes, copies, then make the template the root. The old root is gone
 * afterwards, and so is every path.
 */
int root_enter(const struct root_template *t, const struct root_extra *x, struct err *err);

/* For root_build(): the list of files that one ELF file needs to start. */
struct root_list {
	unsigned n;
	char *path[ROOT_FILES_MAX];     /* as the dynamic linker will ask for it */
	char *source[ROOT_FILES_MAX];   /* the real file */
};

/*
 * Append `path`, its interpreter and, recursively, the libraries that its
 * dynamic section names. -ELOOP is never returned: a file is listed once.
 * The files are root's; the reading is bounds-checked all the same.
 */
int root_list_add(struct root_list *l, const char *path, struct err *err);
void root_list_free(struct root_list *l);

#endif
