/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the text of cordond.conf to struct config: the key table, defaults, checks. Pure. */
#ifndef CORDON_CONF_LOAD_H
#define CORDON_CONF_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/scan.h"
#include "proto/conf.x.h"

struct conf_load {
	const char *file;       /* for messages */
	const char *text;
	size_t len;
	const char *instance;   /* "" for the installed one, else its folder */
	const char *passwd;     /* texts of /etc/passwd and /etc/group */
	const char *group;
	struct arena *arena;    /* everything in the result lives here */
};

#define CONF_BYTES_MAX 28672u    /* of all values as they are sent */

struct conf_key;

/* Sets one key; on refusal `err` says why, without file, line and key. */
typedef int conf_set_fn(const struct conf_load *l, const struct conf_key *k,
			const struct conf_entry *e, struct config *cfg, struct err *err);

struct conf_key {
	const char *name;
	conf_set_fn *set;
	size_t off;               /* of the value in struct config */
	size_t count_off;         /* of the count, for lists */
	int64_t min, max;         /* numbers */
	const char *def;          /* as it would stand in the file; NULL: worked out by conf_load() */
	const char *def_private;  /* for --instance, @ standing for its folder; NULL: the same */
	const char *const *words; /* choices, NULL-terminated */
	const char *why;          /* said when a value is refused: what to do, or why it is */
};
extern const struct conf_key conf_keys[];
extern const unsigned conf_n_keys;

conf_set_fn conf_set_uint, conf_set_int, conf_set_uhyper, conf_set_bool, conf_set_path,
	    conf_set_paths, conf_set_perms, conf_set_uuid, conf_set_choice, conf_set_group,
	    conf_set_groups, conf_set_users, conf_set_address, conf_set_none, conf_set_word,
	    conf_set_later, conf_set_types, conf_set_open_as;

/*
 * Read all of the text. 0, or -EINVAL with one "file:line: key: what" for
 * every mistake, line by line, as far as `err` holds them; -ENOMEM.
 * What cordond fixes itself (folders, uids) is left empty.
 */
int conf_load(const struct conf_load *l, struct config *ret, struct err *err);

/*
 * The uids of the rooms: from `uid_base` on, or when that is 0 the accounts
 * cordon-core and so on, whose groups must bear the same numbers.
 * -ENOENT names the account that is missing.
 */
int conf_load_uids(const struct conf_load *l, uint32_t uid_base, struct config *cfg,
		   struct err *err);

#endif
