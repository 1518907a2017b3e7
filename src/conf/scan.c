/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/scan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

const char *const conf_type_names[] = {
	"a text in quotes", "a whole number", "a list of texts such as [ \"a\", \"b\" ]",
};

static int bad(const struct conf_scan *s, unsigned line, struct err *err, const char *what)
{
	return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "%s:%u: %s", s->file, line, what);
}

static int no_memory(const struct conf_scan *s, struct err *err)
{
	return err_set(err, -ENOMEM, ERR_NO_MEMORY, "%s:%u: out of memory", s->file, s->line);
}

void conf_scan_init(struct conf_scan *s, const char *file, const char *text, size_t len,
		    struct arena *arena)
{
	*s = (struct conf_scan){
		.file = file, .at = text, .end = text + len, .line = 1, .arena = arena,
	};
}

static int cur(const struct conf_scan *s)
{
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

static bool is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct conf_scan *s)
{
	while (cur(s) == ' ' || cur(s) == '\t' || cur(s) == '\r')
		s->at++;
	if (cur(s) == '#')
		while (cur(s) >= 0 && cur(s) != '\n')
			s->at++;
}

static void skip_lines(struct conf_scan *s)
{
	for (skip_blanks(s); cur(s) == '\n'; skip_blanks(s)) {
		s->at++;
		s->line++;
	}
}

static int scan_key(struct conf_scan *s, struct conf_entry *e, struct err *err)
{
	const char *start = s->at;

	if (!is_alpha(cur(s)) && cur(s) != '_')
		return bad(s, s->line, err, "a key is expected here (letters, digits, _)");
	while (is_alpha(cur(s)) || is_digit(cur(s)) || cur(s) == '_' || cur(s) == '.')
		s->at++;
	e->key = arena_strndup(s->arena, start, (size_t)(s->at - start));
	e->line = s->line;
	return e->key ? 0 : no_memory(s, err);
}

/* One character of a text; 0 or an error. `triple` texts may hold line ends. */
static int text_char(struct conf_scan *s, unsigned start_line, bool triple, struct err *err)
{
	int c = cur(s);

	if (c < 0 || (c == '\n' && !triple))
		return bad(s, start_line, err, "the closing quote is missing");
	if (c == '\0')
		return bad(s, s->line, err, "a NUL byte in a text");
	if (c == '\n')
		s->line++;
	s->at++;
	return 0;
}

static bool at_triple(const struct conf_scan *s)
{
	return s->end - s->at >= 3 && memcmp(s->at, "\"\"\"", 3) == 0;
}

/* "text", 'text' or """text over lines"""; nothing is an escape. */
static int scan_text(struct conf_scan *s, const char **ret_text, struct err *err)
{
	bool triple = at_triple(s);
	unsigned line = s->line;
	int quote = cur(s), r;
	const char *start;
	char *text;

	s->at += triple ? 3 : 1;
	start = s->at;
	while (triple ? !at_triple(s) : cur(s) != quote) {
		r = text_char(s, line, triple, err);
		if (r < 0)
			return r;
	}
	text = arena_strndup(s->arena, start, (size_t)(s->at - start));
	s->at += triple ? 3 : 1;
	if (!text)
		return no_memory(s, err);
	*ret_text = text;
	return 0;
}

static int scan_number(struct conf_scan *s, int64_t *ret_number, struct err *err)
{
	bool minus = cur(s) == '-';
	int64_t v = 0;

	if (minus)
		s->at++;
	if (!is_digit(cur(s)))
		return bad(s, s->line, err, "a digit is expected after -");
	for (; is_digit(cur(s)); s->at++)
		if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
		    __builtin_add_overflow(v, (int64_t)(cur(s) - '0'), &v))
			return bad(s, s->line, err, "the number is too large");
	*ret_number = minus ? -v : v;
	return 0;
}

static int scan_list(struct conf_scan *s, struct conf_entry *e, struct err *err)
{
	unsigned line = s->line;
	int r;

	s->at++;
	for (skip_lines(s); cur(s) != ']'; skip_lines(s)) {
		if (cur(s) < 0)
			return bad(s, line, err, "the closing ] is missing");
		if (cur(s) != '"' && cur(s) != '\'')
			return bad(s, s->line, err, "a list holds texts in quotes");
		if (e->n_items == CONF_ITEMS_MAX)
			return bad(s, s->line, err, "the list has more than 64 texts");
		r = scan_text(s, &e->items[e->n_items], err);
		if (r < 0)
			return r;
		e->n_items++;
		skip_lines(s);
		if (cur(s) == ',')
			s->at++;
		else if (cur(s) >= 0 && cur(s) != ']')
			return bad(s, s->line, err, "a comma or ] is expected here");
	}
	s->at++;
	return 0;
}

static int scan_value(struct conf_scan *s, struct conf_entry *e, struct err *err)
{
	int c = cur(s);

	if (c == '"' || c == '\'') {
		e->type = CONF_STRING;
		return scan_text(s, &e->text, err);
	}
	if (c == '[') {
		e->type = CONF_STRINGS;
		return scan_list(s, e, err);
	}
	if (c == '-' || is_digit(c)) {
		e->type = CONF_NUMBER;
		return scan_number(s, &e->number, err);
	}
	return bad(s, s->line, err, "a value is expected here: \"text\", a number or [ list ]");
}

int conf_scan_next(struct conf_scan *s, struct conf_entry *ret, struct err *err)
{
	struct conf_entry e = { 0 };
	int r;

	skip_lines(s);
	if (cur(s) < 0)
		return 0;
	r = scan_key(s, &e, err);
	if (r < 0)
		return r;
	skip_blanks(s);
	if (cur(s) != '=')
		return bad(s, s->line, err, "= is expected after the key");
	s->at++;
	skip_blanks(s);
	r = scan_value(s, &e, err);
	if (r < 0)
		return r;
	skip_blanks(s);
	if (cur(s) >= 0 && cur(s) != '\n')
		return bad(s, s->line, err, "nothing but a comment may follow a value");
	*ret = e;
	return 1;
}
