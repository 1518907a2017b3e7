/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -cpu: model, features, paravirtual enlightenments. */
#include "hv/qemu/argv.h"
#include "hv/qemu/hostcpu.h"

static void put_feature(struct out *o, const char *name, bool on)
{
	buf_putc(&o->text, ',');
	for (; *name; name++)
		buf_putc(&o->text, *name == '_' ? '-' : *name);
	buf_puts(&o->text, on ? "=on" : "=off");
}

static void put_features(struct out *o, const struct dom_cpu *cpu)
{
	for (uint32_t i = 0; i < cpu->n_features; i++)
		put_feature(o, cpu->features[i].name,
			    cpu->features[i].policy != DOM_CPU_POLICY_DISABLE &&
				    cpu->features[i].policy != DOM_CPU_POLICY_FORBID);
}

static void put_migratable(struct out *o, const struct dom_cpu *cpu)
{
	if (cpu->migratable)
		buf_printf(&o->text, ",migratable=%s", dom_state_word_names[cpu->migratable]);
}

/*
 * host-model: the named model nearest to this host and what the host has
 * beyond it. TCG has one processor of its own, "max". Without host facts KVM's
 * "host" is the same processor, only not migratable to another.
 */
static void put_host_model(struct out *o)
{
	struct plan_host_cpu host;

	if (o->d->type != DOM_TYPE_KVM) {
		buf_puts(&o->text, "max");
		return;
	}
	if (!o->r->host || plan_host_cpu(o->r->host, o->a, &host) < 0) {
		buf_puts(&o->text, "host,migratable=on");
		return;
	}
	buf_puts(&o->text, host.model->name);
	for (size_t i = 0; i < host.n_extra; i++)
		put_feature(o, host.extra[i], true);
}

static void put_model(struct out *o, const struct dom_cpu *cpu)
{
	/* "minimum": at least the model named, in fact all that the host has. */
	bool more = cpu->match == DOM_CPU_MATCH_MINIMUM && o->d->type == DOM_TYPE_KVM;

	switch (cpu->mode) {
	case DOM_CPU_MODE_HOST_PASSTHROUGH:
		buf_puts(&o->text, "host");
		put_migratable(o, cpu);
		break;
	case DOM_CPU_MODE_MAXIMUM:
		buf_puts(&o->text, "max");
		put_migratable(o, cpu);
		break;
	case DOM_CPU_MODE_HOST_MODEL:
		put_host_model(o);
		break;
	default:
		if (more) {
			put_host_model(o);
			break;
		}
		buf_puts(&o->text, plan_blank(cpu->model) ? "qemu64" : cpu->model);
		break;
	}
}

static void put_timers(struct out *o)
{
	const struct dom_clock *clock = &o->d->clock;

	for (uint32_t i = 0; i < clock->n_timers; i++) {
		const struct dom_timer *t = &clock->timers[i];

		if (t->name == DOM_TIMER_NAME_KVMCLOCK && t->present)
			put_feature(o, "kvmclock", t->present == DOM_YESNO_YES);
		else if (t->name == DOM_TIMER_NAME_HYPERVCLOCK && t->present == DOM_YESNO_YES)
			put_feature(o, "hv-time", true);
		else if (t->name == DOM_TIMER_NAME_TSC && t->frequency)
			buf_printf(&o->text, ",tsc-frequency=%llu",
				   (unsigned long long)t->frequency);
	}
}

static void put_hyperv(struct out *o, const struct dom_hyperv *hv)
{
	const struct {
		const char *name;
		uint32_t state;
	} rows[] = {
		{ "hv-relaxed", hv->relaxed },	 { "hv-vapic", hv->vapic },
		{ NULL, hv->spinlocks },	 { "hv-vpindex", hv->vpindex },
		{ "hv-runtime", hv->runtime },	 { "hv-synic", hv->synic },
		{ "hv-stimer", hv->stimer },	 { "hv-reset", hv->reset },
		{ "hv-frequencies", hv->frequencies }, { "hv-tlbflush", hv->tlbflush },
		{ "hv-ipi", hv->ipi },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].state != DOM_STATE_WORD_ON)
			continue;
		if (rows[i].name)
			put_feature(o, rows[i].name, true);
		else
			buf_printf(&o->text, ",hv-spinlocks=0x%x", hv->spinlocks_retries);
	}
}

/* What KVM takes from the host unasked, and what must not be there. */
static void check_host(struct out *o, const struct dom_cpu *cpu)
{
	const struct host_facts *host = o->r->host;

	if (!plan_blank(cpu->vendor) &&
	    (!host || strcmp(cpu->vendor, plan_host_vendor(host)) != 0))
		out_refuse(o, "the CPU is incompatible with host CPU: its vendor is '%s', not '%s'",
			   host ? plan_host_vendor(host) : "unknown", cpu->vendor);
	for (uint32_t i = 0; i < cpu->n_features && cpu->check != DOM_CPU_CHECK_NONE; i++)
		if (cpu->features[i].policy == DOM_CPU_POLICY_FORBID &&
		    (!host || plan_host_lists(host, cpu->features[i].name)))
			out_refuse(o, "the CPU is incompatible with host CPU: Host CPU provides "
				      "forbidden features: %s", cpu->features[i].name);
}

/* Does QEMU leave it out where it cannot be had, and the guest starts nevertheless. */
static bool may_be_absent(const struct dom_cpu_feature *f)
{
	return f->policy == DOM_CPU_POLICY_OPTIONAL || f->policy == DOM_CPU_POLICY_FORCE ||
	       (f->policy == DOM_CPU_POLICY_REQUIRE && !plan_cpu_feature_emulated(f->name));
}

/*
 * Is QEMU to refuse what lacks a feature? "full" says so. "partial" is libvirt's
 * comparison of a named model with the host, which only KVM can make: not for
 * features that may be absent (a list copied from a host demands what the processor
 * has and KVM does not emulate), and not for what host-model and "minimum" take from
 * the kernel's list, which is longer than KVM's.
 */
static bool must_have_all(const struct domain *d, const struct dom_cpu *cpu)
{
	if (cpu->check == DOM_CPU_CHECK_FULL)
		return true;
	if (cpu->check != DOM_CPU_CHECK_PARTIAL || d->type != DOM_TYPE_KVM ||
	    cpu->mode != DOM_CPU_MODE_CUSTOM || cpu->match == DOM_CPU_MATCH_MINIMUM)
		return false;
	for (uint32_t i = 0; i < cpu->n_features; i++)
		if (may_be_absent(&cpu->features[i]))
			return false;
	return true;
}

void argv_cpu(struct out *o)
{
	const struct dom_cpu *cpu = o->d->cpu;

	if (o->d->type == DOM_TYPE_KVM)
		check_host(o, cpu);
	out_begin(o, "-cpu");
	put_model(o, cpu);
	put_features(o, cpu);
	put_timers(o);
	if (o->d->features.hyperv)
		put_hyperv(o, o->d->features.hyperv);
	if (o->d->features.kvm_hidden == DOM_STATE_WORD_ON)
		buf_puts(&o->text, ",kvm=off");
	if (must_have_all(o->d, cpu))
		buf_puts(&o->text, ",enforce=on");
	out_end(o);
}
