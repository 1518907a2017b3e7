/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which SELinux label a guest and its files are to have. Pure: the host's
 * facts, the configuration and the model in, rows out. Who sets them: docs/svirt.md.
 */
#ifndef CORDON_CORE_LABEL_H
#define CORDON_CORE_LABEL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "proto/conf.x.h"
#include "proto/disk.x.h"
#include "proto/hostd.x.h"
#include "proto/ledger.x.h"

enum label_mode {
	LABEL_ABSENT,      /* no SELinux on this host, and none asked for */
	LABEL_NONE,        /* not confined, because somebody said so */
	LABEL_DYNAMIC,     /* a pair of categories that nobody else has */
	LABEL_STATIC,      /* the user's own */
};

/* What one guest is to get. */
struct label_choice {
	enum label_mode mode;
	bool relabel;              /* its files get labels too */
	const char *base;          /* what ledger.CLAIM is asked for; NULL: no label */
	const char *imagelabel;    /* static: given by the user, or NULL */
	bool own;                  /* the base is made of the user's word and something else */
	bool fixed;                /* the base is the label: nothing is added */
	bool share;                /* fixed: others may have it too */
};

/*
 * Choose from the definition's <seclabel>. `host` is NULL where there is no
 * SELinux. Texts are borrowed from the arguments or in `a`. 0; -ENOTSUP with a
 * text that names the reason and the way out; -ENOMEM.
 */
int label_choose(const struct domain *d, const struct host_selinux *host, const struct config *conf,
		 struct arena *a, struct label_choice *ret, struct err *err);

enum label_kind { LABEL_DISK, LABEL_NVRAM, LABEL_KERNEL, LABEL_INITRD, LABEL_LOADER };

/* One opened file of the guest. */
struct label_file {
	enum label_kind kind;
	const struct dom_disk *disk;   /* LABEL_DISK: whose image; else NULL */
	unsigned depth;                /* in its chain, 0 the top one */
	const struct disk_image *image;   /* as cordon-disk opened it */
};

/* What is to happen to it. */
struct label_row {
	const char *want;          /* the label it is to be given; NULL: it stays as it is */
	const char *end;           /* the label it then has; "" when it has none */
	const char *better;        /* what the way out of a refusal names: the label that suits */
	bool shared;               /* the label is no guest's own: several may use the file with it */
	bool ask;                  /* whether that suits the guest is for the policy to say */
	bool own;                  /* the label, or that it stays, is the user's word */
};

/*
 * Decide for one file. `process` is the label that was claimed (NULL: there
 * is none). 0; -ENOTSUP when the user's label cannot be given; -ENOMEM.
 */
int label_decide(const struct label_choice *c, const struct host_selinux *host, const char *process,
		 const struct label_file *f, struct arena *a, struct label_row *ret, struct err *err);

/* What QEMU does with such a file, as a question to the policy; `to` is the file's label. */
struct host_ask label_ask(const struct label_file *f, const char *process, const char *to);

/* The policy said no: why, in words, with what mends it. Returns -EACCES. */
int label_refuse(const struct host_selinux *host, const char *guest, const char *process,
		 const struct label_file *f, const struct label_row *row,
		 const struct host_answer *answer, struct err *err);

/*
 * What is asked about the guest's own label, whatever files it has: that there is such a label, if it
 * was put together from the user's and a pair, and for type='qemu' the right to make code at run
 * time. False: nothing is to be asked. (Labels that are the user's as a whole: plan_host.c.)
 */
bool label_ask_process(const struct label_choice *c, const struct domain *d, const char *process,
		       struct host_ask *ret);

/* The answer to that was no. Returns -EACCES. */
int label_refuse_process(const struct host_selinux *host, const char *guest, const char *process,
			 const struct host_answer *answer, struct err *err);

/* The image type of the policy with the level of `process`; NULL when memory is short. */
char *label_image(const struct host_selinux *host, const char *process, struct arena *a);

/* <seclabel> as a running guest shows it: selinux, then dac. 0 or -ENOMEM. */
int label_show(const struct label_choice *c, const struct host_selinux *host, const char *process,
	       unsigned uid, struct arena *a, struct domain *d);

struct plan;

/*
 * Fill what ledger.CLAIM is asked for `p`'s guest: label (NULL: none), fixed,
 * share, categories. Texts live as long as the run. -errno with `err`: the
 * guest must not start.
 */
int label_base(struct plan *p, struct ledger_claim_args *args, struct err *err);

#endif
