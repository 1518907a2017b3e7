/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed parameters of libvirt's wire, gathered in a call's arena. */
#ifndef CORDON_CORE_PARAMS_H
#define CORDON_CORE_PARAMS_H

#include "base/arena.h"
#include "base/err.h"
#include "proto/remote.x.h"

struct params {
	struct arena *arena;
	struct remote_typed_param *list;
	uint32_t n, cap;
	bool failed;              /* memory was short; the list is incomplete */
};

/* Append `name`, a literal that is not copied; where it has a '%' the number `at` is put, in a copy. */
void params_int(struct params *p, const char *name, int at, int32_t v);
void params_uint(struct params *p, const char *name, int at, uint32_t v);
void params_ullong(struct params *p, const char *name, int at, uint64_t v);
void params_llong(struct params *p, const char *name, int at, int64_t v);
void params_string(struct params *p, const char *name, int at, const char *v);

/* Is the list whole? 0, or -ENOMEM with `err`: an answer must not be shorter and still a success. */
int params_end(const struct params *p, struct err *err);

#endif
