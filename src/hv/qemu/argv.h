/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that write the argument list. */
#ifndef CORDON_HV_QEMU_ARGV_H
#define CORDON_HV_QEMU_ARGV_H

#include "base/buf.h"
#include "hv/qemu/priv.h"

/*
 * The list under construction. The first failure sticks in `error` (with the
 * text in `err`), so that writers need not check each step.
 */
struct out {
	const struct domain *d;
	const struct plan_resources *r;
	const struct plan_machine *machine;
	struct arena *a;
	struct err *err;
	char **argv;
	size_t n, cap;
	char **setup;
	size_t n_setup, cap_setup;
	struct buf text;        /* the argument being written */
	bool first;             /* no property written yet */
	int error;
};

/* Whole arguments. */
void out_arg(struct out *o, const char *text);
void out_argf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An option whose value is gathered in o->text from here to out_end(). */
void out_begin(struct out *o, const char *option);
void out_end(struct out *o);
/* What out_begin() gathers: pieces of "a=b,c=d" text; a value's commas are doubled. */
void out_escaped(struct out *o, const char *value);

/* A JSON object as an option's value: out_object() ... out_close(). */
void out_object(struct out *o, const char *option);
void out_str(struct out *o, const char *key, const char *value);
void out_strf(struct out *o, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_num(struct out *o, const char *key, uint64_t value);
void out_bool(struct out *o, const char *key, bool value);
void out_open(struct out *o, const char *key);   /* a nested object */
void out_shut(struct out *o);
void out_null(struct out *o, const char *key);
void out_close(struct out *o);

/* A device: its driver, and its id from the alias. */
void out_device(struct out *o, const char *driver, const struct dom_info *info);
/* Where it is plugged, from its address. */
void out_pci(struct out *o, const struct dom_info *info);
void out_usb(struct out *o, const struct dom_info *info);

/* A QMP command to send before "cont". */
void out_setup(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int out_refuse(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The descriptor of a resource; -1 with the error set when the caller did not bring it. */
int out_fd(struct out *o, enum guest_fd_kind kind, uint32_t index, uint32_t depth,
	   const char *what);

/* The bootindex of a device, 0: none. */
uint32_t out_boot_index(const struct out *o, enum dom_boot_dev dev, const struct dom_info *info,
			bool first_of_kind);

/* The parts, in the order of the list. */
void argv_cpu(struct out *o);
void argv_fdsets(struct out *o);
void argv_firmware(struct out *o);
void argv_controllers(struct out *o);
void argv_disks(struct out *o);
void argv_nets(struct out *o);
void argv_chardevs(struct out *o);
void argv_tpm(struct out *o);
void argv_inputs(struct out *o);
void argv_display(struct out *o);
void argv_small_devices(struct out *o);

#endif
