/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's processor time and memory, from its directory in /proc. */
#ifndef CORDON_VM_PROC_H
#define CORDON_VM_PROC_H

#include <stddef.h>
#include <stdint.h>

struct proc_times {
	uint64_t user_ns, system_ns;
	uint64_t rss_kib;
};

/* The whole process. 0 or -errno (-ESRCH: it is gone). */
int proc_read_times(struct proc_times *ret);

/* One thread by the host's number. */
int proc_read_thread(int tid, struct proc_times *ret);

/*
 * Translate thread numbers of QEMU's own pid namespace to the host's, in place; what is not
 * found becomes 0. 0 or -errno.
 */
int proc_map_threads(int *tids, size_t n);

/* Pure: times from the text of a stat file. 0 or -EBADMSG. */
int proc_parse_stat(const char *text, uint64_t ns_per_tick, uint64_t kib_per_page,
		    struct proc_times *ret);

/* Pure: the innermost number on the NSpid line of a status file; 0 when there is none. */
int proc_parse_nspid(const char *text);

#endif
