/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a model as one list, for everything that treats them alike. */
#include <stdarg.h>
#include <stdio.h>

#include "hv/qemu/priv.h"

struct walk {
	struct plan_dev *list;
	size_t n;
	struct arena *a;
	bool short_of_memory;
};

__attribute__((format(printf, 5, 6)))
static void put(struct walk *w, enum plan_dev_kind kind, uint32_t index, struct dom_info *info,
		const char *fmt, ...)
{
	struct plan_dev *dev = &w->list[w->n++];
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*dev = (struct plan_dev){ kind, index, info, arena_strdup(w->a, text) };
	if (!dev->what)
		w->short_of_memory = true;
}

static void put_chardevs(struct walk *w, enum plan_dev_kind kind, struct dom_chr *list, uint32_t n,
			 const char *what)
{
	for (uint32_t i = 0; i < n; i++)
		put(w, kind, i, &list[i].info, "%s %u", what, i);
}

static const char *controller_word(const struct dom_controller *ctl)
{
	return ctl->type <= DOM_CONTROLLER_TYPE_MAX && ctl->type ?
		       dom_controller_type_names[ctl->type] : "";
}

static void put_rest(struct walk *w, struct domain *d)
{
	for (uint32_t i = 0; i < d->n_inputs; i++)
		put(w, PLAN_DEV_INPUT, i, &d->inputs[i].info, "input %u", i);
	for (uint32_t i = 0; i < d->n_watchdogs; i++)
		put(w, PLAN_DEV_WATCHDOG, i, &d->watchdogs[i].info, "watchdog");
	if (d->balloon)
		put(w, PLAN_DEV_BALLOON, 0, &d->balloon->info, "memballoon");
	for (uint32_t i = 0; i < d->n_rngs; i++)
		put(w, PLAN_DEV_RNG, i, &d->rngs[i].info, "rng %u", i);
	for (uint32_t i = 0; i < d->n_panics; i++)
		put(w, PLAN_DEV_PANIC, i, &d->panics[i].info, "panic device");
	for (uint32_t i = 0; i < d->n_videos; i++)
		put(w, PLAN_DEV_VIDEO, i, &d->videos[i].info, "video %u", i);
	for (uint32_t i = 0; i < d->n_tpms; i++)
		put(w, PLAN_DEV_TPM, i, &d->tpms[i].info, "TPM");
}

int plan_devices(struct domain *d, struct arena *a, struct plan_dev **ret, size_t *ret_n)
{
	size_t n = (size_t)d->n_disks + d->n_nets + d->n_controllers + d->n_serials +
		   d->n_channels + d->n_consoles + d->n_inputs + d->n_watchdogs +
		   (d->balloon ? 1 : 0) + d->n_rngs + d->n_panics + d->n_videos + d->n_tpms;
	struct walk w = { .list = arena_calloc(a, n + 1, sizeof(*w.list)), .a = a };

	if (!w.list)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n_disks; i++)
		put(&w, PLAN_DEV_DISK, i, &d->disks[i].info, "disk '%s'", d->disks[i].target);
	for (uint32_t i = 0; i < d->n_nets; i++)
		put(&w, PLAN_DEV_NET, i, &d->nets[i].info,
		    "interface %02x:%02x:%02x:%02x:%02x:%02x", d->nets[i].mac[0],
		    d->nets[i].mac[1], d->nets[i].mac[2], d->nets[i].mac[3], d->nets[i].mac[4],
		    d->nets[i].mac[5]);
	for (uint32_t i = 0; i < d->n_controllers; i++)
		put(&w, PLAN_DEV_CONTROLLER, i, &d->controllers[i].info, "%s controller %u",
		    controller_word(&d->controllers[i]), d->controllers[i].index);
	put_chardevs(&w, PLAN_DEV_SERIAL, d->serials, d->n_serials, "serial");
	put_chardevs(&w, PLAN_DEV_CHANNEL, d->channels, d->n_channels, "channel");
	put_chardevs(&w, PLAN_DEV_CONSOLE, d->consoles, d->n_consoles, "console");
	put_rest(&w, d);
	if (w.short_of_memory)
		return -ENOMEM;
	*ret = w.list;
	*ret_n = w.n;
	return 0;
}
