/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host's SELinux policy calls guests and their images, from its files' texts. Pure. */
#ifndef CORDON_CONF_SELINUX_H
#define CORDON_CONF_SELINUX_H

#include <limits.h>

#include "base/arena.h"
#include "proto/conf.x.h"

/*
 * The path of the loaded policy's list of contexts, such as "virtual_image_context", by
 * the text of /etc/selinux/config (selinux_config(5)). -ENOENT: no policy is named.
 */
int conf_selinux_path(const char *config, const char *list, char ret[PATH_MAX]);

/*
 * The types of the contexts in that file, one a line, each once. 0 or -ENOMEM;
 * what is no context is passed over.
 */
int conf_selinux_types(const char *text, struct arena *a, char ***ret, uint32_t *ret_n);

#endif
