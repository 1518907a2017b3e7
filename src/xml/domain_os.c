/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <os>, <features>, <cpu>, <clock>: the machine without its devices. */
#include <string.h>

#include "xml/domain_tables.h"

/* ---- <os> ---- */
static const struct xml_row loader_rows[] = {
	{ "@readonly", XML_F(dom_loader, readonly) },
	{ "@secure", XML_F(dom_loader, secure) },
	{ "@type", XML_F(dom_loader, type) },
	{ ".", XML_F(dom_loader, path) },
};
static const struct xml_table loader_table = XML_TABLE(dom_loader, loader_rows);

static const struct xml_row nvram_rows[] = {
	{ "@template", XML_F(dom_nvram, template_path) },
	{ ".", XML_F(dom_nvram, path) },
};
static const struct xml_table nvram_table = XML_TABLE(dom_nvram, nvram_rows);

static const struct xml_row os_rows[] = {
	{ "@firmware", XML_F(dom_os, firmware) },
	{ "type/@arch", XML_F(dom_os, arch) },
	{ "type/@machine", XML_F(dom_os, machine) },
	{ "type", XML_F(dom_os, os_type), .flags = XML_REQUIRED },
	{ "loader", XML_F(dom_os, loader), .sub = &loader_table },
	{ "nvram", XML_F(dom_os, nvram), .sub = &nvram_table },
	{ "kernel", XML_F(dom_os, kernel) },
	{ "initrd", XML_F(dom_os, initrd) },
	{ "cmdline", XML_F(dom_os, cmdline) },
	{ "boot/@dev", XML_F(dom_os, boot) },
	{ "bootmenu/@enable", XML_F(dom_os, bootmenu) },
	{ "bootmenu/@timeout", XML_F(dom_os, bootmenu_timeout),
	  XML_SET(dom_os, bootmenu_timeout_set), .max = 65535 },
	{ "bios/@useserial", XML_F(dom_os, bios_useserial) },
	{ "bios/@rebootTimeout", XML_F(dom_os, bios_reboot_timeout),
	  XML_SET(dom_os, bios_reboot_timeout_set), .max = 65535 },
};

static int os_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_os *os = obj;

	if (!os->os_type || strcmp(os->os_type, "hvm") != 0)
		return xml_unsupported(b, node, "type '%.40s' is not supported; use 'hvm'",
				       os->os_type ? os->os_type : "");
	return 0;
}

const struct xml_table xml_os_table = XML_TABLE(dom_os, os_rows, .check = os_check);

/* ---- <features> ---- */
static const struct xml_row hyperv_rows[] = {
	{ "@mode", .kind = XML_CONST, .word = "custom" },
	{ "relaxed/@state", XML_F(dom_hyperv, relaxed) },
	{ "vapic/@state", XML_F(dom_hyperv, vapic) },
	{ "spinlocks/@state", XML_F(dom_hyperv, spinlocks) },
	{ "spinlocks/@retries", XML_F(dom_hyperv, spinlocks_retries), .min = 4095,
	  .max = UINT32_MAX },
	{ "vpindex/@state", XML_F(dom_hyperv, vpindex) },
	{ "runtime/@state", XML_F(dom_hyperv, runtime) },
	{ "synic/@state", XML_F(dom_hyperv, synic) },
	{ "stimer/@state", XML_F(dom_hyperv, stimer) },
	{ "reset/@state", XML_F(dom_hyperv, reset) },
	{ "frequencies/@state", XML_F(dom_hyperv, frequencies) },
	{ "tlbflush/@state", XML_F(dom_hyperv, tlbflush) },
	{ "ipi/@state", XML_F(dom_hyperv, ipi) },
};
static const struct xml_table hyperv_table = XML_TABLE(dom_hyperv, hyperv_rows);

static const struct xml_row features_rows[] = {
	{ "acpi", XML_F(dom_features, acpi) },
	{ "apic", XML_F(dom_features, apic) },
	{ "pae", XML_F(dom_features, pae) },
	{ "hyperv", XML_F(dom_features, hyperv), .sub = &hyperv_table },
	{ "kvm/hidden/@state", XML_F(dom_features, kvm_hidden) },
	{ "vmport/@state", XML_F(dom_features, vmport) },
	{ "smm/@state", XML_F(dom_features, smm) },
};
const struct xml_table xml_features_table = XML_TABLE(dom_features, features_rows);

/* ---- <cpu> ---- */
static const struct xml_row cpu_feature_rows[] = {
	{ "@policy", XML_F(dom_cpu_feature, policy) },
	{ "@name", XML_F(dom_cpu_feature, name), .flags = XML_REQUIRED },
};
static const struct xml_table cpu_feature_table = XML_TABLE(dom_cpu_feature, cpu_feature_rows);

static const struct xml_row cpu_rows[] = {
	{ "@mode", XML_F(dom_cpu, mode) },
	{ "@match", XML_F(dom_cpu, match) },
	{ "@check", XML_F(dom_cpu, check) },
	{ "@migratable", XML_F(dom_cpu, migratable) },
	{ "model/@fallback", XML_F(dom_cpu, fallback) },
	{ "model", XML_F(dom_cpu, model) },
	{ "vendor", XML_F(dom_cpu, vendor) },
	{ "topology/@sockets", XML_F(dom_cpu, sockets), .min = 1, .max = DOM_VCPUS_MAX },
	{ "topology/@dies", XML_F(dom_cpu, dies), .min = 1, .max = DOM_VCPUS_MAX },
	{ "topology/@cores", XML_F(dom_cpu, cores), .min = 1, .max = DOM_VCPUS_MAX },
	{ "topology/@threads", XML_F(dom_cpu, threads), .min = 1, .max = DOM_VCPUS_MAX },
	{ "feature", XML_F(dom_cpu, features), .sub = &cpu_feature_table },
};

static int cpu_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_cpu *cpu = obj;

	if (xml_node_child(node, "topology", NULL) &&
	    !(cpu->sockets && cpu->cores && cpu->threads))
		return xml_refuse(b, node, "<topology> needs sockets, cores and threads");
	return 0;
}

const struct xml_table xml_cpu_table = XML_TABLE(dom_cpu, cpu_rows, .check = cpu_check);

/* ---- <clock> ---- */
static bool is_variable(const void *obj)
{
	return ((const struct dom_clock *)obj)->offset == DOM_CLOCK_OFFSET_VARIABLE;
}

static bool is_timezone(const void *obj)
{
	return ((const struct dom_clock *)obj)->offset == DOM_CLOCK_OFFSET_TIMEZONE;
}

static const struct xml_row timer_rows[] = {
	{ "@name", XML_F(dom_timer, name), .flags = XML_REQUIRED },
	{ "@present", XML_F(dom_timer, present) },
	{ "@tickpolicy", XML_F(dom_timer, tickpolicy) },
	{ "@track", XML_F(dom_timer, track) },
	{ "@frequency", XML_F(dom_timer, frequency) },
};
static const struct xml_table timer_table = XML_TABLE(dom_timer, timer_rows);

static const struct xml_row clock_rows[] = {
	{ "@offset", XML_F(dom_clock, offset), .flags = XML_REQUIRED },
	{ "@adjustment", XML_F(dom_clock, adjustment), .flags = XML_EMPTY,
	  .only_if = is_variable },
	{ "@basis", XML_F(dom_clock, basis), .only_if = is_variable },
	{ "@timezone", XML_F(dom_clock, timezone), .flags = XML_REQUIRED,
	  .only_if = is_timezone },
	{ "timer", XML_F(dom_clock, timers), .sub = &timer_table },
};

static int clock_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_clock *clock = obj;

	if (clock->offset == DOM_CLOCK_OFFSET_ABSOLUTE)
		return xml_unsupported(b, node, "offset 'absolute' is not supported; "
				       "use utc, localtime, timezone or variable");
	return 0;
}

const struct xml_table xml_clock_table = XML_TABLE(dom_clock, clock_rows, .check = clock_check);
