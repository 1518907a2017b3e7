/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI addresses, in two passes as libvirt does it: the first, on a set of buses
 * that grows, finds out which controllers are missing; they are added to the
 * model; the second gives everything its address.
 */
#include "hv/qemu/pci.h"

struct assign {
	struct plan_ctx *c;
	struct pci_set *s;
	struct plan_dev *devs;
	size_t n_devs;
	bool express;           /* the root is PCI Express */
};

static unsigned controller_needs(const struct dom_controller *ctl, unsigned best)
{
	switch (ctl->type) {
	case DOM_CONTROLLER_TYPE_PCI:
		return pci_controller_needs(ctl->model);
	case DOM_CONTROLLER_TYPE_USB:
		if (plan_is(ctl->model, PLAN_USB_NONE))
			return 0;
		return plan_is_xhci(ctl) ? best : PCI_LEGACY | PCI_AUTO;
	case DOM_CONTROLLER_TYPE_SCSI:
		return plan_is(ctl->model, "virtio-scsi") ? best : PCI_LEGACY | PCI_AUTO;
	case DOM_CONTROLLER_TYPE_VIRTIO_SERIAL:
		return best;
	case DOM_CONTROLLER_TYPE_FDC:
		return 0;
	default:
		return PCI_LEGACY | PCI_AUTO;
	}
}

/* What a device must be plugged into; 0: it is not on PCI at all. */
static unsigned needs_of(const struct assign *as, const struct plan_dev *dev)
{
	const struct domain *d = as->c->d;
	unsigned legacy = PCI_LEGACY | PCI_AUTO;
	unsigned best = as->express ? PCI_EXPRESS | PCI_AUTO : legacy;

	switch (dev->kind) {
	case PLAN_DEV_DISK:
		return d->disks[dev->index].bus == DOM_DISK_BUS_VIRTIO ? best : 0;
	case PLAN_DEV_NET:
		return plan_is(d->nets[dev->index].model, "virtio") ||
				       plan_is(d->nets[dev->index].model, "e1000e") ?
			       best : legacy;
	case PLAN_DEV_CONTROLLER:
		return controller_needs(&d->controllers[dev->index], best);
	case PLAN_DEV_INPUT:
		return d->inputs[dev->index].bus == DOM_INPUT_BUS_VIRTIO ? best : 0;
	case PLAN_DEV_WATCHDOG:
		return plan_is(d->watchdogs[dev->index].model, "i6300esb") ? legacy : 0;
	case PLAN_DEV_BALLOON:
		return plan_is(d->balloon->model, "none") ? 0 : best;
	case PLAN_DEV_RNG:
		return best;
	case PLAN_DEV_VIDEO:
		if (plan_is(d->videos[dev->index].model, "none"))
			return 0;
		return plan_is(d->videos[dev->index].model, "virtio") ? best : legacy;
	default:
		return 0;
	}
}

/* An address of type pci that is all zero asks for one, like none at all. */
static bool has_address(const struct plan_dev *dev)
{
	const struct dom_address *a = dev->info->address;

	return a && a->type == DOM_ADDRESS_TYPE_PCI && (a->bus || a->slot || a->function);
}

static int set_address(struct assign *as, struct dom_info *info, const struct pci_addr *a)
{
	struct dom_address *addr = info->address;

	if (!addr)
		addr = info->address = plan_new_address(as->c->a, DOM_ADDRESS_TYPE_PCI);
	if (!addr)
		return plan_nomem(as->c);
	addr->bus = a->bus;
	addr->slot = a->slot;
	addr->function = a->function;
	return 0;
}

/* In the first pass the address found is only counted, not kept. */
static int give_next(struct assign *as, const struct plan_dev *dev, int function)
{
	struct pci_addr a;
	int r = pci_take_next(as->c, as->s, needs_of(as, dev), function, &a, dev->what);

	return r < 0 || as->s->may_grow ? r : set_address(as, dev->info, &a);
}

/* ---- what the chipset has in fixed places ---- */

static int fixed_address(struct assign *as, struct dom_controller *ctl, uint32_t slot,
			 uint32_t function, bool reserve)
{
	struct pci_addr a = { 0, slot, function };
	struct dom_address *have = ctl->info.address;
	const char *word = dom_controller_type_names[ctl->type];

	if (have && (have->bus || have->slot || have->function) &&
	    (have->type != DOM_ADDRESS_TYPE_PCI || have->bus || have->slot != slot ||
	     have->function != function))
		return plan_bad(as->c, "the first %s controller of this machine type must have PCI "
				       "address 0:0:%x.%x", word, slot, function);
	if (set_address(as, &ctl->info, &a) < 0)
		return -ENOMEM;
	return reserve ? pci_take(as->c, as->s, &a, PCI_LEGACY, true, word) : 0;
}

static int reserve(struct assign *as, uint32_t slot, uint32_t function)
{
	struct pci_addr a = { 0, slot, function };

	return pci_take(as->c, as->s, &a, PCI_LEGACY | PCI_EXPRESS, true,
			"a device of the chipset");
}

/* QEMU puts the first display into the first free slot; so does the address. */
static int primary_video(struct assign *as, uint32_t slot)
{
	struct pci_addr a = { 0, slot, 0 };
	struct domain *d = as->c->d;
	struct plan_dev dev = { .kind = PLAN_DEV_VIDEO, .what = "video 0" };
	int r;

	if (!d->n_videos || plan_is(d->videos[0].model, "none"))
		return 0;
	dev.info = &d->videos[0].info;
	if (has_address(&dev))
		return 0;
	if (pci_slot_in_use(as->s, &a))
		return give_next(as, &dev, PCI_ANY_FUNCTION);
	r = pci_take(as->c, as->s, &a, PCI_LEGACY | PCI_EXPRESS, true, dev.what);
	return r < 0 ? r : set_address(as, dev.info, &a);
}

static bool is_piix3_usb(const struct dom_controller *ctl)
{
	return ctl->type == DOM_CONTROLLER_TYPE_USB && !ctl->index &&
	       plan_is(ctl->model, "piix3-uhci");
}

static int chipset_i440fx(struct assign *as)
{
	struct domain *d = as->c->d;
	int r = 0;

	for (uint32_t i = 0; i < d->n_controllers && r >= 0; i++) {
		struct dom_controller *ctl = &d->controllers[i];

		if (ctl->type == DOM_CONTROLLER_TYPE_IDE && !ctl->index)
			r = fixed_address(as, ctl, 1, 1, true);
		else if (is_piix3_usb(ctl))
			r = fixed_address(as, ctl, 1, 2, true);
	}
	if (r >= 0)
		r = reserve(as, 1, 0);  /* ISA bridge */
	if (r >= 0)
		r = reserve(as, 1, 3);  /* power management */
	return r < 0 ? r : primary_video(as, 2);
}

/* Where real ICH9 hardware has these; tried, not insisted on. */
static int usual_place(struct assign *as, struct dom_controller *ctl, uint32_t slot, bool multi)
{
	struct pci_addr a = { 0, slot, 0 };
	int r;

	if (ctl->info.address || pci_slot_in_use(as->s, &a))
		return 0;
	r = pci_take(as->c, as->s, &a, PCI_LEGACY | PCI_EXPRESS, true,
		     dom_controller_type_names[ctl->type]);
	if (r >= 0)
		r = set_address(as, &ctl->info, &a);
	if (r >= 0 && multi)
		ctl->info.address->multifunction = DOM_STATE_WORD_ON;
	return r;
}

static int chipset_q35(struct assign *as)
{
	struct domain *d = as->c->d;
	int r = 0;

	for (uint32_t i = 0; i < d->n_controllers && r >= 0; i++) {
		struct dom_controller *ctl = &d->controllers[i];

		if (ctl->type == DOM_CONTROLLER_TYPE_SATA && !ctl->index) {
			struct plan_dev dev = { .kind = PLAN_DEV_CONTROLLER, .info = &ctl->info };

			r = fixed_address(as, ctl, 0x1f, 2, !has_address(&dev));
		} else if (plan_is(ctl->model, "ich9-uhci1")) {
			r = usual_place(as, ctl, 0x1d, true);
			if (r >= 0)
				r = usual_place(as, ctl, 0x1a, true);
		} else if (plan_is(ctl->model, "dmi-to-pci-bridge")) {
			r = usual_place(as, ctl, 0x1e, false);
		}
	}
	if (r >= 0)
		r = reserve(as, 0x1f, 0);  /* ISA bridge */
	if (r >= 0)
		r = reserve(as, 0x1f, 3);  /* SMBus */
	return r < 0 ? r : primary_video(as, 1);
}

/* ---- everything else, kind by kind ---- */

static int give_usb2(struct assign *as, const struct plan_dev *dev)
{
	static const struct {
		const char *model;
		uint32_t function;
		enum dom_state_word multi;
	} parts[] = {
		{ "ich9-ehci1", 7, DOM_STATE_WORD_UNSET },
		{ "ich9-uhci1", 0, DOM_STATE_WORD_ON },
		{ "ich9-uhci2", 1, DOM_STATE_WORD_UNSET },
		{ "ich9-uhci3", 2, DOM_STATE_WORD_UNSET },
	};
	struct domain *d = as->c->d;
	struct dom_controller *ctl = &d->controllers[dev->index];
	size_t k = 0;
	int r;

	while (k < ARRAY_LEN(parts) - 1 && !plan_is(ctl->model, parts[k].model))
		k++;
	for (uint32_t i = 0; i < d->n_controllers; i++) {
		struct dom_address *other = d->controllers[i].info.address;
		struct pci_addr a;

		if (!plan_is_usb2(&d->controllers[i]) || d->controllers[i].index != ctl->index ||
		    !other || other->type != DOM_ADDRESS_TYPE_PCI)
			continue;
		a = (struct pci_addr){ other->bus, other->slot, parts[k].function };
		r = pci_take(as->c, as->s, &a, needs_of(as, dev), true, dev->what);
		if (r >= 0)
			r = set_address(as, &ctl->info, &a);
		if (r >= 0)
			ctl->info.address->multifunction = parts[k].multi;
		return r;
	}
	r = give_next(as, dev, (int)parts[k].function);
	if (r >= 0 && ctl->info.address)
		ctl->info.address->multifunction = parts[k].multi;
	return r;
}

static int give_kind(struct assign *as, enum plan_dev_kind kind, bool pci_controllers)
{
	for (size_t i = 0; i < as->n_devs; i++) {
		const struct plan_dev *dev = &as->devs[i];
		const struct dom_controller *ctl = NULL;
		int r;

		if (dev->kind != kind || !needs_of(as, dev) || has_address(dev))
			continue;
		if (kind == PLAN_DEV_CONTROLLER) {
			ctl = &as->c->d->controllers[dev->index];
			if ((ctl->type == DOM_CONTROLLER_TYPE_PCI) != pci_controllers)
				continue;
		}
		if (dev->info->address && dev->info->address->type != DOM_ADDRESS_TYPE_PCI)
			return plan_refuse(
				as->c, "%s cannot have an address of type '%s'; use 'pci'",
				dev->what, dom_address_type_names[dev->info->address->type]);
		r = ctl && plan_is_usb2(ctl) ? give_usb2(as, dev) :
					       give_next(as, dev, PCI_ANY_FUNCTION);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The order is libvirt's: it decides who sits where. */
static int give_all(struct assign *as)
{
	static const enum plan_dev_kind order[] = {
		PLAN_DEV_NET, PLAN_DEV_CONTROLLER, PLAN_DEV_DISK,  PLAN_DEV_BALLOON,
		PLAN_DEV_RNG, PLAN_DEV_WATCHDOG,   PLAN_DEV_VIDEO, PLAN_DEV_INPUT,
	};
	int r = give_kind(as, PLAN_DEV_CONTROLLER, true);

	for (size_t i = 0; i < ARRAY_LEN(order) && r >= 0; i++)
		r = give_kind(as, order[i], false);
	return r;
}

/* ---- the passes ---- */

/* The chipset's own IDE and USB of a PC are taken by chipset_i440fx(). */
static bool is_builtin(const struct assign *as, const struct plan_dev *dev)
{
	const struct dom_controller *ctl;

	if (as->express || dev->kind != PLAN_DEV_CONTROLLER)
		return false;
	ctl = &as->c->d->controllers[dev->index];
	return is_piix3_usb(ctl) || (ctl->type == DOM_CONTROLLER_TYPE_IDE && !ctl->index);
}

static int take_given(struct assign *as)
{
	for (size_t i = 0; i < as->n_devs; i++) {
		const struct plan_dev *dev = &as->devs[i];
		const struct dom_address *addr = dev->info->address;
		struct pci_addr a;
		unsigned needs = needs_of(as, dev);
		int r;

		if (!has_address(dev) || is_builtin(as, dev))
			continue;
		if (!needs)
			return plan_refuse(as->c, "%s is not a PCI device and cannot have a PCI "
						  "address", dev->what);
		if (addr->domain)
			return plan_bad(as->c, "%s: only PCI domain 0 is available", dev->what);
		a = (struct pci_addr){ addr->bus, addr->slot, addr->function };
		r = pci_take(as->c, as->s, &a, needs, true, dev->what);
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_pass(struct assign *as, uint32_t n_buses, bool may_grow)
{
	const struct domain *d = as->c->d;
	int r;

	if (plan_devices(as->c->d, as->c->a, &as->devs, &as->n_devs) < 0)
		return plan_nomem(as->c);
	memset(as->s, 0, sizeof(*as->s));
	as->s->n = n_buses;
	as->s->may_grow = may_grow;
	for (uint32_t i = 0; i < n_buses; i++)
		pci_set_model(as->s, i, as->express ? "pcie-root-port" : "pci-bridge");
	for (uint32_t i = 0; i < d->n_controllers; i++)
		if (d->controllers[i].type == DOM_CONTROLLER_TYPE_PCI)
			pci_set_model(as->s, d->controllers[i].index, d->controllers[i].model);
	r = take_given(as);
	if (r < 0)
		return r;
	return as->express ? chipset_q35(as) : chipset_i440fx(as);
}

static int64_t last_bus(const struct domain *d)
{
	int64_t last = -1;

	for (uint32_t i = 0; i < d->n_controllers; i++)
		if (d->controllers[i].type == DOM_CONTROLLER_TYPE_PCI &&
		    d->controllers[i].index > last)
			last = d->controllers[i].index;
	return last;
}

/* Buses that the first pass used become controllers; each needs a place itself. */
static int add_missing(struct assign *as)
{
	for (uint32_t i = 1; i < as->s->n; i++) {
		struct pci_addr unused;
		struct dom_controller *ctl;
		int r;

		if (plan_find_controller(as->c->d, DOM_CONTROLLER_TYPE_PCI, i))
			continue;
		if (as->c->d->n_controllers >= DOM_DEVICES_MAX)
			return plan_refuse(as->c, "more than %u controllers are needed",
					   DOM_DEVICES_MAX);
		ctl = plan_add_controller(as->c, DOM_CONTROLLER_TYPE_PCI, i, as->s->bus[i].model);
		if (!ctl)
			return plan_nomem(as->c);
		r = pci_take_next(as->c, as->s, pci_controller_needs(ctl->model), PCI_ANY_FUNCTION,
				  &unused, "a pci controller");
		if (r < 0)
			return r;
	}
	return 0;
}

static int first_pass(struct assign *as, uint32_t *ret_n)
{
	int64_t last = last_bus(as->c->d);
	struct pci_addr unused;
	int r = start_pass(as, (uint32_t)last + 1, true);

	/* A PC keeps one slot for a bridge to grow by; */
	if (r >= 0 && !as->express && !pci_all_full(as->s))
		r = pci_take_next(as->c, as->s, PCI_LEGACY | PCI_AUTO, PCI_ANY_FUNCTION, &unused,
				  "a slot to grow by");
	if (r >= 0)
		r = give_all(as);
	/* a new q35 guest gets one free root port for a device plugged later. */
	if (r >= 0 && as->express && last <= 0 && as->s->n > 1)
		r = pci_take_next(as->c, as->s, PCI_EXPRESS | PCI_AUTO, PCI_ANY_FUNCTION, &unused,
				  "a port to grow by");
	if (r >= 0)
		r = add_missing(as);
	*ret_n = as->s->n;
	return r;
}

/* ---- afterwards ---- */

/* Function 0 of a slot with several functions says so. */
static void mark_multifunction(struct assign *as)
{
	for (size_t i = 0; i < as->n_devs; i++) {
		const struct dom_address *a = as->devs[i].info->address;

		if (!a || a->type != DOM_ADDRESS_TYPE_PCI || !a->function)
			continue;
		for (size_t j = 0; j < as->n_devs; j++) {
			struct dom_address *b = as->devs[j].info->address;

			if (b && b->type == DOM_ADDRESS_TYPE_PCI && b->bus == a->bus &&
			    b->slot == a->slot && !b->function && !b->multifunction)
				b->multifunction = DOM_STATE_WORD_ON;
		}
	}
}

static int finish_controller(struct assign *as, struct dom_controller *ctl)
{
	static const char *const names[][2] = {
		{ "pci-bridge", "pci-bridge" },
		{ "dmi-to-pci-bridge", "i82801b11-bridge" },
		{ "pcie-to-pci-bridge", "pcie-pci-bridge" },
		{ "pcie-root-port", "pcie-root-port" },
	};
	const struct dom_address *addr = ctl->info.address;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!plan_is(ctl->model, names[i][0]))
			continue;
		if (plan_default(as->c, &ctl->pci_model_name, names[i][1]) < 0)
			return -ENOMEM;
		if (strcmp(ctl->pci_model_name, names[i][1]) != 0 &&
		    strcmp(ctl->pci_model_name, "ioh3420") != 0)
			return plan_refuse(as->c,
					   "pci controller %u: model name '%s' is not supported; "
					   "use '%s'",
					   ctl->index, ctl->pci_model_name, names[i][1]);
	}
	if (plan_is(ctl->model, "pcie-root-port")) {
		if (!ctl->chassis_set)
			ctl->chassis = ctl->index;
		if (!ctl->port_set && addr)
			ctl->port = (addr->slot << 3) + addr->function;
		ctl->chassis_set = ctl->port_set = true;
	}
	if (plan_is(ctl->model, "pci-bridge")) {
		if (!ctl->chassis_nr_set)
			ctl->chassis_nr = ctl->index;
		ctl->chassis_nr_set = true;
	}
	if (addr && ctl->index <= addr->bus && ctl->index)
		return plan_refuse(as->c,
				   "pci controller %u sits on bus %u; its index must be larger "
				   "than the bus",
				   ctl->index, addr->bus);
	return 0;
}

int plan_step_pci(struct plan_ctx *c)
{
	struct assign as = { .c = c, .express = c->machine->chipset == PLAN_CHIPSET_Q35 };
	uint32_t n = 0;
	int r;

	as.s = arena_alloc(c->a, sizeof(*as.s));
	if (!as.s)
		return plan_nomem(c);
	r = first_pass(&as, &n);
	if (r >= 0)
		r = start_pass(&as, n, false);
	if (r >= 0)
		r = give_all(&as);
	if (r < 0)
		return r;
	mark_multifunction(&as);
	for (uint32_t i = 0; i < c->d->n_controllers && r >= 0; i++)
		if (c->d->controllers[i].type == DOM_CONTROLLER_TYPE_PCI)
			r = finish_controller(&as, &c->d->controllers[i]);
	return r;
}
