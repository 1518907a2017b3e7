/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of USB controllers for disks and inputs. */
#include <stdlib.h>

#include "hv/qemu/priv.h"

static const struct {
	const char *model;
	uint32_t ports;
} roots[] = {
	{ "piix3-uhci", 2 }, { "piix4-uhci", 2 }, { "pci-ohci", 3 },  { "ehci", 6 },
	{ "ich9-ehci1", 6 }, { "nec-xhci", 4 },	  { "qemu-xhci", 4 },
};

struct hubs {
	uint32_t used[DOM_DEVICES_MAX];  /* per controller index: bit of port number */
};

/* 0: not a bus of its own (a companion, or 'none'). */
static uint32_t n_ports(const struct dom_controller *ctl)
{
	if (ctl->type != DOM_CONTROLLER_TYPE_USB)
		return 0;
	if (ctl->ports)
		return ctl->ports;
	for (size_t i = 0; i < ARRAY_LEN(roots); i++)
		if (plan_is(ctl->model, roots[i].model))
			return roots[i].ports;
	return 0;
}

static uint32_t ports_of_bus(const struct domain *d, uint32_t index)
{
	for (uint32_t i = 0; i < d->n_controllers; i++)
		if (d->controllers[i].index == index && n_ports(&d->controllers[i]))
			return n_ports(&d->controllers[i]);
	return 0;
}

static bool usb_disabled(const struct domain *d)
{
	const struct dom_controller *ctl = plan_find_controller(d, DOM_CONTROLLER_TYPE_USB, 0);

	return !ctl || plan_is(ctl->model, PLAN_USB_NONE);
}

static int take_given(struct plan_ctx *c, struct hubs *h, const struct plan_dev *dev)
{
	const struct dom_address *addr = dev->info->address;
	unsigned long port;
	char *end;

	if (!addr)
		return 0;
	if (addr->type != DOM_ADDRESS_TYPE_USB)
		return plan_refuse(c, "%s is on bus 'usb' and needs an address of type 'usb'",
				   dev->what);
	if (addr->bus >= DOM_DEVICES_MAX || !ports_of_bus(c->d, addr->bus))
		return plan_bad(c, "%s: there is no USB controller %u", dev->what, addr->bus);
	if (plan_blank(addr->port))
		return 0;
	port = strtoul(addr->port, &end, 10);
	if (*end == '.')
		return plan_refuse(
			c,
			"%s: port '%s' needs a USB hub, which is not supported; add a USB "
			"controller",
			dev->what, addr->port);
	if (end == addr->port || *end || !port || port > ports_of_bus(c->d, addr->bus))
		return plan_bad(c, "%s: USB controller %u has no port '%s'", dev->what, addr->bus,
				addr->port);
	if (h->used[addr->bus] & (1u << port))
		return plan_bad(c, "%s: duplicate USB address bus %u port %lu", dev->what,
				addr->bus, port);
	h->used[addr->bus] |= 1u << port;
	return 0;
}

static bool find_free(const struct domain *d, const struct hubs *h, uint32_t first, uint32_t last,
		      uint32_t *ret_bus, uint32_t *ret_port)
{
	for (uint32_t bus = first; bus <= last; bus++)
		for (uint32_t port = 1; port <= ports_of_bus(d, bus); port++)
			if (!(h->used[bus] & (1u << port))) {
				*ret_bus = bus;
				*ret_port = port;
				return true;
			}
	return false;
}

static int give_port(struct plan_ctx *c, struct hubs *h, const struct plan_dev *dev)
{
	struct dom_address *addr = dev->info->address;
	uint32_t bus, port;
	bool found;

	if (addr && !plan_blank(addr->port))
		return 0;
	found = addr ? find_free(c->d, h, addr->bus, addr->bus, &bus, &port) :
		       find_free(c->d, h, 0, DOM_DEVICES_MAX - 1, &bus, &port);
	if (!found)
		return plan_refuse(c, "%s: no free USB port; add a <controller type='usb' "
				      "model='qemu-xhci' ports='15'>", dev->what);
	if (!addr)
		addr = dev->info->address = plan_new_address(c->a, DOM_ADDRESS_TYPE_USB);
	if (!addr)
		return plan_nomem(c);
	addr->bus = bus;
	addr->port = arena_printf(c->a, "%u", port);
	h->used[bus] |= 1u << port;
	return addr->port ? 0 : plan_nomem(c);
}

static bool is_usb(const struct domain *d, const struct plan_dev *dev)
{
	return (dev->kind == PLAN_DEV_DISK && d->disks[dev->index].bus == DOM_DISK_BUS_USB) ||
	       (dev->kind == PLAN_DEV_INPUT && d->inputs[dev->index].bus == DOM_INPUT_BUS_USB);
}

int plan_step_usb(struct plan_ctx *c)
{
	struct hubs *h = arena_alloc(c->a, sizeof(*h));
	struct plan_dev *devs;
	size_t n;
	int r = 0;

	if (!h || plan_devices(c->d, c->a, &devs, &n) < 0)
		return plan_nomem(c);
	for (size_t i = 0; i < n && r >= 0; i++) {
		if (!is_usb(c->d, &devs[i]))
			continue;
		if (usb_disabled(c->d))
			return plan_refuse(
				c,
				"cannot add %s: USB is disabled by <controller type='usb' "
				"model='none'>",
				devs[i].what);
		r = take_given(c, h, &devs[i]);
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		if (is_usb(c->d, &devs[i]))
			r = give_port(c, h, &devs[i]);
	return r;
}
