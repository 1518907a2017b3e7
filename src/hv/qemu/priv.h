/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the planner: the context of one completion and its steps. */
#ifndef CORDON_HV_QEMU_PRIV_H
#define CORDON_HV_QEMU_PRIV_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "hv/qemu/plan.h"
#include "hv/qemu/table.h"

#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))
#define PLAN_USB_NONE "none"

struct plan_ctx {
	struct domain *d;
	const struct plan_env *env;
	const struct plan_machine *machine;
	struct arena *a;
	struct err *err;
};

/* What kind of list a device is in; also the order libvirt walks them in. */
enum plan_dev_kind {
	PLAN_DEV_DISK,
	PLAN_DEV_NET,
	PLAN_DEV_CONTROLLER,
	PLAN_DEV_SERIAL,
	PLAN_DEV_CHANNEL,
	PLAN_DEV_CONSOLE,
	PLAN_DEV_INPUT,
	PLAN_DEV_WATCHDOG,
	PLAN_DEV_BALLOON,
	PLAN_DEV_RNG,
	PLAN_DEV_PANIC,
	PLAN_DEV_VIDEO,
	PLAN_DEV_TPM,
};
struct plan_dev {
	enum plan_dev_kind kind;
	uint32_t index;
	struct dom_info *info;
	const char *what;          /* "disk 'vda'", for messages */
};

/* All devices of the model as one list. 0 or -ENOMEM. */
int plan_devices(struct domain *d, struct arena *a, struct plan_dev **ret, size_t *ret_n);

/* One step of a completion; the table in complete.c has them in order. */
int plan_step_basics(struct plan_ctx *c);
int plan_step_check_plain(struct plan_ctx *c);
int plan_step_firmware(struct plan_ctx *c);
int plan_step_cpu(struct plan_ctx *c);
int plan_step_clock(struct plan_ctx *c);
int plan_step_disks(struct plan_ctx *c);
int plan_step_nets(struct plan_ctx *c);
int plan_step_controllers(struct plan_ctx *c);
int plan_step_chardevs(struct plan_ctx *c);
int plan_step_graphics(struct plan_ctx *c);
int plan_step_inputs(struct plan_ctx *c);
int plan_step_small_devices(struct plan_ctx *c);
int plan_step_default_controllers(struct plan_ctx *c);
int plan_step_implicit_controllers(struct plan_ctx *c);
int plan_step_vserial(struct plan_ctx *c);
int plan_step_pci(struct plan_ctx *c);
int plan_step_usb(struct plan_ctx *c);
int plan_step_check_addresses(struct plan_ctx *c);
int plan_step_check_names(struct plan_ctx *c);
int plan_step_check_boot(struct plan_ctx *c);

/* Refusals: "what is wrong; what to do". Each returns its errno. */
int plan_refuse(struct plan_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int plan_bad(struct plan_ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int plan_nomem(struct plan_ctx *c);

/* Set an unset text; 0 or -ENOMEM. */
int plan_default(struct plan_ctx *c, char **field, const char *text);

/* A copy of `old` with room for one more zeroed element; NULL without memory. */
void *plan_extend(struct arena *a, const void *old, uint32_t n, size_t size);

/* Append a controller without address. NULL without memory or past DOM_DEVICES_MAX. */
struct dom_controller *plan_add_controller(struct plan_ctx *c, enum dom_controller_type type,
					   uint32_t index, const char *model);
struct dom_controller *plan_find_controller(const struct domain *d, enum dom_controller_type type,
					    uint32_t index);

/* A fresh address of a type; NULL without memory. */
struct dom_address *plan_new_address(struct arena *a, enum dom_address_type type);

static inline bool plan_is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

static inline bool plan_blank(const char *s)
{
	return !s || !*s;
}

bool plan_is_usb2(const struct dom_controller *ctl);
bool plan_is_xhci(const struct dom_controller *ctl);

/* Is one of "name" in a NULL-terminated table of words. */
bool plan_known(const char *const *words, const char *name);

#endif
