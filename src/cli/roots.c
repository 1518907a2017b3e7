/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/roots.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* ---- cordond.conf, as far as one list in it has to be found ---- */

struct scan {
	const char *at;
	unsigned line;
};

/* Where the list of a key stands. */
struct list {
	const char *after;     /* an item is put here: behind the last one, or behind [ */
	bool empty;
	bool holds;            /* the folder, or one above it, is in it */
};

static void skip_blanks(struct scan *s)
{
	s->at += strspn(s->at, " \t\r");
	if (*s->at == '#')
		s->at += strcspn(s->at, "\n");
}

static void skip_lines(struct scan *s)
{
	for (skip_blanks(s); *s->at == '\n'; skip_blanks(s)) {
		s->at++;
		s->line++;
	}
}

/* Past a text in quotes; *ret and *n are what is in it. False: no end. */
static bool take_text(struct scan *s, const char **ret, size_t *n)
{
	bool triple = strncmp(s->at, "\"\"\"", 3) == 0;
	char quote[4] = { *s->at };
	const char *end;

	memset(quote, *s->at, triple ? 3 : 1);
	s->at += triple ? 3 : 1;
	end = strstr(s->at, quote);
	if (!end || (!triple && memchr(s->at, '\n', (size_t)(end - s->at))))
		return false;
	*ret = s->at;
	*n = (size_t)(end - s->at);
	for (; s->at < end; s->at++)
		s->line += *s->at == '\n';
	s->at += triple ? 3 : 1;
	return true;
}

/* Is `dir` the folder of n bytes at `root`, or below it? */
static bool is_below(const char *root, size_t n, const char *dir)
{
	while (n > 1 && root[n - 1] == '/')
		n--;
	return n && strncmp(root, dir, n) == 0 && (!dir[n] || dir[n] == '/' || n == 1);
}

static bool take_list(struct scan *s, const char *dir, struct list *l)
{
	const char *text;
	size_t n;

	s->at++;
	*l = (struct list){ .after = s->at, .empty = true };
	for (skip_lines(s); *s->at != ']'; skip_lines(s)) {
		if (*s->at != '"' && *s->at != '\'')
			return false;
		if (!take_text(s, &text, &n))
			return false;
		l->holds = l->holds || is_below(text, n, dir);
		l->after = s->at;
		l->empty = false;
		skip_lines(s);
		if (*s->at == ',')
			s->at++;
		else if (*s->at != ']')
			return false;
	}
	s->at++;
	return true;
}

/* Past one "key = value". */
static bool take_entry(struct scan *s, const char *key, const char *dir, struct list *found)
{
	size_t n = 0, n_text;
	const char *name = s->at, *text;
	struct list l;
	bool ok;

	while (isalnum((unsigned char)s->at[n]) || s->at[n] == '_' || s->at[n] == '.')
		n++;
	s->at += n;
	skip_blanks(s);
	if (!n || *s->at != '=')
		return false;
	s->at++;
	skip_blanks(s);
	if (*s->at == '[') {
		ok = take_list(s, dir, &l);
		if (ok && n == strlen(key) && memcmp(name, key, n) == 0)
			*found = l;
	} else if (*s->at == '"' || *s->at == '\'') {
		ok = take_text(s, &text, &n_text);
	} else {
		n = strspn(s->at, "-0123456789");
		s->at += n;
		ok = n > 0;
	}
	skip_blanks(s);
	return ok && (!*s->at || *s->at == '\n');
}

int roots_add(const char *text, const char *key, const char *defaults, const char *dir,
	      struct buf *out, struct err *err)
{
	struct scan s = { .at = text, .line = 1 };
	struct list l = { .after = NULL };
	size_t len = strlen(text);

	for (skip_lines(&s); *s.at; skip_lines(&s))
		if (!take_entry(&s, key, dir, &l))
			return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "line %u is not understood; "
				       "`cordond --check` says what is wrong", s.line);
	if (l.holds)
		return 0;
	if (l.after) {
		buf_put(out, text, (size_t)(l.after - text));
		buf_printf(out, l.empty ? " \"%s\"" : ", \"%s\"", dir);
		buf_puts(out, l.after);
	} else {
		buf_put(out, text, len);
		buf_printf(out, "%s%s = [ %s, \"%s\" ]\n", len && text[len - 1] != '\n' ? "\n" : "", key,
			   defaults, dir);
	}
	return out->error ? out->error : 1;
}

/* ---- folders ---- */

static bool is_below_one(const char *const list[], size_t n, const char *dir)
{
	for (size_t i = 0; i < n; i++)
		if (is_below(list[i], strlen(list[i]), dir))
			return true;
	return false;
}

int roots_check(const char *dir, struct err *err)
{
	/* a label for images on these would break the host; on the second kind, below them too */
	static const char *const exact[] = { "/", "/home", "/media", "/mnt", "/opt", "/root", "/srv",
					     "/tmp", "/var", "/var/cache", "/var/lib", "/var/spool",
					     "/var/tmp" };
	static const char *const below[] = { "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64",
					     "/proc", "/run", "/sbin", "/sys", "/usr", "/var/lib/cordon",
					     "/var/lib/dpkg", "/var/lib/libvirt", "/var/lib/selinux",
					     "/var/lib/systemd", "/var/log" };
	/* but these: what else Cordon and libvirtd keep there would lose its label, and be of no use to them */
	static const char *const images[] = { "/var/lib/cordon/images", "/var/lib/libvirt/boot",
					      "/var/lib/libvirt/images" };
	bool known = is_below_one(images, sizeof(images) / sizeof(images[0]), dir);

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (strcmp(exact[i], dir) == 0)
			return err_set(err, -EINVAL, ERR_INVALID_ARG, "'%s' holds more than images; make "
				       "a folder for them below it and name that", dir);
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]) && !known; i++)
		if (is_below(below[i], strlen(below[i]), dir))
			return err_set(err, -EINVAL, ERR_INVALID_ARG, "'%s' belongs to the system: images "
				       "do not live below %s", dir, below[i]);
	for (const char *s = dir; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '"' || *s == '\'')
			return err_set(err, -EINVAL, ERR_INVALID_ARG, "'%s': blanks, quotes and control "
				       "characters cannot stand in a file context; rename the folder", dir);
	return 0;
}

/* user:role:TYPE, and the length of the type; NULL when it is no label */
static const char *type_of(const char *label, size_t *ret_n)
{
	for (int i = 0; i < 2; i++) {
		label += strcspn(label, ":\n");
		if (*label++ != ':')
			return NULL;
	}
	*ret_n = strcspn(label, ": \t\r\n");
	return label;
}

bool roots_label_of_guest(const char *contexts, const char *label)
{
	size_t n, n_other;
	const char *type = type_of(label, &n), *other;

	for (const char *line = contexts; type && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		other = *line == '#' ? NULL : type_of(line, &n_other);
		if (other && n_other == n && memcmp(other, type, n) == 0)
			return true;
	}
	return false;
}

void roots_expression(const char *dir, struct buf *out)
{
	for (; *dir; dir++) {
		if (strchr(".^$?*+|[](){}\\", *dir))
			buf_putc(out, '\\');
		buf_putc(out, *dir);
	}
	buf_puts(out, "(/.*)?");
}
