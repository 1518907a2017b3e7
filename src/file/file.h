/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room's own state, and what its parts do for each other. */
#ifndef CORDON_FILE_FILE_H
#define CORDON_FILE_FILE_H

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "file/claims.h"
#include "ipc/chan.h"
#include "proto/file.x.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FILE_JOBS_MAX 32                  /* workers at one time */
#define FILE_PLAIN_MAX (1ull << 30)       /* bytes of a kernel or an initrd */
#define FILE_NVRAM_MAX (64ull << 20)      /* bytes of a variable store or its template */
#define FILE_FD_LOW 10                    /* our own descriptors live above those that exec needs */

/*
 * DAC_OVERRIDE  images, block devices and variable stores belong to anybody
 * SETUID        cordon-image has a uid of its own; file servers judge a worker by uid
 * SETGID        likewise its groups
 * SETPCAP       cordon-image's bounding set is emptied before it starts
 * SYS_CHROOT    cordon-image's root is empty
 */
#define FILE_KEEP_CAPS (SANDBOX_CAP(CAP_DAC_OVERRIDE) | SANDBOX_CAP(CAP_SETUID) | \
		   SANDBOX_CAP(CAP_SETGID) | SANDBOX_CAP(CAP_SETPCAP) | SANDBOX_CAP(CAP_SYS_CHROOT))

struct file_room {
	const struct config *conf;
	struct arena *conf_arena;
	struct claims claims;
	bool worker;              /* this process is the worker of one job */
	int image_bin;            /* cordon-image, opened before the sandbox closed */
	int empty_root;           /* a folder without a name and without content, for cordon-image */
};

extern struct file_room file_room;

/* What a request opened, before anybody claimed it. */
struct opened {
	struct file_image images[DOM_CHAIN_MAX];
	int fds[DOM_CHAIN_MAX];
	unsigned n;
};
void opened_close(struct opened *o);
#define CLEAN_OPENED __attribute__((cleanup(opened_close)))

/* Open an image and what stands below it. Blocks. Texts live in `a`. */
int file_open_chain(struct arena *a, const struct file_open_args *args, struct opened *ret,
		    struct err *err);

/* Open a kernel or an initrd, read-only. Blocks. */
int file_open_plain(struct arena *a, const struct file_plain_args *args, int *ret_fd,
		    struct err *err);

/* Sizes of an image that nobody needs to have open. Blocks. */
int file_stat_image(struct arena *a, const struct file_stat_args *args, struct file_stat_ret *ret,
		    struct err *err);

/*
 * Open the guest's variable store for reading and writing. -ENOENT when it is
 * not there and `make` is false; else it is made from the template. Blocks.
 */
int file_open_nvram(struct arena *a, const struct file_nvram_args *args, bool make, int *ret_fd,
		    struct err *err);

/* Remove a variable store below nvram_dir, unless a guest has it claimed. */
int file_unlink_nvram(struct arena *a, const char *path, struct err *err);

/* ---- the reader of headers (reader_sys.c) ---- */
struct reader {
	struct ipc_chan ch;
	pid_t pid;                /* 0: not started */
};

/* Read one header; the answer lives in `a`. Starts cordon-image on first use. Blocks. */
int reader_read(struct reader *rd, struct arena *a, int fd, struct image_info *ret,
		struct err *err);
void reader_end(struct reader *rd);
#define CLEAN_READER __attribute__((cleanup(reader_end)))

/* ---- jobs (job.c): what may wait for somebody else runs in a process of its own ---- */

/* Runs in the room with the worker's answer; answers `call` itself. */
typedef void job_finish_fn(struct ipc_call *call, struct ipc_reply *r);

/*
 * Do `call`, which is about `path` (lives with it), in a worker. With `remote`
 * the worker becomes uid 0, because the server of a network or FUSE file
 * system judges by uid, not by capability.
 * 0: the call is answered later. -EBUSY with FILE_JOBS_MAX at work.
 */
int job_start(struct ipc_call *call, const uint8_t guest[16], const char *path, bool remote,
	      job_finish_fn *finish);

/* Give up the jobs of `guest`: their calls are answered with an error. */
void job_cancel(const uint8_t guest[16]);

/* What the room's loop polls for jobs, and what it calls then. 0 or -errno. */
int job_init(void);
struct pollfd *job_poll(unsigned *ret_n);
void job_ready(void *ctx, unsigned i);

#endif
