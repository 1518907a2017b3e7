/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xml/metadata.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "proto/domain.x.h"
#include "xml/tree.h"

#define KEY_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
#define KEY_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

enum mode { FIND, STRIP, INJECT };

/*
 * One walk over well-formed text: finds the child of the namespace, and
 * prints elements again with the namespace taken away or put in.
 */
struct walk {
	XML_Parser expat;
	enum mode mode;
	const char *uri;
	const char *key;           /* INJECT: the prefix */
	struct buf *out;
	uint32_t depth;
	bool inside;               /* the child of the namespace is open */
	bool tag_open;             /* its last start tag still lacks '>' */
	bool found;
	bool refused;
	bool named;                /* INJECT: the element is in the namespace already */
	uint32_t other_depth;      /* INJECT: below it names belong to another default namespace */
	size_t start, end;         /* bytes of the child in the wrapped text */
	char prefix[64];           /* the child's own prefix for the namespace; "" default */
};

static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static bool has_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	if (n == 0)
		return !strchr(name, ':');
	return strncmp(name, prefix, n) == 0 && name[n] == ':';
}

static void put_escaped(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (s[i]) {
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '&': buf_puts(out, "&amp;"); break;
		case '"': buf_puts(out, "&quot;"); break;
		case '\r': buf_puts(out, "&#13;"); break;
		default: buf_putc(out, s[i]);
		}
	}
}

static void finish_tag(struct walk *w)
{
	if (w->tag_open)
		buf_putc(w->out, '>');
	w->tag_open = false;
}

/* Does this start tag declare the namespace for its own name? */
static bool declares(struct walk *w, const char *name, const char **attrs)
{
	char decl[80] = "xmlns";
	const char *colon = strchr(name, ':');
	size_t n = colon ? (size_t)(colon - name) : 0;

	if (n >= sizeof(w->prefix))
		return false;
	if (n) {
		decl[5] = ':';
		memcpy(decl + 6, name, n);
		decl[6 + n] = '\0';
	}
	for (; *attrs; attrs += 2) {
		if (strcmp(attrs[0], decl) != 0 || strcmp(attrs[1], w->uri) != 0)
			continue;
		memcpy(w->prefix, name, n);
		w->prefix[n] = '\0';
		return true;
	}
	return false;
}

static void put_name(struct walk *w, const char *name)
{
	if (w->mode == INJECT && !w->named && !w->other_depth && !strchr(name, ':')) {
		buf_puts(w->out, w->key);
		buf_putc(w->out, ':');
	}
	buf_puts(w->out, w->mode == STRIP && has_prefix(name, w->prefix) ? local_name(name) : name);
}

/* INJECT: what the element says of namespaces itself. */
static void look_at_names(struct walk *w, const char *name, const char **attrs)
{
	if (w->depth == 2)
		w->named = declares(w, name, attrs);
	if (w->named)
		return;
	w->refused |= w->depth == 2 && strchr(name, ':');
	for (; *attrs; attrs += 2) {
		if (strcmp(*attrs, "xmlns") == 0 && !w->other_depth)
			w->other_depth = w->depth;
		/* the prefix can have one meaning only */
		w->refused |= strncmp(*attrs, "xmlns:", 6) == 0 &&
			      strcmp(*attrs + 6, w->key) == 0;
	}
	w->refused |= w->other_depth == 2;
}

static void put_start(struct walk *w, const char *name, const char **attrs)
{
	if (w->mode == INJECT)
		look_at_names(w, name, attrs);
	finish_tag(w);
	buf_putc(w->out, '<');
	put_name(w, name);
	if (w->mode == INJECT && w->depth == 2 && !w->named) {
		buf_printf(w->out, " xmlns:%s=\"", w->key);
		put_escaped(w->out, w->uri, strlen(w->uri));
		buf_putc(w->out, '"');
	}
	for (; *attrs; attrs += 2) {
		/* the declaration goes with the namespace */
		if (w->mode == STRIP && strncmp(attrs[0], "xmlns", 5) == 0 &&
		    strcmp(attrs[1], w->uri) == 0)
			continue;
		buf_putc(w->out, ' ');
		buf_puts(w->out, attrs[0]);
		buf_puts(w->out, "=\"");
		put_escaped(w->out, attrs[1], strlen(attrs[1]));
		buf_putc(w->out, '"');
	}
	w->tag_open = true;
}

static void put_end(struct walk *w, const char *name)
{
	if (w->tag_open) {
		buf_puts(w->out, "/>");
		w->tag_open = false;
	} else {
		buf_puts(w->out, "</");
		put_name(w, name);
		buf_putc(w->out, '>');
	}
	if (w->other_depth == w->depth)
		w->other_depth = 0;
}

static void on_start(void *data, const char *name, const char **attrs)
{
	struct walk *w = data;

	if (++w->depth > XML_DEPTH_MAX) {
		XML_StopParser(w->expat, XML_FALSE);
		return;
	}
	if (w->depth == 2 && !w->found && (w->mode == INJECT || declares(w, name, attrs))) {
		w->found = w->inside = true;
		w->start = (size_t)XML_GetCurrentByteIndex(w->expat);
	}
	if (w->inside && w->mode != FIND)
		put_start(w, name, attrs);
}

static void on_end(void *data, const char *name)
{
	struct walk *w = data;

	if (w->inside && w->mode != FIND)
		put_end(w, name);
	if (w->depth-- == 2 && w->inside) {
		w->inside = false;
		/* of <a/> only the end is left to report, and it has no bytes of its own */
		w->end = (size_t)XML_GetCurrentByteIndex(w->expat) +
			 (size_t)XML_GetCurrentByteCount(w->expat);
	}
}

static void on_text(void *data, const char *s, int len)
{
	struct walk *w = data;

	if (!w->inside || w->mode == FIND)
		return;
	finish_tag(w);
	put_escaped(w->out, s, (size_t)len);
}

static void on_comment(void *data, const char *s)
{
	struct walk *w = data;

	if (!w->inside || w->mode == FIND)
		return;
	finish_tag(w);
	buf_puts(w->out, "<!--");
	buf_puts(w->out, s);
	buf_puts(w->out, "-->");
}

static void on_doctype(void *data, const char *name, const char *sysid, const char *pubid,
		       int internal)
{
	struct walk *w = data;

	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	XML_StopParser(w->expat, XML_FALSE);
}

/* Walk `text` inside an element made for it; its bytes count from 3 (after "<a>"). */
static int walk_text(struct walk *w, const char *text)
{
	size_t len = strlen(text);
	bool ok;

	w->expat = XML_ParserCreate("UTF-8");
	if (!w->expat)
		return -ENOMEM;
	XML_SetUserData(w->expat, w);
	XML_SetElementHandler(w->expat, on_start, on_end);
	XML_SetCharacterDataHandler(w->expat, on_text);
	XML_SetCommentHandler(w->expat, on_comment);
	XML_SetStartDoctypeDeclHandler(w->expat, on_doctype);
	ok = len <= DOM_METADATA_MAX &&
	     XML_Parse(w->expat, "<a>", 3, 0) == XML_STATUS_OK &&
	     XML_Parse(w->expat, text, (int)len, 0) == XML_STATUS_OK && w->depth == 1 &&
	     XML_Parse(w->expat, "</a>", 4, 1) == XML_STATUS_OK;
	XML_ParserFree(w->expat);
	if (!ok)
		return -EINVAL;
	return w->out ? w->out->error : 0;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, ERR_NO_MEMORY, "the metadata needs too much memory");
}

int xml_metadata_get(const char *metadata, const char *uri, struct arena *a, char **ret,
		     struct err *err)
{
	CLEAN_BUF struct buf out = { 0 };
	struct walk w = { .mode = STRIP, .uri = uri, .out = &out };
	char *copy;
	int r;

	buf_init(&out, 8 * (size_t)DOM_METADATA_MAX);
	r = walk_text(&w, metadata ? metadata : "");
	if (r == -EINVAL)
		return err_set(err, r, ERR_XML_ERROR, "XML error: the metadata is not well-formed");
	if (r)
		return no_memory(err);
	if (!w.found)
		return err_set(err, -ENOENT, ERR_NO_DOMAIN_METADATA, "metadata not found: "
			       "Requested metadata element is not present");
	copy = arena_strndup(a, buf_str(&out), out.len);
	if (!copy)
		return no_memory(err);
	*ret = copy;
	return 0;
}

static int check_key(const char *key, const char *uri, struct err *err)
{
	if (!uri || !*uri)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "invalid argument: the namespace of the metadata is missing");
	if (!key || !*key || !strchr(KEY_FIRST, *key) || key[strspn(key, KEY_CHARS)] ||
	    strlen(key) >= 64 || strncasecmp(key, "xml", 3) == 0)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "invalid argument: the key '%.64s' "
			       "cannot be a namespace prefix", key ? key : "");
	return 0;
}

/* The new element as it will stand in the metadata. */
static int inject(const char *element, const char *key, const char *uri, struct buf *out,
		  struct err *err)
{
	struct walk w = { .mode = INJECT, .uri = uri, .key = key, .out = out };
	size_t start, end = strlen(element);
	int r = walk_text(&w, element);

	if (r == -EINVAL || (!r && !w.found))
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "invalid argument: the metadata is not one well-formed element");
	if (r)
		return err_set(err, r, ERR_INVALID_ARG, "invalid argument: the metadata has more "
			       "than %d bytes", DOM_METADATA_MAX);
	if (w.refused)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "invalid argument: the metadata "
			       "element has a namespace or the prefix '%s' of its own; leave the "
			       "namespace out", key);
	/* nothing but white space may stand around it */
	start = strspn(element, " \t\r\n");
	if (w.start != start + 3 || !xml_is_blank(element + (w.end - 3)) || w.end - 3 > end)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "invalid argument: the metadata has to be one element");
	return 0;
}

/* Append text[from..to) without the white space at its end. */
static void put_trimmed(struct buf *out, const char *text, size_t from, size_t to)
{
	while (to > from && strchr(" \t\r\n", text[to - 1]))
		to--;
	buf_put(out, text + from, to - from);
}

int xml_metadata_set(const char *metadata, const char *element, const char *key,
		     const char *uri, struct arena *a, char **ret, struct err *err)
{
	CLEAN_BUF struct buf fresh = { .max = 8 * (size_t)DOM_METADATA_MAX };
	CLEAN_BUF struct buf out = { .max = DOM_METADATA_MAX };
	struct walk w = { .mode = FIND, .uri = uri };
	const char *old = metadata ? metadata : "";
	char *copy = NULL;
	int r = element || !uri || !*uri ? check_key(key, uri, err) : 0;

	if (!r && element)
		r = inject(element, key, uri, &fresh, err);
	if (r)
		return r;
	r = walk_text(&w, old);
	if (r)
		return err_set(err, r, ERR_XML_ERROR, "XML error: the metadata is not well-formed");
	if (w.found) {
		put_trimmed(&out, old, 0, w.start - 3);
		put_trimmed(&out, old, w.end - 3, strlen(old));
	} else {
		put_trimmed(&out, old, 0, strlen(old));
	}
	if (element) {
		buf_puts(&out, "\n    ");
		buf_put(&out, fresh.data, fresh.len);
	}
	if (out.len)
		buf_puts(&out, "\n  ");
	if (out.error)
		return err_set(err, out.error, ERR_INVALID_ARG, "invalid argument: <metadata> "
			       "would have more than %d bytes", DOM_METADATA_MAX);
	if (!xml_is_blank(buf_str(&out))) {
		copy = arena_strndup(a, buf_str(&out), out.len);
		if (!copy)
			return no_memory(err);
	}
	*ret = copy;
	return 0;
}
