/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child of cage_spawn(): from root with the host in view to nobody in a box. */
#include "launch/cage_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/sandbox.h"

#define EXIT_CAGE 126   /* the program never started */

static void report(int args_fd, int code, const char *text)
{
	struct execargs_report rep = { .code = code };

	snprintf(rep.text, sizeof(rep.text), "%s", text);
	if (fd_write_all(args_fd, &rep, sizeof(rep)) < 0)
		return;   /* nobody listens: the exit status is all there is */
}

/* Signals of launch's event loop are nothing to the program. */
static int reset_signals(struct err *err)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);   /* fails for KILL, STOP and the C library's own two */
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_sys(err, -errno, "cage: signal mask");
	return 0;
}

static int enter_group(const struct cgroup_group *g, struct err *err)
{
	int r = g ? cgroup_join(g) : 0;

	if (r < 0)
		return err_sys(err, r, "cage: joining the control group");
	/* Only now, so that the namespace's root is the group itself. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(err, -errno, "cage: cgroup namespace");
	return 0;
}

static int set_limits(const struct cage_limits *l, struct err *err)
{
	const struct {
		__rlimit_resource_t what;
		const char *name;
		uint64_t value;
	} limits[] = {
		{ RLIMIT_CORE, "core", 0 },             /* guest memory never lands in a file */
		{ RLIMIT_NOFILE, "nofile", l->nofile },
		{ RLIMIT_MEMLOCK, "memlock", l->memlock },
		{ RLIMIT_NPROC, "nproc", l->nproc },
		{ RLIMIT_STACK, "stack", l->stack },
		{ RLIMIT_MSGQUEUE, "msgqueue", 0 },
		{ RLIMIT_RTPRIO, "rtprio", 0 },
		{ RLIMIT_NICE, "nice", 0 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit v = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].what, &v) < 0)
			return err_sys(err, -errno, "cage: limit '%s' of %llu", limits[i].name,
				       (unsigned long long)limits[i].value);
	}
	return 0;
}

static int write_proc(int proc, const char *file, const char *text)
{
	CLEAN_FD int fd = openat(proc, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/*
 * The user namespace comes last, with the uid already taken, so that mounts
 * and network belong to the outside and nothing in here has a say over them.
 * An unprivileged process may map its own id, for which it has to own its
 * files in /proc: hence dumpable, for as long as that takes.
 */
static int enter_user(const struct cage_spec *s, int proc, struct err *err)
{
	char uids[48], gids[48];
	int r;

	if (setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 ||
	    setresuid(s->uid, s->uid, s->uid) < 0)
		return err_sys(err, -errno, "cage: becoming uid %u", s->uid);
	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(err, -errno, "cage: user namespace");
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "cage: dumpable");
	snprintf(uids, sizeof(uids), "%u %u 1", s->uid, s->uid);
	snprintf(gids, sizeof(gids), "%u %u 1", s->gid, s->gid);
	r = write_proc(proc, "setgroups", "deny");
	if (r == 0)
		r = write_proc(proc, "gid_map", gids);
	if (r == 0)
		r = write_proc(proc, "uid_map", uids);
	if (r < 0)
		return err_sys(err, r, "cage: mapping uid %u", s->uid);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, -errno, "cage: dumpable");
	return 0;
}

static int enter_root(const struct cage_spec *s, int *ret_proc, struct err *err)
{
	const struct root_extra extra = {
		.uid = s->uid, .gid = s->gid, .kvm = s->kvm,
		.copies = s->copies, .n_copies = s->n_copies,
	};
	const char *name = s->name ? s->name : "guest";

	/* /proc of the outside: this process as the host numbers it. */
	*ret_proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_proc < 0)
		return err_sys(err, -errno, "cage: /proc");
	if (sethostname(name, strlen(name)) < 0)
		return err_sys(err, -errno, "cage: host name");
	return root_enter(s->root, &extra, err);
}

/* *args_fd is the socket under its current number, for a report if a step fails. */
static int build(const struct cage_spec *s, int *args_fd, struct err *err)
{
	CLEAN_FD int proc = -1;
	int r;

	umask(077);
	r = reset_signals(err);
	if (r == 0)
		r = enter_group(s->group, err);
	if (r == 0)
		r = enter_root(s, &proc, err);
	if (r == 0)   /* while we may still raise one */
		r = set_limits(&s->limits, err);
	if (r == 0)
		r = cage_child_place_fds(s, args_fd, &proc, err);
	if (r == 0)
		r = enter_user(s, proc, err);
	if (r == 0)   /* the new namespace gave the bounding set back: drop it again */
		r = sandbox_drop_caps(0, err);
	return r;
}

void cage_child_run(const struct cage_spec *spec)
{
	struct err err = { 0 };
	int args_fd = spec->args_fd, r;

	r = build(spec, &args_fd, &err);
	if (r == 0) {
		report(args_fd, 0, "");
		r = cage_child_exec(spec->root, args_fd, &err);
	}
	report(args_fd, r, err.text);
	_exit(EXIT_CAGE);
}
