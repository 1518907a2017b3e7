/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xml/writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ST_PENDING, ST_TAG, ST_TEXT, ST_CHILDREN };

void xml_writer_init(struct xml_writer *w, struct buf *out)
{
	*w = (struct xml_writer){ .out = out };
}

static void writer_indent(struct xml_writer *w, uint32_t depth)
{
	for (uint32_t i = 0; i < depth; i++)
		buf_puts(w->out, "  ");
}

/* Print the start tags that are still owed, down to level `depth`. */
static void writer_show(struct xml_writer *w, uint32_t depth)
{
	for (uint32_t i = 0; i < depth; i++) {
		if (w->open[i].state != ST_PENDING)
			continue;
		if (i > 0 && w->open[i - 1].state == ST_TAG) {
			buf_puts(w->out, ">\n");
			w->open[i - 1].state = ST_CHILDREN;
		} else if (i > 0 && w->open[i - 1].state == ST_TEXT) {
			w->error = -EINVAL;
		}
		writer_indent(w, i);
		buf_putc(w->out, '<');
		buf_put(w->out, w->open[i].name, w->open[i].name_len);
		w->open[i].state = ST_TAG;
	}
}

void xml_open(struct xml_writer *w, const char *name)
{
	xml_open_n(w, name, strlen(name));
}

void xml_open_n(struct xml_writer *w, const char *name, size_t len)
{
	if (w->error)
		return;
	if (w->depth == XML_WRITER_DEPTH_MAX) {
		w->error = -EINVAL;
		return;
	}
	w->open[w->depth].name = name;
	w->open[w->depth].name_len = (uint32_t)len;
	w->open[w->depth].state = ST_PENDING;
	w->depth++;
}

void xml_touch(struct xml_writer *w)
{
	if (!w->error)
		writer_show(w, w->depth);
}

static const char *escape_of(char c, bool in_attr)
{
	switch (c) {
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '&': return "&amp;";
	case '"': return "&quot;";
	case '\'': return "&apos;";
	case '\r': return "&#13;";
	/* a parser turns these into spaces in an attribute's value, unless escaped */
	case '\n': return in_attr ? "&#10;" : NULL;
	case '\t': return in_attr ? "&#9;" : NULL;
	default: return NULL;
	}
}

static void writer_escaped(struct xml_writer *w, const char *s, bool in_attr)
{
	const char *from = s;

	for (; *s; s++) {
		const char *to = escape_of(*s, in_attr);

		if (!to)
			continue;
		buf_put(w->out, from, (size_t)(s - from));
		buf_puts(w->out, to);
		from = s + 1;
	}
	buf_put(w->out, from, (size_t)(s - from));
}

void xml_attr(struct xml_writer *w, const char *name, const char *value)
{
	if (w->error || w->depth == 0)
		return;
	writer_show(w, w->depth);
	if (w->open[w->depth - 1].state != ST_TAG) {
		w->error = -EINVAL;
		return;
	}
	buf_putc(w->out, ' ');
	buf_puts(w->out, name);
	buf_puts(w->out, "='");
	writer_escaped(w, value, true);
	buf_putc(w->out, '\'');
}

void xml_attr_f(struct xml_writer *w, const char *name, const char *fmt, ...)
{
	char value[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(value))
		w->error = -EINVAL;
	else
		xml_attr(w, name, value);
}

static bool writer_begin_text(struct xml_writer *w)
{
	if (w->error || w->depth == 0)
		return false;
	writer_show(w, w->depth);
	if (w->open[w->depth - 1].state != ST_TAG) {
		w->error = -EINVAL;
		return false;
	}
	buf_putc(w->out, '>');
	w->open[w->depth - 1].state = ST_TEXT;
	return true;
}

void xml_text(struct xml_writer *w, const char *text)
{
	if (writer_begin_text(w))
		writer_escaped(w, text, false);
}

void xml_raw(struct xml_writer *w, const char *bytes, size_t len)
{
	if (writer_begin_text(w))
		buf_put(w->out, bytes, len);
}

void xml_close(struct xml_writer *w)
{
	uint8_t state;

	if (w->error)
		return;
	if (w->depth == 0) {
		w->error = -EINVAL;
		return;
	}
	w->depth--;
	state = w->open[w->depth].state;
	if (state == ST_PENDING)
		return;
	if (state == ST_TAG) {
		buf_puts(w->out, "/>\n");
		return;
	}
	if (state == ST_CHILDREN)
		writer_indent(w, w->depth);
	buf_puts(w->out, "</");
	buf_put(w->out, w->open[w->depth].name, w->open[w->depth].name_len);
	buf_puts(w->out, ">\n");
}

int xml_writer_finish(struct xml_writer *w)
{
	if (w->error)
		return w->error;
	if (w->depth)
		return -EINVAL;
	return w->out->error;
}
