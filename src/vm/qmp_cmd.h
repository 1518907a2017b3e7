/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of QMP commands, and members of answers. Pure. */
#ifndef CORDON_VM_QMP_CMD_H
#define CORDON_VM_QMP_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/*
 * An object from a list of members: "device:s value:i force:b data:o", one argument
 * each: const char *, int64_t, int (bool), struct json_object * (taken). NULL without memory.
 */
struct json_object *qmp_args(const char *spec, ...);

/* Member `key` of an object; NULL, or `otherwise`, when it is not there or of another type. */
const char *qmp_str(struct json_object *o, const char *key);
struct json_object *qmp_obj(struct json_object *o, const char *key);
struct json_object *qmp_arr(struct json_object *o, const char *key);
int64_t qmp_int(struct json_object *o, const char *key, int64_t otherwise);
uint64_t qmp_uint(struct json_object *o, const char *key, uint64_t otherwise);
bool qmp_bool(struct json_object *o, const char *key);

/* Element `i` of an array if it is an object, else NULL; an array's length, 0 for anything else. */
struct json_object *qmp_at(struct json_object *a, size_t i);
size_t qmp_len(struct json_object *a);

#endif
