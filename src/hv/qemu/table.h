/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one QEMU version offers: the one place to extend for another version. */
#ifndef CORDON_HV_QEMU_TABLE_H
#define CORDON_HV_QEMU_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define PLAN_EMULATOR "/usr/bin/qemu-system-x86_64"

enum plan_chipset { PLAN_CHIPSET_I440FX = 1, PLAN_CHIPSET_Q35 };

struct plan_machine {
	const char *name;
	const char *alias;      /* or NULL */
	enum plan_chipset chipset;
	unsigned max_cpus;
	bool deprecated;
};
extern const struct plan_machine plan_machines[];
extern const size_t n_plan_machines;

/* By name or alias; NULL: unknown. "pc" when `name` is NULL. */
const struct plan_machine *plan_machine_find(const char *name);

struct plan_cpu_model {
	const char *name;
	const char *vendor;     /* libvirt's word: "Intel", "AMD", "Hygon", "unknown" */
	bool tcg;               /* TCG provides every feature */
	const char *features;   /* QEMU's names, one blank between */
};
extern const struct plan_cpu_model plan_cpu_models[];
extern const size_t n_plan_cpu_models;
const struct plan_cpu_model *plan_cpu_model_find(const char *name);

/* Is `word` one of the blank-separated words of `list`. */
bool plan_word_in(const char *list, const char *word);

/* Is it a CPU feature QEMU knows, in libvirt's or in QEMU's spelling. */
bool plan_cpu_feature_known(const char *name);

/* Does every KVM emulate it if the processor has it; likewise in either spelling. */
bool plan_cpu_feature_emulated(const char *name);

/*
 * The kernel's spelling (/proc/cpuinfo) to QEMU's, into `out`; false: not a
 * feature a guest is given with host-model. `amd`: the processor is AMD's or Hygon's.
 */
bool plan_cpu_feature_from_kernel(const char *flag, bool amd, char *out, size_t size);

struct plan_firmware {
	bool secure;            /* enforces secure boot; needs SMM, hence q35 */
	const char *code;
	const char *vars;       /* template of the variable store */
};
extern const struct plan_firmware plan_firmwares[];
extern const size_t n_plan_firmwares;
const struct plan_firmware *plan_firmware_for(bool secure);
const struct plan_firmware *plan_firmware_by_code(const char *path);

#endif
