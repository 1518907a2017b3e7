/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry: every guest this instance knows, defined or only running. */
#ifndef CORDON_CORE_GUEST_H
#define CORDON_CORE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

#define GUEST_MODEL_MAX (8u << 20)    /* decoded bytes of one model */

/* virDomainState and its reasons, as far as we use them (libvirt-domain.h) */
enum guest_state {
	GUEST_NOSTATE = 0, GUEST_RUNNING = 1, GUEST_BLOCKED = 2, GUEST_PAUSED = 3,
	GUEST_SHUTDOWN = 4, GUEST_SHUTOFF = 5, GUEST_CRASHED = 6, GUEST_PMSUSPENDED = 7,
};
enum { PAUSED_STARTING_UP = 11 };
enum { SHUTOFF_UNKNOWN = 0, SHUTOFF_SHUTDOWN = 1, SHUTOFF_DESTROYED = 2, SHUTOFF_CRASHED = 3,
       SHUTOFF_FAILED = 6, SHUTOFF_DAEMON = 8 };

struct plan;
struct job;
struct client;
struct vmlink;

#define GUEST_TEXTS 3              /* virDomainMetadataType: description, title, element */

/* Where a text of the live model is that may be replaced any number of times; in the run's arena. */
struct guest_text {
	char *at;                         /* NULL: not replaced yet */
	size_t room;                      /* bytes */
};

/* What exists only while a guest runs. */
struct guest_run {
	struct guest *guest;
	struct arena *arena;              /* of rec */
	struct store_runtime rec;
	struct guest_text texts[GUEST_TEXTS];
	struct vmlink *link;              /* NULL: no supervisor at the moment */
	struct plan *plan;                /* what starts, or stops, this run */
	bool destroyed;                   /* somebody asked for it */
	bool shutdown_seen;               /* QEMU said that the guest powered off */
	bool crashed;                     /* the guest panicked, and ends for it */
	bool ended;                       /* QEMU is gone */
	bool adopted;                     /* it ran before this core did */
	int wait_status;
	uint64_t cpu_time_ns;             /* QEMU's, as last told */
	uint64_t lost;                    /* events its cordon-vm could not keep, as last told */
	char *why;                        /* the end of QEMU's log, owned */
	struct client *autodestroy;       /* ends with this connection */
	struct ipc_call *graceful;        /* waits for QEMU to quit by itself */
	struct event *grace_timer;
	struct event *vm_timer;           /* a supervisor that died is started again */
	unsigned vm_tries;
	bool vm_stuck;                    /* the supervisor did not answer: to be replaced */
};

struct guest {
	uint8_t uuid[16];
	char *name;
	uint64_t generation;
	bool persistent;
	bool autostart;
	enum file_role role;              /* of who gave the definition; a run's is in its record */
	uint8_t *model;                   /* encoded struct domain; NULL when only running */
	uint32_t n_model;
	int shutoff_reason;
	struct guest_run *run;            /* NULL: off */
	struct job *job;                  /* the long verb under way; NULL: none */
	unsigned row;                     /* stats.c: its place in the list that is gone through */
	struct guest *next_uuid, *next_name;
};

/* NULL when there is none. */
struct guest *guest_by_uuid(const uint8_t uuid[16]);
struct guest *guest_by_name(const char *name);
struct guest *guest_by_id(int id);
struct guest *guest_next(struct guest *after);   /* NULL: the first; in no order */
unsigned guest_count(void);

/*
 * A new, empty guest in the registry; name and uuid are not in use (checked by
 * the caller). NULL when memory is short.
 */
struct guest *guest_add(const uint8_t uuid[16], const char *name);

/* The model's bytes, to be freed or given to a guest; NULL when memory is short. */
uint8_t *guest_encode(const struct domain *d, uint32_t *ret_len);
void guest_take_model(struct guest *g, uint8_t *model, uint32_t len);
void guest_drop_model(struct guest *g);

/*
 * Make `to`, a copy of `g` with other settings (autostart, role), and `d` the guest's definition:
 * saved first, so that what cannot be saved changes nothing. `d` NULL: the model stays, and with it
 * the generation; else that is one up.
 */
int guest_change(struct guest *g, const struct guest *to, const struct domain *d,
		 struct err *err);

/* Take it out of the registry and free it; it does not run. */
void guest_remove(struct guest *g);

/* Decode the definition into `a`. 0 or -errno with `err`. */
int guest_model(const struct guest *g, struct arena *a, struct domain *ret, struct err *err);

/* The model a client sees: the running one unless `inactive`. The run's is borrowed, not copied. */
int guest_view(const struct guest *g, bool inactive, struct arena *a, struct domain *ret,
	       struct err *err);

/* A run in state NOSTATE with its own arena and id -1; NULL when memory is short. */
struct guest_run *guest_run_new(struct guest *g);
void guest_run_free(struct guest *g);

/* Id of a running guest, -1 when off. */
int guest_id(const struct guest *g);
bool guest_active(const struct guest *g);

/* virDomainState, with its reason. Off is what is undone; until then QEMU's end is a shutdown. */
int guest_state(const struct guest *g, int *ret_reason);

/*
 * What cordon-vm says of a run. That QEMU is gone is not taken: the record keeps how the guest was
 * before, which tells the next core how it ended.
 */
void guest_take_state(struct guest_run *run, int state, int reason);

/* As libvirt's wire names it. */
struct remote_nonnull_domain guest_wire(const struct guest *g);

/* "xxxxxxxx-xxxx-..." */
#define GUEST_UUID_TEXT 37
void guest_uuid_text(const uint8_t uuid[16], char out[GUEST_UUID_TEXT]);

#endif
