/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SELinux: which labels core may name, and how processes and files get theirs. "" is no label. */
#ifndef CORDON_LAUNCH_LABEL_H
#define CORDON_LAUNCH_LABEL_H

#include <stdbool.h>
#include <stddef.h>

#define LABEL_SIZE 256

/* The text after the n-th colon: 2: "type:level", 3: "level". NULL: there are not as many. */
const char *label_part(const char *label, int n);

/* Is it "user:role:type:level", of the characters that labels have, with a type of the list? */
bool label_type_in(const char *label, char *const *types, size_t n);

/* User and role of `who`, this type, the level of `level`; "" unless both are whole. */
void label_compose(const char *who, const char *type, const char *level, char out[LABEL_SIZE]);

/* This process's own label; "" without SELinux. */
void label_own(char out[LABEL_SIZE]);

/*
 * The label that this process's next "exec" or new sockets ("sockcreate") get, by its folder in
 * /proc (-1: /proc/self); sockets: until the next call, "\n" being the default again. A label that
 * the policy does not have is an error only with `must`. 0 or -errno.
 */
int label_next(int proc, const char *what, const char *label, bool must);

/* Label a file that is open as `fd`, or, when that is -1, has this name here. 0 or -errno. */
int label_file(int fd, const char *name, const char *label);

#endif
