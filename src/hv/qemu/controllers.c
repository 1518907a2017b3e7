/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Controllers: those given, those every machine has, those a device needs. */
#include "hv/qemu/priv.h"

static const char *const pci_models[] = {
	"pci-root", "pcie-root", "pcie-root-port", "pci-bridge", "dmi-to-pci-bridge",
	"pcie-to-pci-bridge", NULL,
};
static const char *const usb_models[] = {
	PLAN_USB_NONE, "piix3-uhci", "piix4-uhci", "ehci", "pci-ohci", "ich9-ehci1", "ich9-uhci1",
	"ich9-uhci2", "ich9-uhci3", "nec-xhci", "qemu-xhci", NULL,
};
static const char *const scsi_models[] = { "virtio-scsi", "lsilogic", NULL };

/* Per type: the models known, and the one taken when none is given. */
static const struct {
	const char *const *models;
	const char *default_model;
} kinds[] = {
	[DOM_CONTROLLER_TYPE_PCI] = { pci_models, NULL },
	[DOM_CONTROLLER_TYPE_USB] = { usb_models, "piix3-uhci" },
	[DOM_CONTROLLER_TYPE_SATA] = { NULL, NULL },
	[DOM_CONTROLLER_TYPE_IDE] = { NULL, NULL },
	[DOM_CONTROLLER_TYPE_SCSI] = { scsi_models, "lsilogic" },
	[DOM_CONTROLLER_TYPE_VIRTIO_SERIAL] = { NULL, NULL },
	[DOM_CONTROLLER_TYPE_FDC] = { NULL, NULL },
};

static const char *root_model(const struct plan_ctx *c)
{
	return c->machine->chipset == PLAN_CHIPSET_Q35 ? "pcie-root" : "pci-root";
}

static bool is_root(const struct dom_controller *ctl)
{
	return ctl->type == DOM_CONTROLLER_TYPE_PCI &&
	       (plan_is(ctl->model, "pci-root") || plan_is(ctl->model, "pcie-root"));
}

static int default_model(struct plan_ctx *c, struct dom_controller *ctl)
{
	const char *word;
	int r = 0;

	if (!ctl->type || ctl->type >= ARRAY_LEN(kinds))
		return plan_bad(c, "a <controller> has no type");
	word = dom_controller_type_names[ctl->type];
	if (plan_blank(ctl->model) && kinds[ctl->type].default_model)
		r = plan_default(c, &ctl->model, kinds[ctl->type].default_model);
	if (r < 0)
		return r;
	if (plan_blank(ctl->model) && ctl->type == DOM_CONTROLLER_TYPE_PCI)
		return plan_bad(c, "a pci controller has no model; use '%s' or leave it out",
				root_model(c));
	if (!plan_blank(ctl->model) &&
	    !(kinds[ctl->type].models && plan_known(kinds[ctl->type].models, ctl->model)))
		return plan_refuse(c, "%s controller model '%s' is not supported", word,
				   ctl->model);
	if (is_root(ctl) && strcmp(ctl->model, root_model(c)) != 0)
		return plan_refuse(
			c,
			"pci controller model '%s' does not fit machine type '%s'; it has "
			"'%s'",
			ctl->model, c->machine->name, root_model(c));
	return 0;
}

/* Companions of one USB 2 controller share its index: a uhci joins the ehci before it. */
static uint32_t free_index(const struct domain *d, const struct dom_controller *ctl)
{
	uint32_t index = 0;

	while (plan_find_controller(d, ctl->type, index))
		index++;
	if (plan_is_usb2(ctl) && ctl->master_set && index > 0)
		index--;
	return index;
}

static int check_index(struct plan_ctx *c, const struct dom_controller *ctl)
{
	const char *word = dom_controller_type_names[ctl->type];

	if (ctl->index >= DOM_DEVICES_MAX)
		return plan_bad(c, "%s controller index %u is too large; the last is %u", word,
				ctl->index, DOM_DEVICES_MAX - 1);
	if (is_root(ctl) ? ctl->index != 0 : ctl->type == DOM_CONTROLLER_TYPE_PCI && !ctl->index)
		return plan_bad(c, "pci controller index 0 is the '%s', and only that",
				root_model(c));
	if (ctl->type == DOM_CONTROLLER_TYPE_IDE &&
	    (c->machine->chipset != PLAN_CHIPSET_I440FX || ctl->index))
		return plan_refuse(c, "machine type '%s' has no IDE controller %u; use SATA",
				   c->machine->name, ctl->index);
	if (ctl->type == DOM_CONTROLLER_TYPE_FDC && ctl->index)
		return plan_refuse(c, "only one floppy controller is supported");
	for (const struct dom_controller *o = c->d->controllers; o < ctl; o++)
		if (o->type == ctl->type && o->index == ctl->index &&
		    !(plan_is_usb2(o) && plan_is_usb2(ctl) && strcmp(o->model, ctl->model) != 0))
			return plan_bad(c, "multiple '%s' controllers with index '%u'", word,
					ctl->index);
	return 0;
}

static int check_ports(struct plan_ctx *c, const struct dom_controller *ctl)
{
	if (ctl->ports > 15 && plan_is_xhci(ctl))
		return plan_refuse(c, "usb controller %u: 'ports' must be at most 15", ctl->index);
	if (ctl->ports && ctl->type == DOM_CONTROLLER_TYPE_USB && !plan_is_xhci(ctl))
		return plan_refuse(c, "usb controller %u: only xhci models take 'ports'",
				   ctl->index);
	if (ctl->ports > 31 && ctl->type == DOM_CONTROLLER_TYPE_VIRTIO_SERIAL)
		return plan_refuse(c, "virtio-serial controller %u: 'ports' must be at most 31",
				   ctl->index);
	return 0;
}

int plan_step_controllers(struct plan_ctx *c)
{
	struct domain *d = c->d;
	int r = 0;

	for (uint32_t i = 0; i < d->n_controllers && r >= 0; i++) {
		r = default_model(c, &d->controllers[i]);
		if (r >= 0 && is_root(&d->controllers[i]) && !d->controllers[i].index_set)
			d->controllers[i].index_set = true;
	}
	for (uint32_t i = 0; i < d->n_controllers && r >= 0; i++) {
		struct dom_controller *ctl = &d->controllers[i];

		if (!ctl->index_set) {
			ctl->index = free_index(d, ctl);
			/* Index 0 stays free for the root, also while it is only implied. */
			if (ctl->type == DOM_CONTROLLER_TYPE_PCI && !ctl->index)
				ctl->index = 1;
			ctl->index_set = true;
		}
		r = check_index(c, ctl);
		if (r >= 0)
			r = check_ports(c, ctl);
	}
	return r;
}

/* ---- what every machine has ---- */

static int ensure(struct plan_ctx *c, enum dom_controller_type type, uint32_t index,
		  const char *model)
{
	if (plan_find_controller(c->d, type, index))
		return 0;
	if (c->d->n_controllers >= DOM_DEVICES_MAX)
		return plan_refuse(c, "more than %u controllers are needed", DOM_DEVICES_MAX);
	return plan_add_controller(c, type, index, model) ? 0 : plan_nomem(c);
}

int plan_step_default_controllers(struct plan_ctx *c)
{
	bool q35 = c->machine->chipset == PLAN_CHIPSET_Q35;
	bool usb = false;
	int r = 0;

	for (uint32_t i = 0; i < c->d->n_controllers; i++)
		usb |= c->d->controllers[i].type == DOM_CONTROLLER_TYPE_USB;
	if (!usb)
		r = ensure(c, DOM_CONTROLLER_TYPE_USB, 0, q35 ? "qemu-xhci" : "piix3-uhci");
	if (r >= 0 && q35)
		r = ensure(c, DOM_CONTROLLER_TYPE_SATA, 0, NULL);
	return r < 0 ? r : ensure(c, DOM_CONTROLLER_TYPE_PCI, 0, root_model(c));
}

/* ---- what the devices need ---- */

static int ensure_up_to(struct plan_ctx *c, enum dom_controller_type type, uint32_t last,
			const char *model)
{
	int r = 0;

	if (last >= DOM_DEVICES_MAX)
		return plan_refuse(c, "%s controller %u is out of range",
				   dom_controller_type_names[type], last);
	for (uint32_t i = 0; i <= last && r >= 0; i++)
		r = ensure(c, type, i, model);
	return r;
}

static int for_disks(struct plan_ctx *c, enum dom_disk_bus bus, enum dom_controller_type type,
		     const char *model)
{
	const struct domain *d = c->d;
	int64_t last = -1;

	for (uint32_t i = 0; i < d->n_disks; i++) {
		const struct dom_address *addr = d->disks[i].info.address;

		if (d->disks[i].bus == bus && addr && addr->type == DOM_ADDRESS_TYPE_DRIVE &&
		    addr->controller > last)
			last = addr->controller;
	}
	return last < 0 ? 0 : ensure_up_to(c, type, (uint32_t)last, model);
}

static int64_t last_vserial(const struct dom_chr *list, uint32_t n)
{
	int64_t last = -1;

	for (uint32_t i = 0; i < n; i++) {
		const struct dom_address *addr = list[i].info.address;

		if (!plan_is(list[i].target_type, "virtio"))
			continue;
		if (last < 0)
			last = 0;
		if (addr && addr->type == DOM_ADDRESS_TYPE_VIRTIO_SERIAL && addr->controller > last)
			last = addr->controller;
	}
	return last;
}

int plan_step_implicit_controllers(struct plan_ctx *c)
{
	const struct domain *d = c->d;
	int64_t last, consoles;
	int r;

	r = for_disks(c, DOM_DISK_BUS_SCSI, DOM_CONTROLLER_TYPE_SCSI, "lsilogic");
	if (r >= 0)
		r = for_disks(c, DOM_DISK_BUS_FDC, DOM_CONTROLLER_TYPE_FDC, NULL);
	if (r >= 0)
		r = for_disks(c, DOM_DISK_BUS_IDE, DOM_CONTROLLER_TYPE_IDE, NULL);
	if (r >= 0)
		r = for_disks(c, DOM_DISK_BUS_SATA, DOM_CONTROLLER_TYPE_SATA, NULL);
	if (r < 0)
		return r;
	last = last_vserial(d->channels, d->n_channels);
	consoles = last_vserial(d->consoles, d->n_consoles);
	if (consoles > last)
		last = consoles;
	return last < 0 ? 0
			: ensure_up_to(c, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL, (uint32_t)last, NULL);
}
