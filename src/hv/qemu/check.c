/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Refusals across devices: two of the same, or two that exclude each other. */
#include "hv/qemu/priv.h"

static int check_direct_boot(struct plan_ctx *c)
{
	const struct dom_os *os = &c->d->os;

	if (plan_blank(os->kernel) && !plan_blank(os->initrd))
		return plan_refuse(c, "<initrd> needs a <kernel>");
	if (plan_blank(os->kernel) && !plan_blank(os->cmdline))
		return plan_refuse(c, "<cmdline> needs a <kernel>");
	if (!plan_blank(os->kernel) && os->kernel[0] != '/')
		return plan_bad(c, "<kernel> '%s' is not an absolute path", os->kernel);
	if (!plan_blank(os->initrd) && os->initrd[0] != '/')
		return plan_bad(c, "<initrd> '%s' is not an absolute path", os->initrd);
	return 0;
}

static int check_actions(struct plan_ctx *c)
{
	const struct domain *d = c->d;
	static const char *const elements[] = { "on_poweroff", "on_reboot", "on_crash" };
	const uint32_t actions[] = { d->on_poweroff, d->on_reboot, d->on_crash };

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (actions[i] == DOM_ACTION_RENAME_RESTART ||
		    actions[i] == DOM_ACTION_COREDUMP_DESTROY ||
		    actions[i] == DOM_ACTION_COREDUMP_RESTART ||
		    (i < 2 && actions[i] == DOM_ACTION_PRESERVE))
			return plan_refuse(c,
					   "<%s> '%s' is not supported; use 'destroy' or 'restart'",
					   elements[i], dom_action_names[actions[i]]);
	}
	if (d->on_reboot == DOM_ACTION_DESTROY && d->on_poweroff == DOM_ACTION_RESTART)
		return plan_refuse(c,
				   "<on_reboot> 'destroy' together with <on_poweroff> 'restart' is "
				   "not supported");
	return 0;
}

static int check_features(struct plan_ctx *c)
{
	const struct dom_hyperv *hv = c->d->features.hyperv;

	if (hv && hv->spinlocks == DOM_STATE_WORD_ON && hv->spinlocks_retries < 4095)
		return plan_refuse(c,
				   "hyperv spinlocks retries=%u is too small; QEMU wants at least "
				   "4095",
				   hv->spinlocks_retries);
	if (hv && hv->stimer == DOM_STATE_WORD_ON && hv->synic != DOM_STATE_WORD_ON)
		return plan_refuse(c, "hyperv 'stimer' needs 'synic'");
	if (hv && hv->vpindex == DOM_STATE_WORD_ON && c->d->type != DOM_TYPE_KVM)
		return plan_refuse(c, "hyperv 'vpindex' needs <domain type='kvm'>");
	if (hv && hv->synic == DOM_STATE_WORD_ON && hv->vpindex != DOM_STATE_WORD_ON &&
	    c->d->type == DOM_TYPE_KVM)
		return plan_refuse(c, "hyperv 'synic' needs 'vpindex'");
	if (c->d->features.smm == DOM_STATE_WORD_ON && c->machine->chipset != PLAN_CHIPSET_Q35)
		return plan_refuse(c, "SMM is supported with q35 machine types only");
	return 0;
}

int plan_step_check_plain(struct plan_ctx *c)
{
	int r = check_direct_boot(c);

	if (r >= 0)
		r = check_actions(c);
	return r < 0 ? r : check_features(c);
}

/* ---- names: targets, aliases ---- */

static int check_targets(struct plan_ctx *c)
{
	const struct domain *d = c->d;

	for (uint32_t i = 0; i < d->n_disks; i++)
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(d->disks[i].target, d->disks[j].target) == 0)
				return plan_bad(c,
						"target '%s' duplicated for disk sources '%s' and "
						"'%s'",
						d->disks[i].target,
						d->disks[j].path ? d->disks[j].path : "(empty)",
						d->disks[i].path ? d->disks[i].path : "(empty)");
	return 0;
}

static int check_alias(struct plan_ctx *c, const struct plan_dev *dev)
{
	const char *alias = dev->info->alias;

	if (strncmp(alias, "ua-", 3) != 0 ||
	    strspn(alias, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
		    strlen(alias))
		return plan_bad(c, "%s: alias '%s' must begin with 'ua-' and have only letters, "
				   "digits, '-' and '_'", dev->what, alias);
	return 0;
}

int plan_step_check_names(struct plan_ctx *c)
{
	struct plan_dev *devs;
	size_t n;
	int r = check_targets(c);

	if (r < 0)
		return r;
	if (plan_devices(c->d, c->a, &devs, &n) < 0)
		return plan_nomem(c);
	for (size_t i = 0; i < n; i++) {
		if (!devs[i].info->user_alias || plan_blank(devs[i].info->alias))
			continue;
		r = check_alias(c, &devs[i]);
		if (r < 0)
			return r;
		for (size_t j = 0; j < i; j++)
			if (devs[j].info->user_alias &&
			    plan_is(devs[j].info->alias, devs[i].info->alias))
				return plan_refuse(c, "non unique alias '%s': %s and %s",
						   devs[i].info->alias, devs[j].what, devs[i].what);
	}
	return 0;
}

/* ---- boot ---- */

static int check_device_order(struct plan_ctx *c, bool *ret_any)
{
	struct plan_dev *devs;
	size_t n;

	if (plan_devices(c->d, c->a, &devs, &n) < 0)
		return plan_nomem(c);
	for (size_t i = 0; i < n; i++) {
		uint32_t order = devs[i].info->boot_order;

		if (!order)
			continue;
		*ret_any = true;
		for (size_t j = 0; j < i; j++)
			if (devs[j].info->boot_order == order)
				return plan_refuse(c, "boot order '%u' is used by %s and by %s",
						   order, devs[j].what, devs[i].what);
	}
	return 0;
}

int plan_step_check_boot(struct plan_ctx *c)
{
	struct dom_os *os = &c->d->os;
	bool any = false;
	int r = check_device_order(c, &any);

	if (r < 0)
		return r;
	if (any && os->n_boot)
		return plan_refuse(
			c, "per-device <boot order=> cannot be used together with <os><boot "
			   "dev=>");
	for (uint32_t i = 0; i < os->n_boot; i++)
		for (uint32_t j = 0; j < i; j++)
			if (os->boot[i] == os->boot[j])
				return plan_bad(c, "<boot dev='%s'> is given twice",
						dom_boot_dev_names[os->boot[i]]);
	if (!any && !os->n_boot) {
		os->boot = arena_calloc(c->a, 1, sizeof(*os->boot));
		if (!os->boot)
			return plan_nomem(c);
		os->boot[0] = DOM_BOOT_DEV_HD;
		os->n_boot = 1;
	}
	if (os->bios_useserial == DOM_YESNO_YES && !c->d->n_serials)
		return plan_bad(c, "<bios useserial='yes'> needs at least one serial port");
	if (os->bios_reboot_timeout > 65535 || os->bootmenu_timeout > 65535)
		return plan_bad(c, "boot timeouts are at most 65535 ms");
	return 0;
}

/* ---- drive addresses ---- */

/* The last bus, target and unit of one controller. */
static const struct {
	uint32_t bus, target, unit;
} limits[] = {
	[DOM_DISK_BUS_SATA] = { 0, 0, 5 },
	[DOM_DISK_BUS_IDE] = { 1, 0, 1 },
	[DOM_DISK_BUS_FDC] = { 0, 0, 1 },
	[DOM_DISK_BUS_SCSI] = { 0, 255, 16383 },
};

static int check_drive(struct plan_ctx *c, const struct dom_disk *disk)
{
	const struct dom_address *a = disk->info.address;
	const struct dom_controller *ctl;

	if (a->type != DOM_ADDRESS_TYPE_DRIVE)
		return plan_refuse(c, "disk '%s' on bus '%s' needs an address of type 'drive'",
				   disk->target, dom_disk_bus_names[disk->bus]);
	if (a->bus > limits[disk->bus].bus || a->target > limits[disk->bus].target ||
	    a->unit > limits[disk->bus].unit)
		return plan_refuse(
			c, "disk '%s': bus '%s' has no address bus='%u' target='%u' unit='%u'",
			disk->target, dom_disk_bus_names[disk->bus], a->bus, a->target, a->unit);
	ctl = plan_find_controller(c->d, DOM_CONTROLLER_TYPE_SCSI, a->controller);
	if (disk->bus == DOM_DISK_BUS_SCSI && ctl && plan_is(ctl->model, "lsilogic") &&
	    (a->target || a->unit > 7))
		return plan_refuse(
			c, "disk '%s': scsi model 'lsilogic' has only target 0, units 0 to 7",
			disk->target);
	return 0;
}

static bool same_drive(const struct dom_disk *x, const struct dom_disk *y)
{
	const struct dom_address *a = x->info.address, *b = y->info.address;

	return x->bus == y->bus && b && a->controller == b->controller && a->bus == b->bus &&
	       a->target == b->target && a->unit == b->unit;
}

int plan_step_check_addresses(struct plan_ctx *c)
{
	const struct domain *d = c->d;

	for (uint32_t i = 0; i < d->n_disks; i++) {
		const struct dom_disk *disk = &d->disks[i];
		int r;

		if (disk->bus >= ARRAY_LEN(limits) || !limits[disk->bus].unit ||
		    !disk->info.address)
			continue;
		r = check_drive(c, disk);
		if (r < 0)
			return r;
		for (uint32_t j = 0; j < i; j++)
			if (same_drive(disk, &d->disks[j]))
				return plan_refuse(
					c,
					"found duplicate drive address for disk with target "
					"name '%s' controller='%u' bus='%u' target='%u' "
					"unit='%u', already used by '%s'",
					disk->target, disk->info.address->controller,
					disk->info.address->bus, disk->info.address->target,
					disk->info.address->unit, d->disks[j].target);
	}
	return 0;
}
