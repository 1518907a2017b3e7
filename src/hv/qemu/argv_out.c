/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing one argument list: text, JSON values, descriptors. */
#include <stdarg.h>
#include <stdio.h>

#include "hv/qemu/argv.h"

static void out_of_memory(struct out *o)
{
	if (!o->error)
		o->error = err_set(o->err, -ENOMEM, ERR_NO_MEMORY,
				   "the argument list of guest '%s' needs too much memory",
				   o->d->name);
}

int out_refuse(struct out *o, const char *fmt, ...)
{
	va_list ap;

	if (o->error)
		return o->error;
	va_start(ap, fmt);
	o->error = err_vset(o->err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED, fmt, ap);
	va_end(ap);
	return o->error;
}

static void push(struct out *o, char ***list, size_t *n, size_t *cap, char *text)
{
	if (*n + 1 >= *cap) {
		size_t more = *cap ? *cap * 2 : 64;
		char **grown = arena_calloc(o->a, more, sizeof(*grown));

		if (!grown) {
			out_of_memory(o);
			return;
		}
		if (*n)
			memcpy(grown, *list, *n * sizeof(*grown));
		*list = grown;
		*cap = more;
	}
	if (!text) {
		out_of_memory(o);
		return;
	}
	(*list)[(*n)++] = text;
}

void out_arg(struct out *o, const char *text)
{
	push(o, &o->argv, &o->n, &o->cap, arena_strdup(o->a, text));
}

__attribute__((format(printf, 2, 0)))
static char *vformat(struct out *o, const char *fmt, va_list ap)
{
	char *text;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = n < 0 ? NULL : arena_alloc(o->a, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

void out_argf(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	push(o, &o->argv, &o->n, &o->cap, vformat(o, fmt, ap));
	va_end(ap);
}

void out_setup(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	push(o, &o->setup, &o->n_setup, &o->cap_setup, vformat(o, fmt, ap));
	va_end(ap);
}

void out_begin(struct out *o, const char *option)
{
	out_arg(o, option);
	buf_reset(&o->text);
}

void out_end(struct out *o)
{
	if (o->text.error)
		out_of_memory(o);
	else
		out_arg(o, buf_str(&o->text));
}

void out_escaped(struct out *o, const char *value)
{
	for (; *value; value++) {
		buf_putc(&o->text, *value);
		if (*value == ',')
			buf_putc(&o->text, ',');
	}
}

/* ---- JSON ---- */

static void put_string(struct out *o, const char *s)
{
	buf_putc(&o->text, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(&o->text, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			buf_printf(&o->text, "\\u%04x", (unsigned)*s);
		else
			buf_putc(&o->text, *s);
	}
	buf_putc(&o->text, '"');
}

static void put_key(struct out *o, const char *key)
{
	if (!o->first)
		buf_putc(&o->text, ',');
	o->first = false;
	put_string(o, key);
	buf_putc(&o->text, ':');
}

void out_object(struct out *o, const char *option)
{
	out_begin(o, option);
	buf_putc(&o->text, '{');
	o->first = true;
}

void out_close(struct out *o)
{
	buf_putc(&o->text, '}');
	out_end(o);
}

void out_open(struct out *o, const char *key)
{
	put_key(o, key);
	buf_putc(&o->text, '{');
	o->first = true;
}

void out_shut(struct out *o)
{
	buf_putc(&o->text, '}');
	o->first = false;
}

void out_str(struct out *o, const char *key, const char *value)
{
	put_key(o, key);
	put_string(o, value);
}

void out_strf(struct out *o, const char *key, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = vformat(o, fmt, ap);
	va_end(ap);
	if (text)
		out_str(o, key, text);
	else
		out_of_memory(o);
}

void out_num(struct out *o, const char *key, uint64_t value)
{
	put_key(o, key);
	buf_printf(&o->text, "%llu", (unsigned long long)value);
}

void out_bool(struct out *o, const char *key, bool value)
{
	put_key(o, key);
	buf_puts(&o->text, value ? "true" : "false");
}

void out_null(struct out *o, const char *key)
{
	put_key(o, key);
	buf_puts(&o->text, "null");
}

/* ---- devices ---- */

void out_device(struct out *o, const char *driver, const struct dom_info *info)
{
	out_object(o, "-device");
	out_str(o, "driver", driver);
	if (!info)
		return;
	if (plan_blank(info->alias))
		out_refuse(o, "a device of driver '%s' has no alias", driver);
	else
		out_str(o, "id", info->alias);
}

/* The QOM id of a bus: the chipset's are QEMU's own, others the controller's. */
static const char *bus_name(struct out *o, uint32_t bus)
{
	const struct dom_controller *ctl;

	if (!bus)
		return o->machine->chipset == PLAN_CHIPSET_Q35 ? "pcie.0" : "pci.0";
	ctl = plan_find_controller(o->d, DOM_CONTROLLER_TYPE_PCI, bus);
	return ctl ? ctl->info.alias : NULL;
}

void out_pci(struct out *o, const struct dom_info *info)
{
	const struct dom_address *addr = info->address;
	const char *bus =
		addr && addr->type == DOM_ADDRESS_TYPE_PCI ? bus_name(o, addr->bus) : NULL;

	if (!bus) {
		out_refuse(o, "device '%s' has no PCI address", info->alias ? info->alias : "");
		return;
	}
	out_str(o, "bus", bus);
	if (addr->multifunction == DOM_STATE_WORD_ON)
		out_bool(o, "multifunction", true);
	if (addr->function)
		out_strf(o, "addr", "0x%x.0x%x", addr->slot, addr->function);
	else
		out_strf(o, "addr", "0x%x", addr->slot);
}

void out_usb(struct out *o, const struct dom_info *info)
{
	const struct dom_address *addr = info->address;
	const struct dom_controller *ctl = NULL;

	for (uint32_t i = 0; addr && i < o->d->n_controllers; i++)
		if (o->d->controllers[i].type == DOM_CONTROLLER_TYPE_USB &&
		    o->d->controllers[i].index == addr->bus && !o->d->controllers[i].master_set)
			ctl = &o->d->controllers[i];
	if (!ctl || addr->type != DOM_ADDRESS_TYPE_USB) {
		out_refuse(o, "device '%s' has no USB address", info->alias ? info->alias : "");
		return;
	}
	out_strf(o, "bus", "%s.0", ctl->info.alias);
	out_str(o, "port", addr->port);
}

int out_fd(struct out *o, enum guest_fd_kind kind, uint32_t index, uint32_t depth,
	   const char *what)
{
	for (size_t i = 0; i < o->r->n; i++) {
		const struct guest_fd *res = &o->r->list[i];

		if (res->kind == kind && res->index == index && res->depth == depth)
			return res->number;
	}
	if (!o->error)
		o->error = err_set(o->err, -EINVAL, ERR_INTERNAL_ERROR,
				   "guest '%s': no descriptor for %s %u.%u was handed over",
				   o->d->name, what, index, depth);
	return -1;
}

uint32_t out_boot_index(const struct out *o, enum dom_boot_dev dev, const struct dom_info *info,
			bool first_of_kind)
{
	if (info->boot_order)
		return info->boot_order;
	for (uint32_t i = 0; first_of_kind && i < o->d->os.n_boot; i++)
		if (o->d->os.boot[i] == dev)
			return i + 1;
	return 0;
}
