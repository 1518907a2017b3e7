/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host-wide book of what guests have exclusively: uids now, SELinux
 * categories and MAC addresses later. All instances on a host share one file,
 * so that two of them never hand out the same number.
 */
#ifndef CORDON_LAUNCH_LEDGER_H
#define CORDON_LAUNCH_LEDGER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define LEDGER_PATH "/run/cordon/ledger"
/* Between what systemd gives to containers and 2^31, where nobody else hands out uids. */
#define LEDGER_UID_FIRST 1879048192u
#define LEDGER_UID_COUNT 131072u
#define LEDGER_UIDS_EACH 4u             /* consecutive, per guest, in this order: */
#define LEDGER_UID_QEMU 0u
#define LEDGER_UID_VM 1u
#define LEDGER_UID_PASST 2u             /* the fourth is spare */
#define LEDGER_UID_COUNT_MAX 131072u
#define LEDGER_RECORDS_MAX 65536u       /* 8 MiB */
#define LEDGER_LABEL_MAX 64
#define LEDGER_GUEST 16                 /* bytes of a guest's uuid */

enum ledger_kind {
	LEDGER_FREE = 0,
	LEDGER_INSTANCE = 1,    /* value: device and inode of the instance's directory */
	LEDGER_UIDS = 2,        /* value: first and last uid of the guest's four */
	/* later kinds keep this shape; a reader leaves kinds it does not know alone */
};

/* As stored, host byte order: the file does not outlive the boot. */
struct ledger_record {
	uint32_t kind;
	uint16_t version;       /* of this layout: 1 */
	uint16_t size;          /* of a record: 128 */
	uint32_t owner;         /* number of the instance's record */
	uint32_t reserved;
	uint64_t value[2];
	uint64_t since;         /* seconds since 1970 */
	uint8_t guest[LEDGER_GUEST];
	char label[LEDGER_LABEL_MAX];   /* for people: the instance's directory, cut */
	uint64_t check;         /* over all before it */
};

struct ledger {
	int fd;
	uint32_t slot;          /* our instance's record */
	uid_t uid_first;
	uint32_t uid_count;
	uint32_t next; /* where to look for a free set, so that numbers rest before reuse */
	uint32_t reclaimed;     /* stale claims of dead instances dropped so far, for the log */
	uint32_t damaged;       /* records with a wrong checksum, left alone */
	uint8_t *busy;          /* sets that some process uses, one bit each */
};

/*
 * Open (create) the ledger at `path` and register the instance whose directory
 * is `dir_fd`; the registration is a lock that ends with this process. Claims
 * of instances that are gone are dropped unless a process still runs under
 * them; our own claims of an earlier run are kept: see ledger_each().
 * `label` is for people. -EBUSY: another launch serves this instance.
 */
int ledger_open(const char *path, int dir_fd, const char *label, uid_t uid_first,
		uint32_t uid_count, struct ledger *ret, struct err *err);
void ledger_close(struct ledger *l);

/*
 * LEDGER_UIDS_EACH consecutive uids, *ret_first + LEDGER_UID_x, that no guest,
 * process or other instance has, until ledger_release(). A guest that has a
 * claim gets the same ones again. The gid of each is the same number.
 * -EUSERS when the range is used up.
 */
int ledger_claim_uids(struct ledger *l, const uint8_t guest[LEDGER_GUEST], uid_t *ret_first,
		      struct err *err);

/* Drop all claims of the guest. None: success. Its processes must be gone. */
int ledger_release(struct ledger *l, const uint8_t guest[LEDGER_GUEST], struct err *err);

/* Call `each` for every claim of this instance; stops at non-zero and returns it. */
int ledger_each(struct ledger *l, int (*each)(void *ctx, const struct ledger_record *r), void *ctx,
		struct err *err);

/*
 * Call `each` for every process on this host that runs under a uid of our
 * range (of any instance): how a restarted launch finds its QEMUs and
 * cordon-vms again. Stops at non-zero and returns it.
 */
int ledger_each_process(const struct ledger *l, int (*each)(void *ctx, pid_t pid, uid_t uid),
			void *ctx, struct err *err);

/* The pure part, for tests: */
uint64_t ledger_check(const struct ledger_record *r);
int ledger_record_ok(const struct ledger_record *r);
/*
 * First of `sets` sets of uids at or after number `next` (wrapping) that neither
 * a record nor the bits in `busy` hold. Its number, or -EUSERS.
 */
int64_t ledger_find_set(const struct ledger_record *r, uint32_t n, const uint8_t *busy,
			uid_t uid_first, uint32_t sets, uint32_t next);

#endif
