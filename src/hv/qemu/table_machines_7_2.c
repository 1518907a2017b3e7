/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines and firmware of QEMU 7.2 as Debian 12 ships it, newest first.
 * Source: QMP query-machines; the firmware descriptors in /usr/share/qemu/firmware.
 * isapc, microvm, x-remote and none are left out: nothing here plans for them.
 */
#include "hv/qemu/priv.h"

const struct plan_machine plan_machines[] = {
	{ "pc-i440fx-7.2", "pc", PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-7.1", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-7.0", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-6.2", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-6.1", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-6.0", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-5.2", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-5.1", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-5.0", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-4.2", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-4.1", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-4.0", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-3.1", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-3.0", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.12", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.11", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.10", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.9", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.8", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.7", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.6", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.5", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.4", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.3", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.2", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.1", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-2.0", NULL, PLAN_CHIPSET_I440FX, 255, false },
	{ "pc-i440fx-1.7", NULL, PLAN_CHIPSET_I440FX, 255, true },
	{ "pc-i440fx-1.6", NULL, PLAN_CHIPSET_I440FX, 255, true },
	{ "pc-i440fx-1.5", NULL, PLAN_CHIPSET_I440FX, 255, true },
	{ "pc-i440fx-1.4", NULL, PLAN_CHIPSET_I440FX, 255, true },
	{ "pc-q35-7.2", "q35", PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-7.1", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-7.0", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-6.2", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-6.1", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-6.0", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-5.2", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-5.1", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-5.0", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-4.2", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-4.1", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-4.0", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-4.0.1", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-3.1", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-3.0", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-2.12", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-2.11", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-2.10", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-2.9", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-2.8", NULL, PLAN_CHIPSET_Q35, 288, false },
	{ "pc-q35-2.7", NULL, PLAN_CHIPSET_Q35, 255, false },
	{ "pc-q35-2.6", NULL, PLAN_CHIPSET_Q35, 255, false },
	{ "pc-q35-2.5", NULL, PLAN_CHIPSET_Q35, 255, false },
	{ "pc-q35-2.4", NULL, PLAN_CHIPSET_Q35, 255, false },
};
const size_t n_plan_machines = ARRAY_LEN(plan_machines);

/* The first row of a kind is the one chosen when none is named. */
const struct plan_firmware plan_firmwares[] = {
	{ false, "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd" },
	{ true, "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" },
	{ true, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" },
	{ false, "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd" },
	{ true, "/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd" },
	{ true, "/usr/share/OVMF/OVMF_CODE.ms.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd" },
};
const size_t n_plan_firmwares = ARRAY_LEN(plan_firmwares);

const struct plan_machine *plan_machine_find(const char *name)
{
	if (!name)
		name = "pc";
	for (size_t i = 0; i < n_plan_machines; i++) {
		const struct plan_machine *m = &plan_machines[i];

		if (strcmp(m->name, name) == 0 || plan_is(m->alias, name))
			return m;
	}
	return NULL;
}

const struct plan_firmware *plan_firmware_for(bool secure)
{
	for (size_t i = 0; i < n_plan_firmwares; i++)
		if (plan_firmwares[i].secure == secure)
			return &plan_firmwares[i];
	return NULL;
}

const struct plan_firmware *plan_firmware_by_code(const char *path)
{
	for (size_t i = 0; i < n_plan_firmwares; i++)
		if (plan_is(path, plan_firmwares[i].code))
			return &plan_firmwares[i];
	return NULL;
}
