/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon storage: text that is changed and folders that are judged. Nothing here opens anything. */
#ifndef CORDON_CLI_ROOTS_H
#define CORDON_CLI_ROOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Copy the text of a cordond.conf to `out` with `dir` added to the list `key`.
 * When the key is not there it is added at the end, after `defaults` (what
 * stands between the brackets of its default). 1 changed, 0 when a folder of
 * the list holds `dir` already; -EINVAL for a text that is not cordond.conf's
 * syntax; what `out` says when it is full.
 */
int roots_add(const char *text, const char *key, const char *defaults, const char *dir,
	      struct buf *out, struct err *err);

/*
 * May images live in `dir` (absolute, without links)? -EINVAL with `err` for
 * folders of the system, and for names that neither cordond.conf nor a
 * file context can hold.
 */
int roots_check(const char *dir, struct err *err);

/*
 * Is `label` of a type that guests' images have while they run: one of the
 * policy's contexts/virtual_image_context, whose text `contexts` is?
 */
bool roots_label_of_guest(const char *contexts, const char *label);

/* `dir` and all below it as a file context's expression: '/srv/vm\.1(/.*)?'. */
void roots_expression(const char *dir, struct buf *out);

#endif
