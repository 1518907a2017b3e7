/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults of the guest itself: machine, memory, processors, clock, actions. */
#include "hv/qemu/priv.h"

#define KIB_MAX (1ULL << 42)  /* 4 PiB: more than any host; keeps byte counts in 64 bits */

static int default_uuid(struct plan_ctx *c)
{
	static const uint8_t zero[16];
	uint8_t *uuid = c->d->uuid;
	int r;

	if (memcmp(uuid, zero, sizeof(zero)) != 0)
		return 0;
	if (!c->env->random)
		return plan_bad(c, "guest '%s' has no <uuid>", c->d->name);
	r = c->env->random(c->env->ctx, uuid, sizeof(zero));
	if (r < 0)
		return err_sys(c->err, r, "random bytes for the uuid of guest '%s'", c->d->name);
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);  /* version 4, variant 1 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	return 0;
}

static int check_name(struct plan_ctx *c)
{
	const char *name = c->d->name;

	if (plan_blank(name))
		return plan_bad(c, "the definition has no <name>");
	if (strchr(name, '/') || plan_is(name, ".") || plan_is(name, ".."))
		return plan_bad(c, "name '%s' cannot contain '/' or be a folder's name", name);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ')
			return plan_bad(c, "the <name> contains a control character");
	return 0;
}

static int default_machine(struct plan_ctx *c)
{
	struct dom_os *os = &c->d->os;

	if (!plan_blank(os->arch) && strcmp(os->arch, "x86_64") != 0)
		return plan_refuse(c, "no emulator for arch '%s'; this host runs arch 'x86_64'",
				   os->arch);
	if (!plan_blank(os->os_type) && strcmp(os->os_type, "hvm") != 0)
		return plan_refuse(c, "os type '%s' is not supported; use 'hvm'", os->os_type);
	c->machine = plan_machine_find(plan_blank(os->machine) ? NULL : os->machine);
	if (!c->machine)
		return plan_refuse(c,
				   "emulator '%s' does not support machine type '%s'; "
				   "'virsh capabilities' lists those it has",
				   plan_blank(c->d->emulator) ? PLAN_EMULATOR : c->d->emulator,
				   os->machine);
	os->machine = NULL;
	if (plan_default(c, &os->machine, c->machine->name) < 0 ||
	    plan_default(c, &os->arch, "x86_64") < 0)
		return -ENOMEM;
	return plan_default(c, &os->os_type, "hvm");
}

static int default_memory(struct plan_ctx *c)
{
	struct domain *d = c->d;

	if (!d->memory_kib)
		return plan_bad(c, "guest '%s' has no <memory>", d->name);
	if (d->memory_kib > KIB_MAX)
		return plan_bad(c, "<memory> of %llu KiB is more than any host has",
				(unsigned long long)d->memory_kib);
	/* libvirt quietly takes the maximum when more than that is asked for. */
	if (!d->current_memory_kib || d->current_memory_kib > d->memory_kib)
		d->current_memory_kib = d->memory_kib;
	return 0;
}

static int default_vcpus(struct plan_ctx *c)
{
	struct domain *d = c->d;

	if (!d->vcpus)
		d->vcpus = 1;
	if (d->vcpus_current > d->vcpus)
		return plan_refuse(c, "<vcpu current='%u'> is more than the maximum of %u",
				   d->vcpus_current, d->vcpus);
	if (d->vcpus > c->machine->max_cpus)
		return plan_refuse(
			c, "%u virtual CPUs are more than the %u that machine type '%s' has",
			d->vcpus, c->machine->max_cpus, c->machine->name);
	if (d->vcpus_current == d->vcpus)
		d->vcpus_current = 0;
	if (d->vcpu_placement == DOM_VCPU_PLACEMENT_AUTO)
		return plan_refuse(c, "<vcpu placement='auto'> is not supported; "
				      "use placement='static'");
	if (!plan_blank(d->vcpu_cpuset))
		return plan_refuse(c, "<vcpu cpuset='%s'> is not supported: guests are not bound "
				      "to processors; leave it out", d->vcpu_cpuset);
	d->vcpu_placement = DOM_VCPU_PLACEMENT_STATIC;
	return 0;
}

/* Where a guest's control group is, Cordon decides; libvirt's own dumps name its default. */
static int check_partition(struct plan_ctx *c)
{
	const char *partition = c->d->resource_partition;

	if (plan_blank(partition) || strcmp(partition, "/machine") == 0)
		return 0;
	return plan_refuse(c, "<resource><partition> '%s' is not supported; use '/machine' or leave "
			      "it out", partition);
}

static void default_actions(struct domain *d)
{
	if (!d->on_poweroff)
		d->on_poweroff = DOM_ACTION_DESTROY;
	if (!d->on_reboot)
		d->on_reboot = DOM_ACTION_RESTART;
	if (!d->on_crash)
		d->on_crash = DOM_ACTION_DESTROY;
}

int plan_step_basics(struct plan_ctx *c)
{
	struct domain *d = c->d;
	int r;

	if (!d->type)
		return plan_bad(c, "<domain> has no type; use 'kvm' or 'qemu'");
	r = check_name(c);
	if (r >= 0)
		r = default_machine(c);
	if (r < 0)
		return r;
	if (!plan_blank(d->emulator) && strcmp(d->emulator, PLAN_EMULATOR) != 0)
		return plan_refuse(c,
				   "emulator '%s' is not allowed; use '%s' or leave <emulator> out",
				   d->emulator, PLAN_EMULATOR);
	if (plan_default(c, &d->emulator, PLAN_EMULATOR) < 0)
		return -ENOMEM;
	default_actions(d);
	r = default_uuid(c);
	if (r >= 0)
		r = default_memory(c);
	if (r >= 0)
		r = check_partition(c);
	return r < 0 ? r : default_vcpus(c);
}

/* ---- clock ---- */

static int check_timer(struct plan_ctx *c, const struct dom_timer *t)
{
	const char *name =
		t->name && t->name <= DOM_TIMER_NAME_MAX ? dom_timer_name_names[t->name] : "";

	if (t->name == DOM_TIMER_NAME_PLATFORM || t->name == DOM_TIMER_NAME_ARMVTIMER)
		return plan_refuse(c, "timer '%s' is not supported on x86_64; leave it out", name);
	if (t->tickpolicy == DOM_TIMER_TICKPOLICY_MERGE ||
	    (t->name == DOM_TIMER_NAME_RTC && t->tickpolicy == DOM_TIMER_TICKPOLICY_DISCARD) ||
	    (t->name == DOM_TIMER_NAME_PIT && t->tickpolicy == DOM_TIMER_TICKPOLICY_CATCHUP) ||
	    (t->tickpolicy && t->tickpolicy != DOM_TIMER_TICKPOLICY_DELAY &&
	     t->name != DOM_TIMER_NAME_RTC && t->name != DOM_TIMER_NAME_PIT &&
	     t->name != DOM_TIMER_NAME_HPET))
		return plan_refuse(c, "timer '%s': tickpolicy '%s' is not supported by QEMU", name,
				   dom_timer_tickpolicy_names[t->tickpolicy]);
	if (t->name == DOM_TIMER_NAME_HPET && t->tickpolicy)
		return plan_refuse(c, "timer 'hpet': tickpolicy is not supported by QEMU");
	if (t->track == DOM_TIMER_TRACK_BOOT || t->track == DOM_TIMER_TRACK_REALTIME)
		return plan_refuse(c,
				   "timer '%s': track '%s' is not supported; use 'guest' or 'wall'",
				   name, dom_timer_track_names[t->track]);
	if (t->track && t->name != DOM_TIMER_NAME_RTC)
		return plan_refuse(c, "timer '%s': track= is for timer 'rtc' only", name);
	if (t->present == DOM_YESNO_NO &&
	    (t->name == DOM_TIMER_NAME_RTC || t->name == DOM_TIMER_NAME_PIT ||
	     t->name == DOM_TIMER_NAME_TSC))
		return plan_refuse(c, "timer '%s': present='no' is not supported by QEMU", name);
	if (t->frequency && t->name != DOM_TIMER_NAME_TSC)
		return plan_refuse(c, "timer '%s': frequency= is for timer 'tsc' only", name);
	return 0;
}

int plan_step_clock(struct plan_ctx *c)
{
	struct dom_clock *clock = &c->d->clock;

	if (!clock->offset)
		clock->offset = DOM_CLOCK_OFFSET_UTC;
	if (clock->offset == DOM_CLOCK_OFFSET_TIMEZONE ||
	    clock->offset == DOM_CLOCK_OFFSET_ABSOLUTE)
		return plan_refuse(
			c,
			"<clock offset='%s'> is not supported; use 'utc', 'localtime' or "
			"'variable'",
			dom_clock_offset_names[clock->offset]);
	if (clock->offset == DOM_CLOCK_OFFSET_VARIABLE && !clock->basis)
		clock->basis = DOM_CLOCK_BASIS_UTC;
	for (uint32_t i = 0; i < clock->n_timers; i++) {
		int r = check_timer(c, &clock->timers[i]);

		if (r < 0)
			return r;
	}
	return 0;
}
