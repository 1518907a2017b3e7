/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inputs, random numbers, balloon, watchdog, panic, TPM, audio. */
#include "hv/qemu/priv.h"

static bool has_ps2(const struct domain *d, enum dom_input_type type)
{
	for (uint32_t i = 0; i < d->n_inputs; i++)
		if (d->inputs[i].type == type && d->inputs[i].bus == DOM_INPUT_BUS_PS2)
			return true;
	return false;
}

/* Every PC has a PS/2 mouse and keyboard; the model says so. */
static int add_ps2(struct plan_ctx *c, enum dom_input_type type)
{
	struct domain *d = c->d;
	struct dom_input *list;

	if (has_ps2(d, type))
		return 0;
	list = plan_extend(c->a, d->inputs, d->n_inputs, sizeof(*list));
	if (!list || d->n_inputs >= DOM_DEVICES_MAX)
		return plan_nomem(c);
	list[d->n_inputs].type = type;
	list[d->n_inputs].bus = DOM_INPUT_BUS_PS2;
	d->inputs = list;
	d->n_inputs++;
	return 0;
}

int plan_step_inputs(struct plan_ctx *c)
{
	struct domain *d = c->d;
	int r;

	for (uint32_t i = 0; i < d->n_inputs; i++) {
		struct dom_input *in = &d->inputs[i];

		if (!in->type)
			return plan_bad(c, "input %u has no type", i);
		if (!in->bus)
			in->bus = in->type == DOM_INPUT_TYPE_TABLET ? DOM_INPUT_BUS_USB :
								      DOM_INPUT_BUS_PS2;
		if (in->bus == DOM_INPUT_BUS_PS2 && in->type == DOM_INPUT_TYPE_TABLET)
			return plan_refuse(c, "input %u: there is no ps2 tablet; use bus='usb'", i);
	}
	r = add_ps2(c, DOM_INPUT_TYPE_MOUSE);
	return r < 0 ? r : add_ps2(c, DOM_INPUT_TYPE_KEYBOARD);
}

static int one_rng(struct plan_ctx *c, uint32_t i)
{
	struct dom_rng *rng = &c->d->rngs[i];

	if (plan_default(c, &rng->model, "virtio") < 0)
		return -ENOMEM;
	if (strcmp(rng->model, "virtio") != 0)
		return plan_refuse(c, "rng %u: model '%s' is not supported; use 'virtio'", i,
				   rng->model);
	if (!rng->backend)
		return plan_bad(c, "rng %u has no <backend model=>", i);
	if (rng->rate_period && !rng->rate_bytes)
		return plan_bad(c, "rng %u: <rate period=> needs bytes=", i);
	if (rng->backend == DOM_RNG_BACKEND_EGD)
		return plan_refuse(c, "rng %u: backend 'egd' is not supported; use 'random' or "
				      "'builtin'", i);
	if (rng->backend == DOM_RNG_BACKEND_BUILTIN)
		return 0;
	if (plan_default(c, &rng->source, "/dev/random") < 0)
		return -ENOMEM;
	if (strcmp(rng->source, "/dev/random") != 0 && strcmp(rng->source, "/dev/urandom") != 0)
		return plan_refuse(c, "rng %u: source '%s' is not available in the cage; use "
				      "'/dev/urandom'", i, rng->source);
	return 0;
}

static int default_balloon(struct plan_ctx *c)
{
	struct domain *d = c->d;

	if (!d->balloon)
		d->balloon = arena_calloc(c->a, 1, sizeof(*d->balloon));
	if (!d->balloon)
		return plan_nomem(c);
	if (plan_default(c, &d->balloon->model, "virtio") < 0)
		return -ENOMEM;
	if (strcmp(d->balloon->model, "virtio") != 0 && strcmp(d->balloon->model, "none") != 0)
		return plan_refuse(c,
				   "memballoon model '%s' is not supported; use 'virtio' or 'none'",
				   d->balloon->model);
	return 0;
}

static int default_watchdogs(struct plan_ctx *c)
{
	static const char *const models[] = { "i6300esb", "ib700", NULL };
	static const char *const actions[] = { "reset", "shutdown", "poweroff", "pause",
					       "none",  "inject-nmi", NULL };
	struct dom_watchdog *w = c->d->watchdogs;

	if (c->d->n_watchdogs > 1)
		return plan_refuse(c, "only a single watchdog device is supported");
	if (!c->d->n_watchdogs)
		return 0;
	if (plan_default(c, &w->model, "i6300esb") < 0 || plan_default(c, &w->action, "reset") < 0)
		return -ENOMEM;
	if (!plan_known(models, w->model))
		return plan_refuse(c, "watchdog model '%s' is not supported; use 'i6300esb'",
				   w->model);
	if (!plan_known(actions, w->action))
		return plan_refuse(c, "watchdog action '%s' is not supported; use 'reset', "
				      "'shutdown', 'poweroff', 'pause', 'none' or 'inject-nmi'",
				   w->action);
	return 0;
}

static int default_panics(struct plan_ctx *c)
{
	if (c->d->n_panics > 1)
		return plan_refuse(c, "only a single panic device is supported");
	for (uint32_t i = 0; i < c->d->n_panics; i++) {
		if (plan_default(c, &c->d->panics[i].model, "isa") < 0)
			return -ENOMEM;
		if (strcmp(c->d->panics[i].model, "isa") != 0)
			return plan_refuse(c, "panic model '%s' is not supported; use 'isa'",
					   c->d->panics[i].model);
	}
	return 0;
}

static int default_tpm(struct plan_ctx *c)
{
	struct dom_tpm *t = c->d->tpms;

	if (c->d->n_tpms > 1)
		return plan_refuse(c, "only a single TPM device is supported");
	if (!c->d->n_tpms)
		return 0;
	if (!t->model)
		t->model = DOM_TPM_MODEL_TPM_TIS;
	if (t->backend != DOM_TPM_BACKEND_EMULATOR)
		return plan_refuse(c, "TPM backend '%s' is not supported; use 'emulator'",
				   dom_tpm_backend_names[t->backend]);
	if (!t->version)
		t->version = DOM_TPM_VERSION_V2_0;
	if (t->version != DOM_TPM_VERSION_V2_0)
		return plan_refuse(c, "TPM version '%s' is not supported; use '2.0'",
				   dom_tpm_version_names[t->version]);
	return 0;
}

static int default_audio(struct plan_ctx *c)
{
	struct domain *d = c->d;

	if (!d->n_audios) {
		d->audios = arena_calloc(c->a, 1, sizeof(*d->audios));
		if (!d->audios)
			return plan_nomem(c);
		d->n_audios = 1;
		d->audios[0].id = 1;
	}
	for (uint32_t i = 0; i < d->n_audios; i++) {
		if (plan_default(c, &d->audios[i].type, "none") < 0)
			return -ENOMEM;
		if (strcmp(d->audios[i].type, "none") != 0)
			return plan_refuse(c, "audio type '%s' is not supported; use 'none'",
					   d->audios[i].type);
		if (!d->audios[i].id)
			d->audios[i].id = i + 1;
	}
	return 0;
}

int plan_step_small_devices(struct plan_ctx *c)
{
	int r = default_balloon(c);

	for (uint32_t i = 0; i < c->d->n_rngs && r >= 0; i++)
		r = one_rng(c, i);
	if (r >= 0)
		r = default_watchdogs(c);
	if (r >= 0)
		r = default_panics(c);
	if (r >= 0)
		r = default_tpm(c);
	return r < 0 ? r : default_audio(c);
}
