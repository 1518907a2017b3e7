/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/params.h"

#include <errno.h>
#include <string.h>

/* "vcpu.%.state" with the '%' replaced by the number */
static char *name_of(struct arena *a, const char *name, int at)
{
	const char *mark = strchr(name, '%');

	if (!mark)
		return (char *)(uintptr_t)name;
	return arena_printf(a, "%.*s%d%s", (int)(mark - name), name, at, mark + 1);
}

static struct remote_typed_param *add(struct params *p, const char *name, int at, int type)
{
	struct remote_typed_param *one;

	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 32;
		struct remote_typed_param *list = arena_calloc(p->arena, cap, sizeof(*list));

		if (!list) {
			p->failed = true;
			return NULL;
		}
		if (p->n)
			memcpy(list, p->list, p->n * sizeof(*list));
		p->list = list;
		p->cap = cap;
	}
	one = &p->list[p->n];
	one->field = name_of(p->arena, name, at);
	one->value.type = type;
	if (!one->field) {
		p->failed = true;
		return NULL;
	}
	p->n++;
	return one;
}

void params_int(struct params *p, const char *name, int at, int32_t v)
{
	struct remote_typed_param *one = add(p, name, at, REMOTE_TYPED_PARAM_INT);

	if (one)
		one->value.u.i = v;
}

void params_uint(struct params *p, const char *name, int at, uint32_t v)
{
	struct remote_typed_param *one = add(p, name, at, REMOTE_TYPED_PARAM_UINT);

	if (one)
		one->value.u.ui = v;
}

void params_ullong(struct params *p, const char *name, int at, uint64_t v)
{
	struct remote_typed_param *one = add(p, name, at, REMOTE_TYPED_PARAM_ULLONG);

	if (one)
		one->value.u.ul = v;
}

void params_llong(struct params *p, const char *name, int at, int64_t v)
{
	struct remote_typed_param *one = add(p, name, at, REMOTE_TYPED_PARAM_LLONG);

	if (one)
		one->value.u.l = v;
}

void params_string(struct params *p, const char *name, int at, const char *v)
{
	char *copy = arena_strdup(p->arena, v);
	struct remote_typed_param *one = copy ? add(p, name, at, REMOTE_TYPED_PARAM_STRING) : NULL;

	if (one)
		one->value.u.s = copy;
	else
		p->failed = true;
}

int params_end(const struct params *p, struct err *err)
{
	return p->failed ? err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory") : 0;
}
