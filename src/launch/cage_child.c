/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The child of cage_spawn(): from root with the host in view to nobody in a box. */
#include "launch/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/parcel.h"
#include "launch/label.h"
#include "launch/put.h"
#include "sandbox/sandbox.h"

#define NOGROUP 65534   /* outside; inside no number stands for it */
#define EXIT_CAGE 126   /* the program never started */

static void report(int args_fd, int code, const char *text)
{
	struct execargs_report rep = { .code = code };

	snprintf(rep.text, sizeof(rep.text), "%s", text);
	if (args_fd >= 0)
		(void)fd_write_all(args_fd, &rep, sizeof(rep));   /* or nobody listens: there is the exit status */
	else if (code)
		log_error("%s", text);
}

static int enter_group(const struct cage_spec *s, struct err *err)
{
	int r = s->groups ? cgroup_join(s->groups, s->group) : 0;

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
		{ RLIMIT_CORE, "core", 1 },             /* no core dump: see sandbox_sys.c */
		{ RLIMIT_NOFILE, "nofile", l->nofile },
		{ RLIMIT_MEMLOCK, "memlock", l->memlock },
		{ RLIMIT_NPROC, "nproc", l->nproc },
		{ RLIMIT_STACK, "stack", l->stack },
		{ RLIMIT_FSIZE, "fsize", l->fsize ? l->fsize : RLIM_INFINITY },
		{ RLIMIT_MSGQUEUE, "msgqueue", 0 },
		{ RLIMIT_RTPRIO, "rtprio", 0 },
		{ RLIMIT_NICE, "nice", 0 },
	};

	/* who meets it hears EFBIG, and a guest's TPM says that it failed: it need not end for that */
	if (l->fsize)
		signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit v = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].what, &v) < 0)
			return err_sys(err, -errno, "cage: limit '%s' of %llu", limits[i].name,
				       (unsigned long long)limits[i].value);
	}
	return 0;
}

/*
 * The user namespace comes last, with the uid already taken, so that mounts
 * and network belong to the outside and nothing in here has a say over them.
 * An unprivileged process may map its own id, for which it has to own its
 * files in /proc: hence dumpable, for as long as that takes.
 */
static int enter_user(const struct cage_spec *s, int proc, struct err *err)
{
	char map[48];
	int r;

	/* the real gid differs from the effective one, so that exec leaves it not dumpable: no ptrace */
	if (setgroups(0, NULL) < 0 || setresgid(NOGROUP, s->uid, s->uid) < 0 ||
	    setresuid(s->uid, s->uid, s->uid) < 0)
		return err_sys(err, -errno, "cage: becoming uid %u", s->uid);
	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(err, -errno, "cage: user namespace");
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "cage: dumpable");
	snprintf(map, sizeof(map), "%u %u 1", s->uid, s->uid);
	r = put_text(proc, "setgroups", "deny");
	if (r == 0)
		r = put_text(proc, "gid_map", map);
	if (r == 0)
		r = put_text(proc, "uid_map", map);
	if (r < 0)
		return err_sys(err, r, "cage: mapping uid %u", s->uid);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, -errno, "cage: dumpable");
	return 0;
}

static int enter_root(const struct cage_spec *s, int *ret_proc, struct err *err)
{
	/* /proc of the outside: this process as the host numbers it. */
	*ret_proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_proc < 0)
		return err_sys(err, -errno, "cage: /proc");
	if (sethostname("guest", 5) < 0)
		return err_sys(err, -errno, "cage: host name");
	return root_enter(s, err);
}

/* What else it may do to files by path: it writes its state, if it has one, and /dev/null. */
static int enter_landlock(const struct cage_spec *s, struct err *err)
{
	static const struct sandbox_path paths[] = {
		{ .path = "/", .access = SANDBOX_READ | SANDBOX_EXECUTE },
		{ .path = "/dev", .access = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_DEVICES },
		{ .path = CAGE_STATE, .access = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE },
	};

	return sandbox_landlock(paths, s->state ? 3 : 2, s->host_net, err);
}

static int set_label(const struct cage_spec *s, int proc, struct err *err)
{
	int r = s->label ? label_next(proc, "exec", s->label, !s->label_optional) : 0;

	return r < 0 ? err_sys(err, r, "cage: SELinux label %s", s->label) : 0;
}

/* Here at last: a server that does not answer stops nobody but this guest. */
static int open_parcels(const struct cage_spec *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->n_copies && r == 0; i++)
		r = parcel_unwrap(s->copies[i].fd);
	for (size_t i = 0; i < s->n_fds && r == 0; i++)
		r = s->fds[i].image ? parcel_unwrap(s->fds[i].fd) : 0;
	return r < 0 ? err_sys(err, r, "cage: image") : 0;
}

/* fds[0] is the argument socket under its current number, for a report if a step fails. */
static int build(const struct cage_spec *s, int fds[2], struct err *err)
{
	const size_t skip = fds[0] < 0;
	sigset_t none;
	int r;

	umask(077);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);   /* launch's event loop had some blocked */
	r = enter_group(s, err);
	if (r == 0)
		r = open_parcels(s, err);
	if (r == 0)
		r = enter_root(s, &fds[1], err);
	if (r == 0)   /* under launch's limit: until then we have all that it holds of its guests */
		r = cage_place_fds(s->fds, s->n_fds, fds + skip, 2 - skip, err);
	if (r == 0)   /* while we may still raise one */
		r = set_limits(&s->limits, err);
	if (r == 0)
		r = enter_user(s, fds[1], err);
	if (r == 0)   /* the new namespace gave the bounding set back: drop it again */
		r = sandbox_drop_caps(0, err);
	if (r == 0)
		r = set_label(s, fds[1], err);
	if (r == 0)
		r = enter_landlock(s, err);
	fd_close(&fds[1]);
	return r;
}

void cage_child_run(const struct cage_spec *spec)
{
	struct err err = { 0 };
	int fds[2] = { spec->args_fd, -1 }, r;

	r = build(spec, fds, &err);
	if (r == 0) {
		report(fds[0], 0, "");
		r = cage_child_exec(spec, fds[0], &err);
	}
	report(fds[0], r, err.text);
	_exit(EXIT_CAGE);
}
