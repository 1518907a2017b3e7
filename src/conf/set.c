/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One setter for each kind of value in the key table. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/names.h"
#include "conf/uuid.h"

#define AT(type, cfg, k) (*(type *)(void *)((char *)(cfg) + (k)->off))
#define COUNT(cfg, k) (*(uint32_t *)(void *)((char *)(cfg) + (k)->count_off))

#define refuse(err, ...) err_set(err, -EINVAL, ERR_CONF_SYNTAX, __VA_ARGS__)

static int want(const struct conf_entry *e, enum conf_type type, struct err *err)
{
	return e->type == type ? 0 : refuse(err, "must be %s", conf_type_names[type]);
}

static int want_number(const struct conf_key *k, const struct conf_entry *e, struct err *err)
{
	int r = want(e, CONF_NUMBER, err);

	if (r == 0 && (e->number < k->min || e->number > k->max))
		return refuse(err, "must be %lld .. %lld, not %lld%s%s", (long long)k->min,
			      (long long)k->max, (long long)e->number, k->why ? ": " : "",
			      k->why ? k->why : "");
	return r;
}

int conf_set_uint(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		  struct config *cfg, struct err *err)
{
	int r = want_number(k, e, err);

	(void)l;
	if (r == 0)
		AT(uint32_t, cfg, k) = (uint32_t)e->number;
	return r;
}

int conf_set_int(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		 struct config *cfg, struct err *err)
{
	int r = want_number(k, e, err);

	(void)l;
	if (r == 0)
		AT(int32_t, cfg, k) = (int32_t)e->number;
	return r;
}

int conf_set_uhyper(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		    struct config *cfg, struct err *err)
{
	int r = want_number(k, e, err);

	(void)l;
	if (r == 0)
		AT(uint64_t, cfg, k) = (uint64_t)e->number;
	return r;
}

int conf_set_bool(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		  struct config *cfg, struct err *err)
{
	(void)l;
	if (e->type != CONF_NUMBER || (e->number != 0 && e->number != 1))
		return refuse(err, "must be 0 or 1");
	AT(bool, cfg, k) = e->number == 1;
	return 0;
}

static int check_path(const char *s, struct err *err)
{
	if (s[0] != '/')
		return refuse(err, "'%s' must be an absolute path", s);
	if (strlen(s) > CONF_TEXT_MAX)
		return refuse(err, "the path is longer than %d bytes", CONF_TEXT_MAX);
	for (const char *at = s; at; at = strchr(at, '/')) {
		at++;
		if (strncmp(at, "../", 3) == 0 || strcmp(at, "..") == 0)
			return refuse(err, "'%s' must not contain ..", s);
	}
	return 0;
}

int conf_set_path(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		  struct config *cfg, struct err *err)
{
	int r = want(e, CONF_STRING, err);

	if (r == 0)
		r = check_path(e->text, err);
	if (r < 0)
		return r;
	AT(char *, cfg, k) = arena_strdup(l->arena, e->text);
	return AT(char *, cfg, k) ? 0 : -ENOMEM;
}

static int set_texts(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		     int (*check)(const char *s, struct err *err), struct config *cfg,
		     struct err *err)
{
	int r = want(e, CONF_STRINGS, err);
	char **v;

	for (unsigned i = 0; r == 0 && i < e->n_items; i++)
		r = check(e->items[i], err);
	if (r < 0)
		return r;
	v = arena_calloc(l->arena, e->n_items + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < e->n_items; i++) {
		v[i] = arena_strdup(l->arena, e->items[i]);
		if (!v[i])
			return -ENOMEM;
	}
	AT(char **, cfg, k) = v;
	COUNT(cfg, k) = e->n_items;
	return 0;
}

int conf_set_paths(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		   struct config *cfg, struct err *err)
{
	return set_texts(l, k, e, check_path, cfg, err);
}

static int check_selinux_type(const char *s, struct err *err)
{
	if (!s[0] || strlen(s) > 255 ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
	    strlen(s))
		return refuse(err, "'%s' must be the name of a type alone, such as \"svirt_custom_t\"", s);
	return 0;
}

int conf_set_types(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		   struct config *cfg, struct err *err)
{
	return set_texts(l, k, e, check_selinux_type, cfg, err);
}

/* "/folder=UID" or "/folder=UID:GID"; the group is the user's number unless given. */
static int parse_open_as(const struct conf_load *l, const char *text, struct conf_open_as *ret,
			 struct err *err)
{
	const char *eq = strrchr(text, '=');
	char *ids, *colon;
	int r;

	if (!eq)
		return refuse(err, "'%s' must be \"/folder=UID\" or \"/folder=UID:GID\"", text);
	ret->path = arena_strndup(l->arena, text, (size_t)(eq - text));
	ids = arena_strdup(l->arena, eq + 1);
	if (!ret->path || !ids)
		return -ENOMEM;
	r = check_path(ret->path, err);
	if (r < 0)
		return r;
	colon = strchr(ids, ':');
	if (colon)
		*colon++ = '\0';
	/* root is whom the server does not want, and whom it gets without this */
	if (!conf_id_parse(ids, &ret->uid) || ret->uid == 0 ||
	    !conf_id_parse(colon ? colon : ids, &ret->gid))
		return refuse(err, "'%s' must end with numbers, \"=UID\" or \"=UID:GID\", of a user other than root",
			      text);
	return 0;
}

int conf_set_open_as(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		     struct config *cfg, struct err *err)
{
	int r = want(e, CONF_STRINGS, err);
	struct conf_open_as *v;

	if (r < 0)
		return r;
	v = arena_calloc(l->arena, e->n_items + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; r == 0 && i < e->n_items; i++)
		r = parse_open_as(l, e->items[i], &v[i], err);
	AT(struct conf_open_as *, cfg, k) = v;
	COUNT(cfg, k) = e->n_items;
	return r;
}

int conf_set_perms(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		   struct config *cfg, struct err *err)
{
	int r = want(e, CONF_STRING, err);
	unsigned v = 0;

	(void)l;
	if (r < 0)
		return r;
	for (const char *s = e->text; *s >= '0' && *s <= '7' && v <= 0777; s++)
		v = v * 8 + (unsigned)(*s - '0');
	if (strspn(e->text, "01234567") != strlen(e->text) || v == 0 || v > 0777)
		return refuse(err, "'%s' must be octal mode bits such as \"0770\"", e->text);
	AT(uint32_t, cfg, k) = v;
	return 0;
}

int conf_set_uuid(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		  struct config *cfg, struct err *err)
{
	int r = want(e, CONF_STRING, err);

	(void)l;
	if (r < 0)
		return r;
	r = conf_uuid_parse(e->text, (uint8_t *)cfg + k->off);
	if (r == -EDOM)
		return refuse(err, "the digits must not all be the same");
	return r == 0 ? 0 : refuse(err, "'%s' must be a UUID: 32 hexadecimal digits", e->text);
}

/* The position of the text among the words. */
static int which_word(const struct conf_key *k, const struct conf_entry *e, unsigned *ret_i,
		      struct err *err)
{
	int r = want(e, CONF_STRING, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; k->words[i]; i++)
		if (strcmp(k->words[i], e->text) == 0) {
			*ret_i = i;
			return 0;
		}
	if (!k->words[1])
		return refuse(err, "'%s' %s; only \"%s\"", e->text,
			      k->why ? k->why : "is not there yet", k->words[0]);
	return refuse(err, "'%s' must be \"%s\" or \"%s\"", e->text, k->words[0], k->words[1]);
}

/* A choice of two: false for the first word, true for the second. */
int conf_set_choice(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		    struct config *cfg, struct err *err)
{
	unsigned i = 0;
	int r = which_word(k, e, &i, err);

	(void)l;
	if (r == 0)
		AT(bool, cfg, k) = i == 1;
	return r;
}

/* A choice of one: there is nothing to set. */
int conf_set_none(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		  struct config *cfg, struct err *err)
{
	unsigned i;

	(void)l;
	(void)cfg;
	return which_word(k, e, &i, err);
}

/* One of the words, as a text. */
int conf_set_word(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		  struct config *cfg, struct err *err)
{
	unsigned i;
	int r = which_word(k, e, &i, err);

	if (r < 0)
		return r;
	AT(char *, cfg, k) = arena_strdup(l->arena, k->words[i]);
	return AT(char *, cfg, k) ? 0 : -ENOMEM;
}

static int find_id(const char *text, const char *name, const char *what, const char *file,
		   uint32_t *ret_id, struct err *err)
{
	if (conf_id_parse(name, ret_id) || conf_name_find(text, name, ret_id))
		return 0;
	return refuse(err, "%s '%s' is not in %s; if a directory service knows it, give its number",
		      what, name, file);
}

static int find_ids(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		    struct config *cfg, bool groups, struct err *err)
{
	int r = want(e, CONF_STRINGS, err);
	uint32_t *v;

	if (r < 0)
		return r;
	v = arena_calloc(l->arena, e->n_items + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; r == 0 && i < e->n_items; i++)
		r = groups ? find_id(l->group, e->items[i], "group", "/etc/group", &v[i], err)
			   : find_id(l->passwd, e->items[i], "user", "/etc/passwd", &v[i], err);
	if (r < 0)
		return r;
	AT(uint32_t *, cfg, k) = v;
	COUNT(cfg, k) = e->n_items;
	return 0;
}

int conf_set_users(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		   struct config *cfg, struct err *err)
{
	return find_ids(l, k, e, cfg, false, err);
}

int conf_set_groups(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		    struct config *cfg, struct err *err)
{
	return find_ids(l, k, e, cfg, true, err);
}

int conf_set_group(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		   struct config *cfg, struct err *err)
{
	int r = want(e, CONF_STRING, err);

	return r < 0 ? r : find_id(l->group, e->text, "group", "/etc/group",
				   &AT(uint32_t, cfg, k), err);
}

/* Only the form: cordond's inet_pton() has the last word when it listens. */
int conf_set_address(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		     struct config *cfg, struct err *err)
{
	int r = want(e, CONF_STRING, err);

	if (r < 0)
		return r;
	if (!e->text[0] || strspn(e->text, "0123456789abcdefABCDEF.:") != strlen(e->text))
		return refuse(err, "'%s' must be a numeric IPv4 or IPv6 address", e->text);
	AT(char *, cfg, k) = arena_strdup(l->arena, e->text);
	return AT(char *, cfg, k) ? 0 : -ENOMEM;
}

static bool same_value(const struct conf_entry *a, const struct conf_entry *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == CONF_STRING)
		return strcmp(a->text, b->text) == 0;
	if (a->type == CONF_NUMBER)
		return a->number == b->number;
	return a->n_items == 0 && b->n_items == 0;
}

int conf_set_later(const struct conf_load *l, const struct conf_key *k, const struct conf_entry *e,
		   struct config *cfg, struct err *err)
{
	struct conf_entry only;
	struct conf_scan s;
	char *text;

	(void)cfg;
	if (!k->def)
		return refuse(err, "%s", k->why);
	text = arena_printf(l->arena, "x = %s", k->def);
	if (!text)
		return -ENOMEM;
	conf_scan_init(&s, "", text, strlen(text), l->arena);
	if (conf_scan_next(&s, &only, err) == 1 && same_value(e, &only))
		return 0;
	return refuse(err, "only %s is accepted: %s", k->def, k->why);
}
