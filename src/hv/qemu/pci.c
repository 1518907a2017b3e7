/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hv/qemu/pci.h"

#define PCI_ENDPOINTS (PCI_LEGACY | PCI_EXPRESS)

static const struct {
	const char *model;
	unsigned takes;
	unsigned first, last;
	unsigned needs;
} models[] = {
	{ "pci-root", PCI_AUTO | PCI_LEGACY | PCI_BRIDGE, 1, 31, 0 },
	{ "pci-bridge", PCI_AUTO | PCI_LEGACY | PCI_BRIDGE, 1, 31, PCI_BRIDGE },
	{ "pcie-root", PCI_EXPRESS | PCI_ROOT_PORT | PCI_DMI_BRIDGE, 1, 31, 0 },
	{ "dmi-to-pci-bridge", PCI_LEGACY | PCI_BRIDGE, 0, 31, PCI_DMI_BRIDGE },
	{ "pcie-to-pci-bridge", PCI_AUTO | PCI_LEGACY | PCI_BRIDGE, 1, 31, PCI_EXPRESS_BRIDGE },
	{ "pcie-root-port", PCI_AUTO | PCI_EXPRESS | PCI_EXPRESS_BRIDGE, 0, 0,
	  PCI_ROOT_PORT | PCI_SHARES_SLOT },
};

static size_t model_row(const char *model)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(models) - 1; i++)
		if (plan_is(model, models[i].model))
			break;
	return i;
}

unsigned pci_controller_needs(const char *model)
{
	return models[model_row(model)].needs;
}

void pci_set_model(struct pci_set *s, uint32_t index, const char *model)
{
	size_t row = model_row(model);

	s->bus[index].model = models[row].model;
	s->bus[index].takes = models[row].takes;
	s->bus[index].first = models[row].first;
	s->bus[index].last = models[row].last;
}

bool pci_slot_in_use(const struct pci_set *s, const struct pci_addr *a)
{
	return s->bus[a->bus].used[a->slot] != 0;
}

bool pci_all_full(const struct pci_set *s)
{
	for (uint32_t b = 0; b < s->n; b++)
		for (unsigned slot = s->bus[b].first; slot <= s->bus[b].last; slot++)
			if (!s->bus[b].used[slot])
				return false;
	return true;
}

/* ---- growing, in the first pass only ---- */

static bool has_place_for_bridge(const struct pci_set *s)
{
	for (uint32_t b = 0; b < s->n; b++)
		if (s->bus[b].takes & PCI_BRIDGE)
			return true;
	return false;
}

/*
 * Add what gives a device with these needs a place: a root port for an express
 * device; for a legacy one a pci-bridge, or, in a guest that is all express so
 * far, a root port that holds a pcie-to-pci-bridge. Sets `a` to the new bus.
 */
static int grow(struct plan_ctx *c, struct pci_set *s, unsigned needs, struct pci_addr *a,
		const char *what)
{
	bool via_port = (needs & PCI_LEGACY) && !has_place_for_bridge(s);
	uint32_t add = a->bus + 1 - s->n + (via_port && a->bus == s->n ? 1 : 0);

	if (!(needs & PCI_ENDPOINTS))
		return plan_refuse(c,
				   "%s: no PCI bus it can be plugged into, and none that could be "
				   "added",
				   what);
	if (s->n + add > DOM_DEVICES_MAX)
		return plan_refuse(c, "%s: more than %u PCI buses are needed", what,
				   DOM_DEVICES_MAX);
	if (via_port) {
		if (a->bus == s->n)
			a->bus++;
		pci_set_model(s, s->n, "pcie-root-port");
		/* Kept for the bridge, so that nothing else takes it during this pass. */
		s->bus[s->n++].takes = PCI_EXPRESS_BRIDGE;
		pci_set_model(s, s->n++, "pcie-to-pci-bridge");
		add = add > 2 ? add - 2 : 0;
	}
	for (; add; add--)
		pci_set_model(s, s->n++, needs & PCI_LEGACY ? "pci-bridge" : "pcie-root-port");
	return 0;
}

/* ---- taking ---- */

static bool suits(const struct pci_bus *bus, unsigned needs, bool given)
{
	unsigned takes = bus->takes;

	if (given) {
		if (takes & PCI_ENDPOINTS)
			takes |= PCI_ENDPOINTS;
		if (needs & PCI_BRIDGE)
			needs |= PCI_LEGACY;
	} else if ((needs & PCI_AUTO) && !(takes & PCI_AUTO)) {
		return false;
	}
	return (needs & takes & PCI_KINDS) != 0;
}

int pci_take(struct plan_ctx *c, struct pci_set *s, struct pci_addr *a, unsigned needs, bool given,
	     const char *what)
{
	struct pci_bus *bus;

	if (s->may_grow && a->bus >= s->n) {
		int r = grow(c, s, needs, a, what);

		if (r < 0)
			return r;
	}
	if (a->bus >= s->n)
		return plan_bad(
			c,
			"%s: invalid PCI address 0000:%02x:%02x.%x; there are only buses up "
			"to %u",
			what, a->bus, a->slot, a->function, s->n - 1);
	bus = &s->bus[a->bus];
	if (!suits(bus, needs, given))
		return plan_bad(
			c,
			"%s at PCI address 0000:%02x:%02x.%x cannot be plugged into the PCI "
			"controller with index='%u', a %s",
			what, a->bus, a->slot, a->function, a->bus, bus->model);
	if (a->slot < bus->first || a->slot > bus->last)
		return plan_bad(
			c,
			"%s: invalid PCI address 0000:%02x:%02x.%x; slot must be %u to %u on "
			"a %s",
			what, a->bus, a->slot, a->function, bus->first, bus->last, bus->model);
	if (a->function >= PCI_FUNCTIONS)
		return plan_bad(c,
				"%s: invalid PCI address 0000:%02x:%02x.%x; function must be <= 7",
				what, a->bus, a->slot, a->function);
	if (bus->used[a->slot] & (1u << a->function))
		return plan_bad(c, "%s: PCI address 0000:%02x:%02x.%x is already used by %s", what,
				a->bus, a->slot, a->function, bus->owner[a->slot]);
	if (!bus->used[a->slot]) {
		bus->shared[a->slot] = (needs & PCI_SHARES_SLOT) != 0;
		bus->owner[a->slot] = what;
	}
	bus->used[a->slot] |= (uint8_t)(1u << a->function);
	return 0;
}

static bool free_on_bus(const struct pci_bus *bus, unsigned needs, int function,
			struct pci_addr *a)
{
	uint32_t wanted = function == PCI_ANY_FUNCTION ? 0 : (uint32_t)function;

	for (a->slot = bus->first; a->slot <= bus->last; a->slot++) {
		uint8_t used = bus->used[a->slot];

		a->function = wanted;
		if (!used)
			return true;
		if (!(needs & PCI_SHARES_SLOT) || !bus->shared[a->slot])
			continue;
		if (!(used & (1u << wanted)))
			return true;
		if (function != PCI_ANY_FUNCTION)
			continue;
		for (a->function = 1; a->function < PCI_FUNCTIONS; a->function++)
			if (!(used & (1u << a->function)))
				return true;
	}
	return false;
}

int pci_take_next(struct plan_ctx *c, struct pci_set *s, unsigned needs, int function,
		  struct pci_addr *ret, const char *what)
{
	struct pci_addr a = { 0, 0, 0 };
	int r;

	for (a.bus = 0; a.bus < s->n; a.bus++)
		if (suits(&s->bus[a.bus], needs, false) &&
		    free_on_bus(&s->bus[a.bus], needs, function, &a))
			break;
	if (a.bus >= s->n) {
		if (!s->may_grow)
			return plan_refuse(c, "%s: no more available PCI slots", what);
		a.function = function == PCI_ANY_FUNCTION ? 0 : (uint32_t)function;
		r = grow(c, s, needs, &a, what);
		if (r < 0)
			return r;
		a.slot = s->bus[a.bus].first;
	}
	r = pci_take(c, s, &a, needs, false, what);
	if (r == 0)
		*ret = a;
	return r;
}
