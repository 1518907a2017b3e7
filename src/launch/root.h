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
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* The programs that may be caged. The numbers are the protocol's. */
enum root_program {
	ROOT_QEMU_X86_64 = 1,
	ROOT_PASST = 2,
	ROOT_SWTPM = 3,
	ROOT_PROGRAM_COUNT,
};

/*
 * What a template was built from: the program file; what ldconfig(8) replaces at each update of a
 * library (of Debian's packages by dpkg's trigger); the time zone. Zeros: it was not there.
 */
#define ROOT_SOURCES 3

struct root_template {
	enum root_program program;
	const char *path;          /* of the program, outside and inside */
	char dir[PATH_MAX];        /* where the template is mounted */
	struct stat built_from[ROOT_SOURCES];
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

/* Is all of built_from still the same? Else build again. True as well once the program is gone. */
bool root_is_current(const struct root_template *t);

/*
 * Called by a cage's child, still real root, alone in a new mount namespace:
 * device nodes, copies, then make the template the root. The old root is gone
 * afterwards, and so is every path.
 */
struct cage_spec;
int root_enter(const struct cage_spec *s, struct err *err);

/*
 * SELinux: give our `path`, which lies on a file system of our own, the label of the host's `like`.
 * 0 as well where there are no labels.
 */
int root_label(const char *like, const char *path);

#endif
