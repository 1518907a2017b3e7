/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serial ports, consoles and channels; the first console and the first serial are one. */
#include "hv/qemu/priv.h"

#define ISA_PORTS 4  /* QEMU has no more */

bool plan_console_is_serial(const struct domain *d, uint32_t index)
{
	return index == 0 && d->n_consoles && d->n_serials &&
	       plan_is(d->consoles[0].target_type, "serial");
}

static int check_source(struct plan_ctx *c, const struct dom_chr *chr, const char *what, uint32_t i)
{
	const char *word = chr->source && chr->source <= DOM_CHR_SOURCE_TYPE_MAX ?
				   dom_chr_source_type_names[chr->source] : "";

	if (!chr->source)
		return plan_bad(c, "%s %u has no type; use 'pty'", what, i);
	if (chr->source == DOM_CHR_SOURCE_TYPE_SPICEVMC)
		return plan_refuse(c, "%s %u: type 'spicevmc' needs spice graphics, which are not "
				      "supported; use vnc and leave it out", what, i);
	if (chr->source == DOM_CHR_SOURCE_TYPE_FILE)
		return plan_refuse(c, "%s %u: type '%s' is not supported yet; use 'pty' or 'unix'",
				   what, i, word);
	if (chr->source == DOM_CHR_SOURCE_TYPE_UNIX && chr->mode == DOM_CHR_MODE_CONNECT)
		return plan_refuse(c, "%s %u: <source mode='connect'> is not supported yet; use "
				      "mode='bind'", what, i);
	if (!plan_blank(chr->log_file))
		return plan_refuse(c, "%s %u: <log file='%s'> is not supported yet; leave it out",
				   what, i, chr->log_file);
	return 0;
}

static int default_serials(struct plan_ctx *c)
{
	struct domain *d = c->d;
	uint32_t next = 0;

	for (uint32_t i = 0; i < d->n_serials; i++) {
		struct dom_chr *s = &d->serials[i];
		int r = check_source(c, s, "serial", i);

		if (r < 0)
			return r;
		if (plan_default(c, &s->target_type, "isa-serial") < 0 ||
		    plan_default(c, &s->target_model, "isa-serial") < 0)
			return -ENOMEM;
		if (strcmp(s->target_type, "isa-serial") != 0 ||
		    strcmp(s->target_model, "isa-serial") != 0)
			return plan_refuse(c, "serial %u: target type '%s', model '%s' is not "
					      "supported; use 'isa-serial'",
					   i, s->target_type, s->target_model);
		if (!s->target_port_set) {
			s->target_port = next;
			s->target_port_set = true;
		}
		if (s->target_port >= ISA_PORTS)
			return plan_refuse(c, "serial %u: target port %u is out of range; a PC has "
					      "ports 0 to %d", i, s->target_port, ISA_PORTS - 1);
		for (uint32_t j = 0; j < i; j++)
			if (d->serials[j].target_port == s->target_port)
				return plan_bad(c, "serial %u: target port '%u' is already used by "
						   "serial %u", i, s->target_port, j);
		if (s->target_port >= next)
			next = s->target_port + 1;
	}
	return 0;
}

/* The part of a character device that a console and its serial port share. */
static void share_source(struct dom_chr *to, const struct dom_chr *from)
{
	to->source = from->source;
	to->path = from->path;
	to->mode = from->mode;
	to->log_file = from->log_file;
	to->log_append = from->log_append;
	to->path_given = from->path_given;
}

static int serial_from_console(struct plan_ctx *c)
{
	struct domain *d = c->d;
	struct dom_chr *serial = arena_calloc(c->a, 1, sizeof(*serial));

	if (!serial)
		return plan_nomem(c);
	share_source(serial, &d->consoles[0]);
	d->serials = serial;
	d->n_serials = 1;
	return 0;
}

static int console_from_serial(struct plan_ctx *c)
{
	struct domain *d = c->d;
	struct dom_chr *list = arena_calloc(c->a, (size_t)d->n_consoles + 1, sizeof(*list));

	if (!list || d->n_consoles >= DOM_DEVICES_MAX)
		return plan_nomem(c);
	if (d->n_consoles)
		memcpy(list + 1, d->consoles, d->n_consoles * sizeof(*list));
	d->consoles = list;
	d->n_consoles++;
	return plan_default(c, &list[0].target_type, "serial");
}

static int default_consoles(struct plan_ctx *c)
{
	struct domain *d = c->d;

	for (uint32_t i = 0; i < d->n_consoles; i++) {
		struct dom_chr *con = &d->consoles[i];
		int r = check_source(c, con, "console", i);

		if (r < 0)
			return r;
		if (plan_default(c, &con->target_type, "serial") < 0)
			return -ENOMEM;
		if (strcmp(con->target_type, "serial") != 0 &&
		    strcmp(con->target_type, "virtio") != 0)
			return plan_refuse(c, "console %u: target type '%s' is not supported; use "
					      "'serial' or 'virtio'", i, con->target_type);
		if (i && strcmp(con->target_type, "serial") == 0)
			return plan_refuse(c, "only the first console can be a serial port; give "
					      "console %u <target type='virtio'/>", i);
		if (!con->target_port_set) {
			con->target_port = i;
			con->target_port_set = true;
		}
	}
	return 0;
}

static int default_channels(struct plan_ctx *c)
{
	struct domain *d = c->d;

	for (uint32_t i = 0; i < d->n_channels; i++) {
		struct dom_chr *ch = &d->channels[i];
		int r = check_source(c, ch, "channel", i);

		if (r < 0)
			return r;
		if (plan_default(c, &ch->target_type, "virtio") < 0)
			return -ENOMEM;
		if (strcmp(ch->target_type, "virtio") != 0)
			return plan_refuse(c, "channel %u: target type '%s' is not supported; use "
					      "'virtio'", i, ch->target_type);
	}
	return 0;
}

int plan_step_chardevs(struct plan_ctx *c)
{
	struct domain *d = c->d;
	int r = default_consoles(c);

	if (r < 0)
		return r;
	if (!d->n_serials && d->n_consoles && plan_is(d->consoles[0].target_type, "serial"))
		r = serial_from_console(c);
	else if (d->n_serials && !(d->n_consoles && plan_is(d->consoles[0].target_type, "serial")))
		r = console_from_serial(c);
	if (r >= 0)
		r = default_serials(c);
	if (r < 0)
		return r;
	if (plan_console_is_serial(d, 0)) {
		/* The serial port is the device; the console only another name for it. */
		share_source(&d->consoles[0], &d->serials[0]);
		d->consoles[0].target_port = d->serials[0].target_port;
		d->consoles[0].target_port_set = true;
	}
	return default_channels(c);
}
