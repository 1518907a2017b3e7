/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serial ports, channels and consoles: each a listening socket made before QEMU. */
#include "hv/qemu/argv.h"

static void put_chardev(struct out *o, const struct dom_chr *chr, enum dom_chr_kind kind,
			uint32_t i)
{
	const char *alias = chr->info.alias;

	if (plan_blank(alias)) {
		out_refuse(o, "%s %u has no alias", dom_chr_kind_names[kind], i);
		return;
	}
	out_arg(o, "-chardev");
	if (chr->source == DOM_CHR_SOURCE_TYPE_NULL)
		out_argf(o, "null,id=char%s", alias);
	else
		out_argf(o, "socket,id=char%s,fd=%d,server=on,wait=off", alias,
			 out_fd(o, GUEST_FD_KIND_CHARDEV, i, kind, dom_chr_kind_names[kind]));
}

static void put_serial(struct out *o, const struct dom_chr *s)
{
	out_device(o, "isa-serial", &s->info);
	out_strf(o, "chardev", "char%s", s->info.alias);
	out_num(o, "index", s->target_port);
	out_close(o);
}

static void put_port_place(struct out *o, const struct dom_chr *chr)
{
	const struct dom_address *a = chr->info.address;
	const struct dom_controller *ctl;

	if (!a || a->type != DOM_ADDRESS_TYPE_VIRTIO_SERIAL)
		return;
	ctl = plan_find_controller(o->d, DOM_CONTROLLER_TYPE_VIRTIO_SERIAL, a->controller);
	if (!ctl || plan_blank(ctl->info.alias) || plan_blank(a->port)) {
		out_refuse(o, "device '%s' has no virtio-serial controller", chr->info.alias);
		return;
	}
	out_strf(o, "bus", "%s.%u", ctl->info.alias, a->bus);
	/* The address was checked to be a number below 32. */
	out_num(o, "nr", (uint64_t)(a->port[1] ? (a->port[0] - '0') * 10 + a->port[1] - '0' :
						 a->port[0] - '0'));
}

static void put_channel(struct out *o, const struct dom_chr *ch)
{
	out_device(o, "virtserialport", &ch->info);
	put_port_place(o, ch);
	out_strf(o, "chardev", "char%s", ch->info.alias);
	if (!plan_blank(ch->target_name))
		out_str(o, "name", ch->target_name);
	out_close(o);
}

static void put_console(struct out *o, const struct dom_chr *con)
{
	out_device(o, "virtconsole", &con->info);
	put_port_place(o, con);
	out_strf(o, "chardev", "char%s", con->info.alias);
	out_close(o);
}

void argv_chardevs(struct out *o)
{
	const struct domain *d = o->d;
	uint32_t i;

	for (i = 0; i < d->n_serials && !o->error; i++) {
		put_chardev(o, &d->serials[i], DOM_CHR_KIND_SERIAL, i);
		put_serial(o, &d->serials[i]);
	}
	for (i = 0; i < d->n_channels && !o->error; i++) {
		put_chardev(o, &d->channels[i], DOM_CHR_KIND_CHANNEL, i);
		put_channel(o, &d->channels[i]);
	}
	for (i = 0; i < d->n_consoles && !o->error; i++) {
		if (plan_console_is_serial(d, i))
			continue;
		put_chardev(o, &d->consoles[i], DOM_CHR_KIND_CONSOLE, i);
		put_console(o, &d->consoles[i]);
	}
}
