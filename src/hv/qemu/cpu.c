/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The <cpu> element: defaults and what is refused. */
#include "hv/qemu/priv.h"

/* Without a model libvirt gives TCG and KVM guests of these machines qemu64. */
static int default_model(struct plan_ctx *c, struct dom_cpu *cpu)
{
	cpu->mode = DOM_CPU_MODE_CUSTOM;
	cpu->match = DOM_CPU_MATCH_EXACT;
	if (!cpu->check)
		cpu->check = DOM_CPU_CHECK_NONE;
	cpu->fallback = DOM_CPU_FALLBACK_FORBID;
	return plan_default(c, &cpu->model, "qemu64");
}

static int default_custom(struct plan_ctx *c, struct dom_cpu *cpu)
{
	const struct plan_cpu_model *model;

	if (plan_blank(cpu->model)) {
		if (!plan_blank(cpu->vendor))
			return plan_bad(c, "CPU vendor specified without CPU model");
		if (cpu->n_features)
			return plan_bad(c, "<cpu> lists <feature>s without a <model>");
		return default_model(c, cpu);
	}
	cpu->mode = DOM_CPU_MODE_CUSTOM;
	if (!cpu->match)
		cpu->match = DOM_CPU_MATCH_EXACT;
	if (!cpu->fallback)
		cpu->fallback = DOM_CPU_FALLBACK_ALLOW;
	if (!cpu->check)
		cpu->check = c->d->type == DOM_TYPE_KVM ? DOM_CPU_CHECK_PARTIAL :
							  DOM_CPU_CHECK_NONE;
	if (cpu->match == DOM_CPU_MATCH_STRICT)
		return plan_refuse(c, "<cpu match='strict'> is not supported; use match='exact'");
	model = plan_cpu_model_find(cpu->model);
	if (!model)
		return plan_refuse(
			c, "unknown CPU model '%s'; 'virsh domcapabilities' lists those QEMU has",
			cpu->model);
	/* Under TCG the vendor is the model's; under KVM the host's, which argv_cpu() compares. */
	if (c->d->type != DOM_TYPE_KVM && !plan_blank(cpu->vendor) &&
	    strcmp(cpu->vendor, model->vendor) != 0)
		return plan_refuse(c, "CPU model '%s' is not of vendor '%s'", cpu->model, cpu->vendor);
	return 0;
}

static int default_host_mode(struct plan_ctx *c, struct dom_cpu *cpu)
{
	bool passthrough = cpu->mode == DOM_CPU_MODE_HOST_PASSTHROUGH;

	if (passthrough && c->d->type != DOM_TYPE_KVM)
		return plan_refuse(c,
				   "<cpu mode='host-passthrough'> needs <domain type='kvm'>; with "
				   "type='qemu' use mode='maximum' or a named model");
	if (passthrough && !cpu->migratable)
		cpu->migratable = DOM_STATE_WORD_ON;
	if (!cpu->check)
		cpu->check = cpu->mode == DOM_CPU_MODE_HOST_MODEL ? DOM_CPU_CHECK_PARTIAL :
								    DOM_CPU_CHECK_NONE;
	cpu->match = DOM_CPU_MATCH_UNSET;
	/* A model and fallback written beside a host mode mean nothing; libvirt drops them too. */
	cpu->model = NULL;
	cpu->fallback = DOM_CPU_FALLBACK_UNSET;
	return 0;
}

static int check_topology(struct plan_ctx *c, struct dom_cpu *cpu)
{
	uint64_t n;

	if (!cpu->sockets && !cpu->cores && !cpu->threads)
		return 0;
	if (!cpu->sockets || !cpu->cores || !cpu->threads)
		return plan_bad(c,
				"<topology> needs sockets=, cores= and threads=, each at least 1");
	if (!cpu->dies)
		cpu->dies = 1;
	n = cpu->sockets;
	if (cpu->dies <= DOM_VCPUS_MAX && cpu->cores <= DOM_VCPUS_MAX &&
	    cpu->threads <= DOM_VCPUS_MAX && n <= DOM_VCPUS_MAX)
		n = n * cpu->dies * cpu->cores * cpu->threads;
	if (n != c->d->vcpus)
		return plan_refuse(c, "<topology> makes %llu CPUs, <vcpu> says %u; make them equal",
				   (unsigned long long)n, c->d->vcpus);
	return 0;
}

static int check_features(struct plan_ctx *c, struct dom_cpu *cpu)
{
	for (uint32_t i = 0; i < cpu->n_features; i++) {
		struct dom_cpu_feature *f = &cpu->features[i];

		if (!f->policy)
			f->policy = DOM_CPU_POLICY_REQUIRE;
		if (plan_blank(f->name) || !plan_cpu_feature_known(f->name))
			return plan_refuse(c, "unknown CPU feature '%s'", f->name ? f->name : "");
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(cpu->features[j].name, f->name) == 0)
				return plan_bad(c, "CPU feature '%s' is listed twice", f->name);
	}
	return 0;
}

int plan_step_cpu(struct plan_ctx *c)
{
	struct dom_cpu *cpu = c->d->cpu;
	int r;

	if (!cpu) {
		cpu = arena_alloc(c->a, sizeof(*cpu));
		if (!cpu)
			return plan_nomem(c);
		c->d->cpu = cpu;
	}
	if (!cpu->mode || cpu->mode == DOM_CPU_MODE_CUSTOM)
		r = default_custom(c, cpu);
	else
		r = default_host_mode(c, cpu);
	if (r >= 0)
		r = check_topology(c, cpu);
	return r < 0 ? r : check_features(c, cpu);
}
