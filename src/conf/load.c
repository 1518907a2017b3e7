/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/names.h"

#define KEYS_MAX 128

struct state {
	const struct conf_load *l;
	struct config cfg;
	unsigned lines[KEYS_MAX];   /* where a key was given; 0: not */
	unsigned mistakes;
	size_t used;                /* of err->text */
};

/* One more line in the list of mistakes; what does not fit is counted out. */
static void add_mistake(struct state *s, const char *text, struct err *err)
{
	size_t room = sizeof(err->text) - s->used;
	int n;

	if (s->mistakes++ && room > 1) {
		err->text[s->used++] = '\n';
		room--;
	}
	n = snprintf(err->text + s->used, room, "%s", text);
	s->used += (size_t)n < room ? (size_t)n : room - 1;
	err->code = ERR_CONF_SYNTAX;
}

static const struct conf_key *find_key(const char *name)
{
	for (unsigned i = 0; i < conf_n_keys; i++)
		if (strcmp(conf_keys[i].name, name) == 0)
			return &conf_keys[i];
	return NULL;
}

static int set_entry(struct state *s, const struct conf_entry *e, struct err *err)
{
	const struct conf_key *k = find_key(e->key);
	unsigned *line;
	int r;

	if (!k)
		return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "%s:%u: unknown key '%s'",
			       s->l->file, e->line, e->key);
	line = &s->lines[k - conf_keys];
	if (*line)
		return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "%s:%u: %s: given in line %u already",
			       s->l->file, e->line, e->key, *line);
	*line = e->line;
	r = k->set(s->l, k, e, &s->cfg, err);
	return r < 0 ? err_prefix(err, r, "%s:%u: %s", s->l->file, e->line, e->key) : 0;
}

static int read_text(struct state *s, struct err *err)
{
	struct conf_entry e;
	struct conf_scan scan;
	struct err one;
	int more, r;

	conf_scan_init(&scan, s->l->file, s->l->text, s->l->len, s->l->arena);
	for (;;) {
		one = (struct err){ 0 };
		more = conf_scan_next(&scan, &e, &one);
		if (more == 0)
			return 0;
		r = more < 0 ? more : set_entry(s, &e, &one);
		if (r == -ENOMEM)
			return err_set(err, r, ERR_NO_MEMORY, "%s: out of memory", s->l->file);
		if (r < 0)
			add_mistake(s, one.text, err);
		if (more < 0)
			return 0;
	}
}

/* The default as it would stand in the file, @ replaced by the instance's folder. */
static char *default_text(const struct conf_load *l, const struct conf_key *k)
{
	bool private = l->instance[0] && k->def_private;
	const char *def = private ? k->def_private : k->def;
	char *text = arena_printf(l->arena, "%s = ", k->name);

	while (text && *def) {
		size_t n = private ? strcspn(def, "@") : strlen(def);

		text = arena_printf(l->arena, "%s%.*s%s", text, (int)n, def,
				    def[n] ? l->instance : "");
		def += n + (def[n] == '@');
	}
	return text;
}

static int set_defaults(struct state *s, struct err *err)
{
	for (unsigned i = 0; i < conf_n_keys; i++) {
		const struct conf_key *k = &conf_keys[i];
		struct conf_scan scan;
		struct conf_entry e;
		char *text;
		int r;

		if (s->lines[i] || !k->def)
			continue;
		text = default_text(s->l, k);
		if (!text)
			return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
		conf_scan_init(&scan, "default", text, strlen(text), s->l->arena);
		r = conf_scan_next(&scan, &e, err);
		if (r == 1)
			r = k->set(s->l, k, &e, &s->cfg, err);
		if (r < 0)
			return err_prefix(err, r, "default of %s", k->name);
	}
	return 0;
}

static bool given(const struct state *s, const char *name, unsigned *ret_line)
{
	const struct conf_key *k = find_key(name);

	*ret_line = s->lines[k - conf_keys];
	return *ret_line != 0;
}

/* unix_sock_group administers, as it does in libvirtd. */
static int add_sock_group(struct state *s)
{
	struct config *c = &s->cfg;
	uint32_t *v = arena_calloc(s->l->arena, c->n_unix_rw_gids + 1, sizeof(*v));
	unsigned line;

	if (!v)
		return -ENOMEM;
	if (!given(s, "unix_sock_group", &line))
		return 0;
	if (c->n_unix_rw_gids)
		memcpy(v, c->unix_rw_gids, c->n_unix_rw_gids * sizeof(*v));
	v[c->n_unix_rw_gids++] = c->unix_sock_gid;
	c->unix_rw_gids = v;
	return 0;
}

/* Modes that let in whom the lists let in, and spare all others the walk to cordond's door. */
static void choose_perms(struct state *s)
{
	struct config *c = &s->cfg;
	bool group = false, rw, ro;
	unsigned line;

	group = given(s, "unix_sock_group", &line);
	rw = c->n_unix_rw_uids || c->n_unix_rw_gids > group;
	ro = c->unix_ro_open || c->n_unix_ro_uids || c->n_unix_ro_gids;
	if (!c->unix_sock_rw_perms)
		c->unix_sock_rw_perms = rw ? 0777 : group ? 0770 : 0700;
	if (!c->unix_sock_ro_perms)
		c->unix_sock_ro_perms = rw || ro ? 0777 : group ? 0770 : 0700;
}

/* What two keys say must fit together. */
static void check_pairs(struct state *s, struct err *err)
{
	const struct config *c = &s->cfg;
	const struct {
		bool bad;
		const char *key, *other;
		const char *what;
	} rows[] = {
		{ c->vnc_port_min > c->vnc_port_max, "vnc_port_max", "vnc_port_min",
		  "must not be below vnc_port_min" },
		{ c->guest_uid_min > c->guest_uid_max ||
		  (c->guest_uid_max - c->guest_uid_min + 1) / CONF_UIDS_EACH < c->max_guests,
		  "guest_uid_max", "guest_uid_min",
		  "guest_uid_min .. guest_uid_max must hold four uids for each of max_guests" },
		{ c->max_anonymous_clients > c->max_clients, "max_anonymous_clients", "max_clients",
		  "must not be above max_clients" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256];
		unsigned line;

		if (!rows[i].bad)
			continue;
		if (!given(s, rows[i].key, &line))
			given(s, rows[i].other, &line);
		snprintf(text, sizeof(text), "%s:%u: %s: %s", s->l->file, line, rows[i].key,
			 rows[i].what);
		add_mistake(s, text, err);
	}
}

/* The folder's name ends in messages, defaults and addresses. */
static int check_instance(const char *dir, struct err *err)
{
	for (const char *s = dir; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || strchr("\"'\\,@", *s))
			return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "instance folder '%s': blanks, "
				       "quotes, backslash, comma and @ are not possible", dir);
	return 0;
}

/* It has to reach the rooms in one packet, with the folders that cordond adds. */
static int check_size(const struct state *s, struct err *err)
{
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, CONF_BYTES_MAX);
	if (xdr_encode(&config_xdr, &s->cfg, &b) == 0)
		return 0;
	return err_set(err, -EINVAL, ERR_CONF_SYNTAX,
		       "%s: its texts and lists are longer than %u bytes together", s->l->file, CONF_BYTES_MAX);
}

int conf_load(const struct conf_load *l, struct config *ret, struct err *err)
{
	struct state s = { .l = l };
	struct err own = { 0 };
	int r;

	r = check_instance(l->instance, &own);
	if (r == 0)
		r = read_text(&s, &own);
	if (r == 0)
		r = set_defaults(&s, &own);
	if (r == 0 && !s.mistakes)
		check_pairs(&s, &own);
	if (r == 0 && !s.mistakes)
		r = add_sock_group(&s);
	if (r < 0 || s.mistakes) {
		if (err)
			*err = own;
		return r < 0 ? r : -EINVAL;
	}
	choose_perms(&s);
	s.cfg.instance = s.cfg.state_dir = s.cfg.run_dir = s.cfg.log_dir = s.cfg.nvram_dir =
		s.cfg.labels_dir = arena_strdup(l->arena, "");
	if (!s.cfg.instance)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "%s: out of memory", l->file);
	r = check_size(&s, err);
	if (r == 0)
		*ret = s.cfg;
	return r;
}

static const struct {
	const char *account;
	size_t off;
	unsigned place;   /* enum conf_uid */
} uid_rows[] = {
	{ "cordon-core", offsetof(struct config, uid_core), CONF_UID_CORE },
	{ "cordon-conn", offsetof(struct config, uid_conn), CONF_UID_CONN },
	{ "cordon-host", offsetof(struct config, uid_host), CONF_UID_HOST },
	{ "cordon-file", offsetof(struct config, uid_file), CONF_UID_FILE },
	{ "cordon-edge", offsetof(struct config, uid_edge), CONF_UID_EDGE },
	{ "cordon-image", offsetof(struct config, uid_image), CONF_UID_IMAGE },
	{ "cordon-conf", offsetof(struct config, uid_conf), CONF_UID_CONF },
	{ "cordon-disk", offsetof(struct config, uid_disk), CONF_UID_DISK },
	{ "cordon-door", offsetof(struct config, uid_door), CONF_UID_DOOR },
	{ "cordon-supervisor", offsetof(struct config, uid_supervisor), CONF_UID_SUPERVISOR },
};

int conf_load_uids(const struct conf_load *l, uint32_t uid_base, struct config *cfg,
		   struct err *err)
{
	for (size_t i = 0; i < sizeof(uid_rows) / sizeof(uid_rows[0]); i++) {
		uint32_t uid = uid_base + uid_rows[i].place, gid = uid;

		if (!uid_base && !conf_account_find(l->passwd, uid_rows[i].account, &uid, &gid))
			return err_set(err, -ENOENT, ERR_CONF_SYNTAX, "account '%s' is not in "
				       "/etc/passwd; run systemd-sysusers", uid_rows[i].account);
		if (uid != gid || uid == 0)
			return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "account '%s' has uid %u and "
				       "gid %u: they must be equal and not 0",
				       uid_rows[i].account, uid, gid);
		*(uint32_t *)(void *)((char *)cfg + uid_rows[i].off) = uid;
	}
	return 0;
}
