/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps that complete a definition, in the order in which one needs the other. */
#include <stdarg.h>

#include "hv/qemu/priv.h"

static int (*const steps[])(struct plan_ctx *c) = {
	plan_step_basics,
	plan_step_check_plain,
	plan_step_firmware,
	plan_step_cpu,
	plan_step_clock,
	plan_step_controllers,
	plan_step_disks,
	plan_step_nets,
	plan_step_chardevs,
	plan_step_graphics,
	plan_step_default_controllers,
	plan_step_implicit_controllers,
	plan_step_inputs,
	plan_step_small_devices,
	plan_step_check_names,
	plan_step_check_boot,
	plan_step_vserial,
	plan_step_pci,
	plan_step_usb,
	plan_step_check_addresses,
};

int plan_complete(struct domain *d, const struct plan_env *env, struct arena *a, struct err *err)
{
	static const struct plan_env nothing;
	struct plan_ctx c = { .d = d, .env = env ? env : &nothing, .a = a, .err = err };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int r = steps[i](&c);

		if (r < 0)
			return r;
	}
	return 0;
}

int plan_refuse(struct plan_ctx *c, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = err_vset(c->err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED, fmt, ap);
	va_end(ap);
	return r;
}

int plan_bad(struct plan_ctx *c, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = err_vset(c->err, -EINVAL, ERR_XML_ERROR, fmt, ap);
	va_end(ap);
	return r;
}

int plan_nomem(struct plan_ctx *c)
{
	return err_set(c->err, -ENOMEM, ERR_NO_MEMORY,
		       "the definition of guest '%s' needs more memory than one request may use",
		       plan_blank(c->d->name) ? "" : c->d->name);
}

int plan_default(struct plan_ctx *c, char **field, const char *text)
{
	if (!plan_blank(*field))
		return 0;
	*field = arena_strdup(c->a, text);
	return *field ? 0 : plan_nomem(c);
}

void *plan_extend(struct arena *a, const void *old, uint32_t n, size_t size)
{
	char *list = arena_calloc(a, (size_t)n + 1, size);

	if (list && n)
		memcpy(list, old, n * size);
	return list;
}

struct dom_address *plan_new_address(struct arena *a, enum dom_address_type type)
{
	struct dom_address *addr = arena_alloc(a, sizeof(*addr));

	if (!addr)
		return NULL;
	addr->type = type;
	addr->port = arena_strdup(a, "");
	return addr->port ? addr : NULL;
}

struct dom_controller *plan_find_controller(const struct domain *d, enum dom_controller_type type,
					    uint32_t index)
{
	for (uint32_t i = 0; i < d->n_controllers; i++)
		if (d->controllers[i].type == type && d->controllers[i].index_set &&
		    d->controllers[i].index == index)
			return &d->controllers[i];
	return NULL;
}

struct dom_controller *plan_add_controller(struct plan_ctx *c, enum dom_controller_type type,
					   uint32_t index, const char *model)
{
	struct domain *d = c->d;
	struct dom_controller *list, *ctl;

	if (d->n_controllers >= DOM_DEVICES_MAX)
		return NULL;
	list = plan_extend(c->a, d->controllers, d->n_controllers, sizeof(*list));
	if (!list)
		return NULL;
	ctl = &list[d->n_controllers];
	ctl->type = type;
	ctl->index = index;
	ctl->index_set = true;
	if (model) {
		ctl->model = arena_strdup(c->a, model);
		if (!ctl->model)
			return NULL;
	}
	d->controllers = list;
	d->n_controllers++;
	return ctl;
}

bool plan_is_usb2(const struct dom_controller *ctl)
{
	return ctl->type == DOM_CONTROLLER_TYPE_USB && ctl->model &&
	       strncmp(ctl->model, "ich9-", 5) == 0;
}

bool plan_is_xhci(const struct dom_controller *ctl)
{
	return ctl->type == DOM_CONTROLLER_TYPE_USB &&
	       (plan_is(ctl->model, "qemu-xhci") || plan_is(ctl->model, "nec-xhci"));
}

bool plan_known(const char *const *words, const char *name)
{
	for (; *words; words++)
		if (strcmp(*words, name) == 0)
			return true;
	return false;
}
