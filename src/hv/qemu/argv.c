/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The argument list: the machine itself, and the order of the parts. */
#include <stdio.h>
#include <time.h>

#include "hv/qemu/argv.h"

#define ARG_MAX_BYTES (1 << 20)

static bool have_firmware(const struct out *o)
{
	const struct dom_loader *loader = o->d->os.loader;

	return loader && loader->type == DOM_LOADER_TYPE_PFLASH;
}

static void argv_name(struct out *o)
{
	const uint8_t *u = o->d->uuid;

	out_begin(o, "-name");
	buf_puts(&o->text, "guest=");
	out_escaped(o, o->d->name);
	buf_puts(&o->text, ",debug-threads=on");
	out_end(o);
	out_arg(o, "-uuid");
	out_argf(o, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
		 u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
		 u[14], u[15]);
}

static void argv_machine(struct out *o)
{
	const struct dom_features *f = &o->d->features;

	out_begin(o, "-machine");
	buf_printf(&o->text, "%s,usb=off", o->machine->name);
	if (f->vmport)
		buf_printf(&o->text, ",vmport=%s", dom_state_word_names[f->vmport]);
	if (f->smm)
		buf_printf(&o->text, ",smm=%s", dom_state_word_names[f->smm]);
	buf_puts(&o->text, ",dump-guest-core=off,memory-backend=pc.ram");
	if (have_firmware(o))
		buf_puts(&o->text,
			 ",pflash0=libvirt-pflash0-format,pflash1=libvirt-pflash1-format");
	if (o->d->os.bios_useserial == DOM_YESNO_YES)
		buf_puts(&o->text, ",graphics=off");
	out_end(o);
	out_arg(o, "-accel");
	out_arg(o, o->d->type == DOM_TYPE_KVM ? "kvm" : "tcg");
}

static void argv_memory(struct out *o)
{
	/* Whole MiB, as libvirt rounds. */
	uint64_t mib = (o->d->memory_kib + 1023) / 1024;

	out_arg(o, "-m");
	out_argf(o, "%llu", (unsigned long long)mib);
	out_object(o, "-object");
	out_str(o, "qom-type", "memory-backend-ram");
	out_str(o, "id", "pc.ram");
	out_num(o, "size", mib << 20);
	out_close(o);
	out_arg(o, "-overcommit");
	out_arg(o, "mem-lock=off");
	if (o->d->current_memory_kib < o->d->memory_kib && o->d->balloon &&
	    !plan_is(o->d->balloon->model, "none"))
		out_setup(o, "{\"execute\":\"balloon\",\"arguments\":{\"value\":%llu}}",
			  (unsigned long long)o->d->current_memory_kib * 1024);
}

static void argv_smp(struct out *o)
{
	const struct dom_cpu *cpu = o->d->cpu;
	uint32_t now = o->d->vcpus_current ? o->d->vcpus_current : o->d->vcpus;

	out_begin(o, "-smp");
	buf_printf(&o->text, "%u", now);
	if (now != o->d->vcpus)
		buf_printf(&o->text, ",maxcpus=%u", o->d->vcpus);
	if (cpu && cpu->sockets)
		buf_printf(&o->text, ",sockets=%u,dies=%u,cores=%u,threads=%u", cpu->sockets,
			   cpu->dies ? cpu->dies : 1, cpu->cores, cpu->threads);
	else
		buf_printf(&o->text, ",sockets=%u,cores=1,threads=1", o->d->vcpus);
	out_end(o);
}

static const struct dom_timer *timer(const struct out *o, enum dom_timer_name name)
{
	for (uint32_t i = 0; i < o->d->clock.n_timers; i++)
		if (o->d->clock.timers[i].name == name)
			return &o->d->clock.timers[i];
	return NULL;
}

static void put_rtc_base(struct out *o)
{
	const struct dom_clock *clock = &o->d->clock;
	char text[32];
	struct tm tm;
	time_t t;

	if (clock->offset != DOM_CLOCK_OFFSET_VARIABLE) {
		buf_puts(&o->text, clock->offset == DOM_CLOCK_OFFSET_LOCALTIME ? "base=localtime"
									       : "base=utc");
		return;
	}
	t = (time_t)(o->r->now + clock->adjustment);
	if (clock->basis == DOM_CLOCK_BASIS_LOCALTIME)
		t += (time_t)o->r->utc_offset;
	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm)) {
		out_refuse(o, "<clock adjustment=%lld> leads to no date",
			   (long long)clock->adjustment);
		return;
	}
	buf_printf(&o->text, "base=%s", text);
}

static void argv_clock(struct out *o)
{
	const struct dom_timer *rtc = timer(o, DOM_TIMER_NAME_RTC);
	const struct dom_timer *pit = timer(o, DOM_TIMER_NAME_PIT);
	const struct dom_timer *hpet = timer(o, DOM_TIMER_NAME_HPET);

	out_begin(o, "-rtc");
	put_rtc_base(o);
	if (rtc && rtc->track == DOM_TIMER_TRACK_GUEST)
		buf_puts(&o->text, ",clock=vm");
	else if (rtc && rtc->track == DOM_TIMER_TRACK_WALL)
		buf_puts(&o->text, ",clock=host");
	if (rtc && rtc->tickpolicy == DOM_TIMER_TICKPOLICY_CATCHUP)
		buf_puts(&o->text, ",driftfix=slew");
	out_end(o);
	if (pit && (pit->tickpolicy == DOM_TIMER_TICKPOLICY_DELAY ||
		    pit->tickpolicy == DOM_TIMER_TICKPOLICY_DISCARD)) {
		out_arg(o, "-global");
		out_argf(o, "kvm-pit.lost_tick_policy=%s",
			 dom_timer_tickpolicy_names[pit->tickpolicy]);
	}
	if (hpet && hpet->present == DOM_YESNO_NO)
		out_arg(o, "-no-hpet");
}

static void argv_power(struct out *o)
{
	const struct dom_pm *pm = &o->d->pm;
	const char *dev = o->machine->chipset == PLAN_CHIPSET_Q35 ? "ICH9-LPC" : "PIIX4_PM";

	/* The guest's wish to go down stops it; cordon-vm then does what on_* say. */
	out_arg(o, "-no-shutdown");
	if (o->d->on_reboot == DOM_ACTION_DESTROY)
		out_arg(o, "-no-reboot");
	if (!o->d->features.acpi)
		out_arg(o, "-no-acpi");
	if (pm->suspend_to_mem) {
		out_arg(o, "-global");
		out_argf(o, "%s.disable_s3=%d", dev, pm->suspend_to_mem == DOM_YESNO_NO);
	}
	if (pm->suspend_to_disk) {
		out_arg(o, "-global");
		out_argf(o, "%s.disable_s4=%d", dev, pm->suspend_to_disk == DOM_YESNO_NO);
	}
}

static void argv_boot(struct out *o)
{
	const struct dom_os *os = &o->d->os;

	out_begin(o, "-boot");
	if (os->bootmenu)
		buf_printf(&o->text, "menu=%s,", os->bootmenu == DOM_YESNO_YES ? "on" : "off");
	if (os->bios_reboot_timeout_set)
		buf_printf(&o->text, "reboot-timeout=%d,", (int)os->bios_reboot_timeout);
	if (os->bootmenu == DOM_YESNO_YES && os->bootmenu_timeout_set)
		buf_printf(&o->text, "splash-time=%u,", os->bootmenu_timeout);
	buf_puts(&o->text, "strict=on");
	out_end(o);
	if (!plan_blank(os->kernel)) {
		out_arg(o, "-kernel");
		out_arg(o, PLAN_CAGE_KERNEL);
	}
	if (!plan_blank(os->initrd)) {
		out_arg(o, "-initrd");
		out_arg(o, PLAN_CAGE_INITRD);
	}
	if (!plan_blank(os->cmdline)) {
		out_arg(o, "-append");
		out_arg(o, os->cmdline);
	}
}

static void argv_monitor(struct out *o)
{
	int fd = out_fd(o, GUEST_FD_KIND_MONITOR, 0, 0, "the monitor");

	out_arg(o, "-chardev");
	out_argf(o, "socket,id=charmonitor,fd=%d,server=on,wait=off", fd);
	out_arg(o, "-mon");
	out_arg(o, "chardev=charmonitor,id=monitor,mode=control");
}

static void argv_head(struct out *o)
{
	out_arg(o, o->d->emulator);
	argv_name(o);
	out_arg(o, "-S");
	argv_fdsets(o);
	argv_machine(o);
	argv_cpu(o);
	argv_firmware(o);
	argv_memory(o);
	argv_smp(o);
	out_arg(o, "-no-user-config");
	out_arg(o, "-nodefaults");
	out_arg(o, "-display");
	out_arg(o, "none");
	argv_monitor(o);
	argv_clock(o);
	argv_power(o);
	argv_boot(o);
}

static void (*const parts[])(struct out *o) = {
	argv_head,   argv_controllers, argv_disks,   argv_nets,
	argv_chardevs, argv_tpm,      argv_inputs,  argv_display,
	argv_small_devices,
};

int plan_argv(const struct domain *d, const struct plan_resources *r, struct arena *a,
	      struct plan_argv *ret, struct err *err)
{
	struct out o = { .d = d, .r = r, .a = a, .err = err };

	o.machine = plan_machine_find(d->os.machine);
	if (!o.machine || !d->cpu || plan_blank(d->emulator))
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR,
			       "guest '%s': the definition was not completed", d->name);
	buf_init(&o.text, ARG_MAX_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(parts) && !o.error; i++)
		parts[i](&o);
	/* Each line has its reason in the cage: no second program, no new privilege. */
	out_arg(&o, "-sandbox");
	out_arg(&o, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	out_arg(&o, "-msg");
	out_arg(&o, "timestamp=on");
	buf_free(&o.text);
	if (o.error)
		return o.error;
	o.argv[o.n] = NULL;
	*ret = (struct plan_argv){ o.argv, o.n, o.setup, o.n_setup };
	return 0;
}
