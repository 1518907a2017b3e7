/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirtd.conf's syntax: key = "text" | number | [ "text", ... ], comments from # to the end of line. */
#ifndef CORDON_CONF_SCAN_H
#define CORDON_CONF_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define CONF_FILE_MAX 1048576   /* bytes of a configuration file */
#define CONF_ITEMS_MAX 64       /* texts in one list */

enum conf_type { CONF_STRING, CONF_NUMBER, CONF_STRINGS };
extern const char *const conf_type_names[];   /* for messages: "a text in quotes", ... */

struct conf_entry {
	const char *key;
	unsigned line;              /* of the key, from 1 */
	enum conf_type type;
	const char *text;           /* CONF_STRING; NUL-terminated, no NUL inside */
	int64_t number;             /* CONF_NUMBER */
	unsigned n_items;           /* CONF_STRINGS */
	const char *items[CONF_ITEMS_MAX];
};

struct conf_scan {
	const char *file;           /* for messages */
	const char *at, *end;
	unsigned line;
	struct arena *arena;        /* keys and texts go here */
};

void conf_scan_init(struct conf_scan *s, const char *file, const char *text, size_t len,
		    struct arena *arena);

/*
 * The next assignment. 1: there is one; 0: end of the text; -EINVAL with
 * "file:line: what" in `err`: the rest cannot be read; -ENOMEM.
 */
int conf_scan_next(struct conf_scan *s, struct conf_entry *ret, struct err *err);

#endif
