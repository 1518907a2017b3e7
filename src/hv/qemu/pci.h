/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Book-keeping of PCI buses, slots and functions; what may be plugged where. */
#ifndef CORDON_HV_QEMU_PCI_H
#define CORDON_HV_QEMU_PCI_H

#include "hv/qemu/priv.h"

/* What a device is, and what a bus takes. */
enum {
	PCI_LEGACY = 1 << 0,
	PCI_EXPRESS = 1 << 1,
	PCI_BRIDGE = 1 << 2,
	PCI_ROOT_PORT = 1 << 3,
	PCI_DMI_BRIDGE = 1 << 4,
	PCI_EXPRESS_BRIDGE = 1 << 5,
	PCI_KINDS = (1 << 6) - 1,
	PCI_AUTO = 1 << 6, /* bus: takes endpoints without being told; device: wants such a bus */
	PCI_SHARES_SLOT = 1 << 7, /* device: functions of one slot may be different devices */
};

#define PCI_SLOTS 32
#define PCI_FUNCTIONS 8
#define PCI_ANY_FUNCTION (-1)

struct pci_bus {
	const char *model;      /* libvirt's; NULL: no such bus yet */
	unsigned takes;
	unsigned first, last;   /* slots */
	uint8_t used[PCI_SLOTS];      /* one bit per function */
	bool shared[PCI_SLOTS];
	const char *owner[PCI_SLOTS];  /* who took the slot first, for messages */
};
struct pci_set {
	struct pci_bus bus[DOM_DEVICES_MAX];
	uint32_t n;
	bool may_grow;          /* the first pass: add buses as needed */
};
struct pci_addr {
	uint32_t bus, slot, function;
};

/* Make bus `index` one of a model; it must be a known one. */
void pci_set_model(struct pci_set *s, uint32_t index, const char *model);

/* What the controller itself must be plugged into. 0: nowhere (a root). */
unsigned pci_controller_needs(const char *model);

bool pci_slot_in_use(const struct pci_set *s, const struct pci_addr *a);
bool pci_all_full(const struct pci_set *s);

/*
 * Take one function. `given`: the address came from the definition, so a
 * legacy device may sit in an express slot and the other way round.
 */
int pci_take(struct plan_ctx *c, struct pci_set *s, struct pci_addr *a, unsigned needs, bool given,
	     const char *what);

/* Take the next free slot (or function of a shared slot) that suits. */
int pci_take_next(struct plan_ctx *c, struct pci_set *s, unsigned needs, int function,
		  struct pci_addr *ret, const char *what);

#endif
