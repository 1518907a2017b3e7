/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XML as libvirt prints it: two spaces of indent, single quotes, elements
 * without content closed in their own tag.
 *
 * An opened element appears only once something is put into it (or it is
 * touched), so that a container with nothing to say prints nothing.
 */
#ifndef CORDON_XML_WRITER_H
#define CORDON_XML_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { XML_WRITER_DEPTH_MAX = 64 };

struct xml_writer {
	struct buf *out;
	uint32_t depth;
	int error;                 /* 0, or -EINVAL for use in the wrong order; sticks */
	struct {
		const char *name;  /* the caller's, until the element is closed */
		uint32_t name_len;
		uint8_t state;
	} open[XML_WRITER_DEPTH_MAX];
};

/* Write to `out`, which the caller has initialised and frees. */
void xml_writer_init(struct xml_writer *w, struct buf *out);

/* Open an element inside the current one. `name` must outlive the element. */
void xml_open(struct xml_writer *w, const char *name);
void xml_open_n(struct xml_writer *w, const char *name, size_t len);

/* Make the current element appear even if nothing goes into it. */
void xml_touch(struct xml_writer *w);

/* An attribute of the current element; before any text and child of it. */
void xml_attr(struct xml_writer *w, const char *name, const char *value);
void xml_attr_f(struct xml_writer *w, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of the current element, escaped. */
void xml_text(struct xml_writer *w, const char *text);

/* Bytes that are XML already, as they are. */
void xml_raw(struct xml_writer *w, const char *bytes, size_t len);

/* Close the current element. */
void xml_close(struct xml_writer *w);

/* 0 when everything was closed and fitted, else the first error. */
int xml_writer_finish(struct xml_writer *w) __attribute__((warn_unused_result));

#endif
