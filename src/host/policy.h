/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loaded SELinux policy, by libselinux: what it says about guests, and questions to it. */
#ifndef CORDON_HOST_POLICY_H
#define CORDON_HOST_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "proto/hostd.x.h"

#define POLICY_MARK_MAX 64

/* Look for a policy; once, before anything else here. Without one, all below says so. */
void policy_open(void);

/* A text that changes when policy, booleans or the mode did; "" without a policy. */
void policy_mark(char out[POLICY_MARK_MAX]);

/* *ret in `a`; NULL without a policy. -ENOMEM. */
int policy_gather(struct arena *a, struct host_selinux **ret, struct err *err);

/* security_compute_av(3). Texts of `ret` in `a`. -ENOTSUP without a policy, -ENOMEM. */
int policy_ask(const struct host_ask *q, struct arena *a, struct host_answer *ret, struct err *err);

/* ---- reading texts (policy.c) ---- */

/*
 * The label on line `n`, from 0, of a contexts file's text; comments and blank
 * lines do not count. Empty when there is none or it is longer than HOST_TEXT_MAX.
 */
void policy_line(const char *text, unsigned n, char out[HOST_TEXT_MAX + 1]);

/*
 * "user:role:type:s0" + ":c<n>": `label` with its first sensitivity and one category. False when
 * it has no level or does not fit.
 */
bool policy_with_category(const char *label, unsigned n, char out[HOST_TEXT_MAX + 1]);

/* `label` with another type. False when it is none or does not fit. */
bool policy_with_type(const char *label, const char *type, char out[HOST_TEXT_MAX + 1]);

/* Booleans that people are told about: those for guests. */
bool policy_boolean_matters(const char *name);

#endif
