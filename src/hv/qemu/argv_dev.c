/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Controllers, interfaces, inputs, display and the small devices. */
#include "hv/qemu/argv.h"

/* ---- controllers ---- */

/* libvirt's model to QEMU's driver, for the types that have models. */
static const struct {
	const char *model;
	const char *driver;
} drivers[] = {
	{ "piix3-uhci", "piix3-usb-uhci" },   { "piix4-uhci", "piix4-usb-uhci" },
	{ "ehci", "usb-ehci" },		      { "pci-ohci", "pci-ohci" },
	{ "ich9-ehci1", "ich9-usb-ehci1" },   { "ich9-uhci1", "ich9-usb-uhci1" },
	{ "ich9-uhci2", "ich9-usb-uhci2" },   { "ich9-uhci3", "ich9-usb-uhci3" },
	{ "nec-xhci", "nec-usb-xhci" },	      { "qemu-xhci", "qemu-xhci" },
	{ "virtio-scsi", "virtio-scsi-pci" }, { "lsilogic", "lsi" },
};

static const char *driver_of(const struct dom_controller *ctl)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (plan_is(ctl->model, drivers[i].model))
			return drivers[i].driver;
	switch (ctl->type) {
	case DOM_CONTROLLER_TYPE_PCI:
		return ctl->pci_model_name;
	case DOM_CONTROLLER_TYPE_SATA:
		return "ahci";
	case DOM_CONTROLLER_TYPE_VIRTIO_SERIAL:
		return "virtio-serial-pci";
	default:
		return NULL;
	}
}

/* What the chipset has needs no device. */
static bool is_builtin(const struct out *o, const struct dom_controller *ctl)
{
	bool q35 = o->machine->chipset == PLAN_CHIPSET_Q35;

	switch (ctl->type) {
	case DOM_CONTROLLER_TYPE_PCI:
		return !ctl->index;
	case DOM_CONTROLLER_TYPE_USB:
		return plan_is(ctl->model, PLAN_USB_NONE);
	case DOM_CONTROLLER_TYPE_SATA:
		return q35 && !ctl->index;
	case DOM_CONTROLLER_TYPE_FDC:
		return !q35;
	default:
		return ctl->type == DOM_CONTROLLER_TYPE_IDE;
	}
}

static void put_details(struct out *o, const struct dom_controller *ctl)
{
	if (plan_is(ctl->model, "pcie-root-port")) {
		out_num(o, "port", ctl->port);
		out_num(o, "chassis", ctl->chassis);
	}
	if (plan_is(ctl->model, "pci-bridge"))
		out_num(o, "chassis_nr", ctl->chassis_nr);
	if (plan_is_xhci(ctl) && ctl->ports) {
		out_num(o, "p2", ctl->ports);
		out_num(o, "p3", ctl->ports);
	}
	if (ctl->master_set) {
		out_strf(o, "masterbus", "%s.0", ctl->info.alias);
		out_num(o, "firstport", ctl->master_startport);
	}
	if (ctl->type == DOM_CONTROLLER_TYPE_VIRTIO_SERIAL && ctl->ports)
		out_num(o, "max_ports", ctl->ports);
	if (ctl->type == DOM_CONTROLLER_TYPE_VIRTIO_SERIAL && ctl->vectors)
		out_num(o, "vectors", ctl->vectors);
}

static void put_floppy_controller(struct out *o, const struct dom_controller *ctl)
{
	out_device(o, "isa-fdc", &ctl->info);
	out_close(o);
}

void argv_controllers(struct out *o)
{
	static const enum dom_controller_type order[] = {
		DOM_CONTROLLER_TYPE_PCI,  DOM_CONTROLLER_TYPE_USB,
		DOM_CONTROLLER_TYPE_SCSI, DOM_CONTROLLER_TYPE_FDC,
		DOM_CONTROLLER_TYPE_SATA, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL,
	};

	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		for (uint32_t i = 0; i < o->d->n_controllers && !o->error; i++) {
			const struct dom_controller *ctl = &o->d->controllers[i];

			if (ctl->type != order[k] || is_builtin(o, ctl))
				continue;
			if (ctl->type == DOM_CONTROLLER_TYPE_FDC) {
				put_floppy_controller(o, ctl);
				continue;
			}
			/* A companion has no id: its master stands for the bus. */
			out_device(o, driver_of(ctl), ctl->master_set ? NULL : &ctl->info);
			put_details(o, ctl);
			out_pci(o, &ctl->info);
			out_close(o);
		}
}

/* ---- interfaces ---- */

static void put_net(struct out *o, uint32_t i, bool first)
{
	const struct dom_net *net = &o->d->nets[i];
	uint32_t boot = out_boot_index(o, DOM_BOOT_DEV_NETWORK, &net->info, first);
	bool virtio = plan_is(net->model, "virtio");

	out_device(o, virtio ? "virtio-net-pci" : net->model, &net->info);
	out_strf(o, "netdev", "host%s", net->info.alias);
	out_strf(o, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2],
		 net->mac[3], net->mac[4], net->mac[5]);
	if (boot)
		out_num(o, "bootindex", boot);
	if (net->info.rom_enabled == DOM_YESNO_NO)
		out_str(o, "romfile", "");
	else if (net->info.rom_bar)
		out_num(o, "rombar", net->info.rom_bar == DOM_STATE_WORD_ON);
	out_pci(o, &net->info);
	out_close(o);
}

void argv_nets(struct out *o)
{
	for (uint32_t i = 0; i < o->d->n_nets && !o->error; i++) {
		const struct dom_net *net = &o->d->nets[i];
		int fd = out_fd(o, GUEST_FD_KIND_NIC, i, 0, "interface");

		if (plan_blank(net->info.alias)) {
			out_refuse(o, "interface %u has no alias", i);
			return;
		}
		out_object(o, "-netdev");
		out_str(o, "type", "stream");
		out_strf(o, "id", "host%s", net->info.alias);
		out_bool(o, "server", false);
		out_open(o, "addr");
		out_str(o, "type", "fd");
		out_strf(o, "str", "%d", fd);
		out_shut(o);
		out_close(o);
		put_net(o, i, i == 0);
		if (net->link == DOM_LINK_STATE_DOWN)
			out_setup(o, "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"%s\","
				     "\"up\":false}}", net->info.alias);
	}
}

/* ---- TPM ---- */

void argv_tpm(struct out *o)
{
	const struct dom_tpm *t = o->d->tpms;

	if (!o->d->n_tpms)
		return;
	if (plan_blank(t->info.alias)) {
		out_refuse(o, "the TPM has no alias");
		return;
	}
	out_arg(o, "-chardev");
	out_argf(o, "socket,id=chrtpm,fd=%d", out_fd(o, GUEST_FD_KIND_TPM, 0, 0, "TPM"));
	out_arg(o, "-tpmdev");
	out_argf(o, "emulator,id=tpm-%s,chardev=chrtpm", t->info.alias);
	out_device(o, dom_tpm_model_names[t->model], &t->info);
	out_strf(o, "tpmdev", "tpm-%s", t->info.alias);
	out_close(o);
}

/* ---- inputs ---- */

void argv_inputs(struct out *o)
{
	static const char *const usb[] = { NULL, "usb-mouse", "usb-tablet", "usb-kbd" };
	static const char *const virtio[] = { NULL, "virtio-mouse-pci", "virtio-tablet-pci",
					      "virtio-keyboard-pci" };

	for (uint32_t i = 0; i < o->d->n_inputs && !o->error; i++) {
		const struct dom_input *in = &o->d->inputs[i];

		if (in->bus == DOM_INPUT_BUS_USB) {
			out_device(o, usb[in->type], &in->info);
			out_usb(o, &in->info);
			out_close(o);
		} else if (in->bus == DOM_INPUT_BUS_VIRTIO) {
			out_device(o, virtio[in->type], &in->info);
			out_pci(o, &in->info);
			out_close(o);
		}
	}
}

/* ---- display ---- */

static const char *video_driver(const struct dom_video *v, bool primary)
{
	if (plan_is(v->model, "virtio"))
		return primary ? "virtio-vga" : "virtio-gpu-pci";
	if (plan_is(v->model, "vga"))
		return primary ? "VGA" : "secondary-vga";
	if (plan_is(v->model, "cirrus"))
		return "cirrus-vga";
	return "bochs-display";
}

/* QEMU listens nowhere: viewers are handed in over QMP. */
static void put_vnc(struct out *o, const struct dom_graphics *g)
{
	if (!plan_blank(g->keymap)) {
		out_arg(o, "-k");
		out_arg(o, g->keymap);
	}
	out_begin(o, "-vnc");
	buf_puts(&o->text, "none");
	if (g->passwd)
		buf_puts(&o->text, ",password=on");
	if (!plan_blank(g->share_policy)) {
		buf_puts(&o->text, ",share=");
		out_escaped(o, g->share_policy);
	}
	buf_puts(&o->text, ",audiodev=audio1");
	out_end(o);
}

void argv_display(struct out *o)
{
	for (uint32_t i = 0; i < o->d->n_audios; i++) {
		out_object(o, "-audiodev");
		out_strf(o, "id", "audio%u", o->d->audios[i].id);
		out_str(o, "driver", "none");
		out_close(o);
	}
	for (uint32_t i = 0; i < o->d->n_graphics; i++)
		put_vnc(o, &o->d->graphics[i]);
	if (!o->d->n_graphics) {
		out_arg(o, "-vnc");
		out_arg(o, "none");
	}
	for (uint32_t i = 0; i < o->d->n_videos && !o->error; i++) {
		const struct dom_video *v = &o->d->videos[i];

		if (plan_is(v->model, "none"))
			continue;
		out_device(o, video_driver(v, i == 0), &v->info);
		if (plan_is(v->model, "virtio"))
			out_num(o, "max_outputs", v->heads);
		else if (plan_is(v->model, "vga"))
			out_num(o, "vgamem_mb", v->vram / 1024);
		else if (plan_is(v->model, "bochs"))
			out_num(o, "vgamem", (uint64_t)v->vram * 1024);
		out_pci(o, &v->info);
		out_close(o);
	}
}

/* ---- the small ones ---- */

static void put_watchdog(struct out *o, const struct dom_watchdog *w)
{
	out_device(o, w->model, &w->info);
	if (plan_is(w->model, "i6300esb"))
		out_pci(o, &w->info);
	out_close(o);
	/* of a definition that is older than its refusal */
	if (plan_is(w->action, "dump"))
		out_refuse(o, "watchdog action 'dump' is not supported; use 'pause' or 'reset'");
	out_arg(o, "-watchdog-action");
	out_arg(o, w->action);
}

static void put_balloon(struct out *o, const struct dom_balloon *b)
{
	out_device(o, "virtio-balloon-pci", &b->info);
	out_pci(o, &b->info);
	if (b->autodeflate)
		out_bool(o, "deflate-on-oom", b->autodeflate == DOM_STATE_WORD_ON);
	if (b->free_page_reporting)
		out_bool(o, "free-page-reporting", b->free_page_reporting == DOM_STATE_WORD_ON);
	out_close(o);
	if (b->stats_period)
		out_setup(o,
			  "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"/machine/peripheral/"
			  "%s\",\"property\":\"guest-stats-polling-interval\",\"value\":%u}}",
			  b->info.alias, b->stats_period);
}

static void put_rng(struct out *o, const struct dom_rng *rng)
{
	if (plan_blank(rng->info.alias)) {
		out_refuse(o, "an rng has no alias");
		return;
	}
	out_object(o, "-object");
	out_str(o, "qom-type",
		rng->backend == DOM_RNG_BACKEND_BUILTIN ? "rng-builtin" : "rng-random");
	out_strf(o, "id", "obj%s", rng->info.alias);
	if (rng->backend == DOM_RNG_BACKEND_RANDOM)
		out_str(o, "filename", rng->source);
	out_close(o);
	out_device(o, "virtio-rng-pci", &rng->info);
	out_strf(o, "rng", "obj%s", rng->info.alias);
	if (rng->rate_bytes) {
		out_num(o, "max-bytes", rng->rate_bytes);
		out_num(o, "period", rng->rate_period ? rng->rate_period : 1000);
	}
	out_pci(o, &rng->info);
	out_close(o);
}

void argv_small_devices(struct out *o)
{
	const struct domain *d = o->d;

	for (uint32_t i = 0; i < d->n_watchdogs; i++)
		put_watchdog(o, &d->watchdogs[i]);
	if (d->balloon && !plan_is(d->balloon->model, "none"))
		put_balloon(o, d->balloon);
	for (uint32_t i = 0; i < d->n_rngs; i++)
		put_rng(o, &d->rngs[i]);
	for (uint32_t i = 0; i < d->n_panics; i++) {
		out_device(o, "pvpanic", NULL);
		out_close(o);
	}
}
