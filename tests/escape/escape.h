/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile program in the place of a caged one, or of a room that was taken
 * over: it tries things it must not be able to do, one after the other, and
 * writes down how each ended. What it aims at is told to it ("targets"), so
 * that it needs no luck: an attack has the right path, number or key in hand
 * and fails only because something stops it.
 */
#ifndef CORDON_ESCAPE_H
#define CORDON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What an attack answers beside 0 (reached) and -errno (stopped). */
#define ESCAPE_VOID 1          /* what it aims at was not told, or does not exist anywhere here */
#define ESCAPE_UNDONE 2        /* done; whether it did harm shows outside */

/* argv[0] of the program executed by an attack: it ends at once with status 0. */
#define ESCAPE_AGAIN "escape-again"

/* attack.flags */
#define A_GUEST 1u             /* reaching it is reaching another guest's data */
#define A_LAST 2u              /* meant to end or starve this process: after all others */
#define A_ALONE 4u             /* needs a process of its own kind: only when asked for by name */
#define A_CONTROL 8u           /* no attack: what has to work; only when asked for by name */

struct attack {
	const char *id;        /* in results and in docs/isolation.md */
	const char *what;      /* one line for people */
	int (*run)(void);
	unsigned flags;
	const char *needs;     /* a target without which it is void, or NULL */
};

/* attacks.c: the tables below, NULL behind the last; running one; its result in words; is it in a list
 * of ids with a blank before and behind each? */
extern const struct attack *const attack_tables[];
int attack_run(const struct attack *a);
const char *attack_result(int r, char out[64]);
bool attack_named(const struct attack *a, const char *list);

/* One table a subject; each ends with a row without id. */
extern const struct attack files_attacks[], hostfiles_attacks[], processes_attacks[],
	namespaces_attacks[], kernel_attacks[], identity_attacks[], sockets_attacks[],
	network_attacks[], devices_attacks[], resources_attacks[];

/* ---- targets (targets.c): "key value" lines; a value may be a list with blanks ---- */

int targets_parse(char *text);
void target_add(const char *key, const char *value);   /* both are kept as they are */
const char *target(const char *key);                   /* NULL: not told */
long target_number(const char *key);                   /* -1: not told */
size_t target_list(const char *key, long *ret, size_t max);

/* The disk that told the targets, and takes the results; -1: uncaged. */
extern int own_disk;

/* Uncaged, to show that the probes work: then a probe may open what it aims at first. */
extern bool uncaged;

/* ---- helpers ---- */

/* Of a system call's return value: 0 or -errno. */
int outcome(long r);
/* The first attempt that reached something counts; else the first refusal is kept. */
int better(int a, int b);
/* Does the descriptor (file, at most its first 64 KiB) hold the text of target `key`? 0 or -ENODATA. */
int holds_secret(int fd, const char *key);
/* Open for reading and look for the secret; -errno of what failed. */
int read_secret(const char *path);
/* Open with these flags and close again. */
int try_open(const char *path, int flags);

/* ---- other programs (this one's other roles) ---- */
int filter_dump(const char *out, char **argv);         /* filter.c */
int filter_load(const char *hex);
int race_run(const char *way, const char *folder, const char *other);   /* race.c */
int race_naive(const char *path, const char *secret, long rounds);
int monitor_find(const char *argument);                /* the listener, from QEMU's arguments */
int monitor_serve(void);                               /* monitor.c: QEMU's part of QMP, and its lies */

#endif
