/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/qmp_cmd.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

static struct json_object *one_arg(char kind, va_list *ap)
{
	if (kind == 's')
		return json_object_new_string(va_arg(*ap, const char *));
	if (kind == 'i')
		return json_object_new_int64(va_arg(*ap, int64_t));
	if (kind == 'b')
		return json_object_new_boolean(va_arg(*ap, int));
	return va_arg(*ap, struct json_object *);
}

struct json_object *qmp_args(const char *spec, ...)
{
	struct json_object *o = json_object_new_object();
	va_list ap;

	va_start(ap, spec);
	while (*spec) {
		size_t n = strcspn(spec, ":");
		struct json_object *v;
		char key[48];

		snprintf(key, sizeof(key), "%.*s", (int)n, spec);
		v = one_arg(spec[n + 1], &ap);
		spec += n + 2;
		spec += *spec == ' ';
		if (o)
			json_object_object_add(o, key, v);
		else
			json_object_put(v);
	}
	va_end(ap);
	return o;
}

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v;

	if (!o || !json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, type))
		return NULL;
	return v;
}

const char *qmp_str(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key, json_type_string);
	const char *s = v ? json_object_get_string(v) : NULL;

	/* a NUL inside would make two texts of it */
	return s && strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}

struct json_object *qmp_obj(struct json_object *o, const char *key)
{
	return member(o, key, json_type_object);
}

struct json_object *qmp_arr(struct json_object *o, const char *key)
{
	return member(o, key, json_type_array);
}

int64_t qmp_int(struct json_object *o, const char *key, int64_t otherwise)
{
	struct json_object *v = member(o, key, json_type_int);

	return v ? json_object_get_int64(v) : otherwise;
}

uint64_t qmp_uint(struct json_object *o, const char *key, uint64_t otherwise)
{
	struct json_object *v = member(o, key, json_type_int);

	return v ? json_object_get_uint64(v) : otherwise;
}

bool qmp_bool(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key, json_type_boolean);

	return v && json_object_get_boolean(v);
}

struct json_object *qmp_at(struct json_object *a, size_t i)
{
	struct json_object *v = i < qmp_len(a) ? json_object_array_get_idx(a, i) : NULL;

	return v && json_object_is_type(v, json_type_object) ? v : NULL;
}

size_t qmp_len(struct json_object *a)
{
	return a && json_object_is_type(a, json_type_array) ? json_object_array_length(a) : 0;
}
