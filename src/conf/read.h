/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that a configuration is made of. Texts end in NUL and stay for good. */
#ifndef CORDON_CONF_READ_H
#define CORDON_CONF_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Open cordond.conf; unless it `must_exist`, no file is an empty one. A descriptor, or -errno. */
int conf_open(const char *path, bool must_exist, struct err *err);

/* All of it. NULL with `err`. */
char *conf_read_text(int fd, const char *path, size_t *ret_len, struct err *err);

/* A file of names or numbers. NULL with `err`, which may be NULL for one that need not be there. */
char *conf_read_names(const char *path, struct err *err);

#endif
