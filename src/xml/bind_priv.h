/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the two directions of the binding. */
#ifndef CORDON_XML_BIND_PRIV_H
#define CORDON_XML_BIND_PRIV_H

#include <stddef.h>

/* "a/b/@c": parent "a/b" (parent_len bytes of path), last "@c". */
struct xml_place {
	const char *path;
	const char *last;
	size_t parent_len;
};

struct xml_place xml_path_split(const char *path);

#endif
