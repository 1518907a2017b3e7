/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of virtio-serial controllers for channels. Port 0 is left to consoles. */
#include <stdlib.h>

#include "hv/qemu/priv.h"

#define PORTS_DEFAULT 31

struct ports {
	uint32_t used[DOM_DEVICES_MAX];  /* per controller index: one bit per port */
};

static int port_number(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n >= 32)
		return -EINVAL;
	*ret = (uint32_t)n;
	return 0;
}

static uint32_t n_ports(const struct dom_controller *ctl)
{
	return ctl->ports ? ctl->ports : PORTS_DEFAULT;
}

/* An address without a port, or with port 0, asks for the next one on its controller. */
static bool wants_port(const struct dom_address *addr)
{
	return !addr || plan_blank(addr->port) || strcmp(addr->port, "0") == 0;
}

static int take_given(struct plan_ctx *c, struct ports *p, const struct dom_chr *chr,
		      const char *what, uint32_t i)
{
	const struct dom_address *addr = chr->info.address;
	const struct dom_controller *ctl;
	uint32_t port;

	if (!addr || addr->type != DOM_ADDRESS_TYPE_VIRTIO_SERIAL)
		return addr ? plan_refuse(c, "%s %u needs an address of type 'virtio-serial'", what,
					  i)
			    : 0;
	ctl = plan_find_controller(c->d, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL, addr->controller);
	if (!ctl)
		return plan_bad(c, "%s %u: there is no virtio-serial controller %u", what, i,
				addr->controller);
	if (addr->bus)
		return plan_bad(c, "%s %u: a virtio-serial controller has only bus 0", what, i);
	if (wants_port(addr))
		return 0;
	if (port_number(addr->port, &port) < 0 || port >= n_ports(ctl))
		return plan_bad(c, "%s %u: virtio-serial controller %u has no port '%s'", what, i,
				addr->controller, addr->port);
	if (p->used[ctl->index] & (1u << port))
		return plan_bad(c,
				"%s %u: virtio serial port %u on controller %u is already occupied",
				what, i, port, ctl->index);
	p->used[ctl->index] |= 1u << port;
	return 0;
}

/* The lowest free port of one controller; -1 when full. */
static int free_port(const struct ports *p, const struct dom_controller *ctl)
{
	for (uint32_t port = 1; port < n_ports(ctl); port++)
		if (!(p->used[ctl->index] & (1u << port)))
			return (int)port;
	return -1;
}

static const struct dom_controller *with_room(struct plan_ctx *c, const struct ports *p)
{
	uint32_t index;

	for (index = 0; index < DOM_DEVICES_MAX; index++) {
		const struct dom_controller *ctl =
			plan_find_controller(c->d, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL, index);

		if (!ctl)
			return plan_add_controller(c, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL, index,
						   NULL);
		if (free_port(p, ctl) >= 0)
			return ctl;
	}
	return NULL;
}

static int give_port(struct plan_ctx *c, struct ports *p, struct dom_chr *chr, uint32_t i)
{
	struct dom_address *addr = chr->info.address;
	const struct dom_controller *ctl;
	int port;

	if (!wants_port(addr))
		return 0;
	if (addr)
		ctl = plan_find_controller(c->d, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL,
					   addr->controller);
	else
		ctl = with_room(c, p);
	port = ctl ? free_port(p, ctl) : -1;
	if (port < 0)
		return plan_refuse(c, "channel %u: no free port on a virtio-serial controller", i);
	if (!addr)
		addr = chr->info.address = plan_new_address(c->a, DOM_ADDRESS_TYPE_VIRTIO_SERIAL);
	if (!addr)
		return plan_nomem(c);
	addr->controller = ctl->index;
	addr->port = arena_printf(c->a, "%d", port);
	p->used[ctl->index] |= 1u << port;
	return addr->port ? 0 : plan_nomem(c);
}

int plan_step_vserial(struct plan_ctx *c)
{
	struct domain *d = c->d;
	struct ports *p = arena_alloc(c->a, sizeof(*p));
	int r = 0;

	if (!p)
		return plan_nomem(c);
	for (uint32_t i = 0; i < d->n_channels && r >= 0; i++)
		r = take_given(c, p, &d->channels[i], "channel", i);
	for (uint32_t i = 0; i < d->n_consoles && r >= 0; i++)
		if (plan_is(d->consoles[i].target_type, "virtio"))
			r = take_given(c, p, &d->consoles[i], "console", i);
	for (uint32_t i = 0; i < d->n_channels && r >= 0; i++)
		r = give_port(c, p, &d->channels[i], i);
	return r;
}
