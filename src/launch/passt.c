/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One caged passt for each interface of type user: the guest's network without the host's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/launch.h"
#include "sandbox/execargs.h"

#define PASST_FD 3     /* the socket to QEMU, inside */

static int build_template(struct err *err)
{
	char dir[PATH_MAX];
	int n;

	if (launch.passt_built && root_is_current(&launch.passt))
		return 0;
	n = snprintf(dir, sizeof(dir), "%s/root-passt", launch.conf.run_dir);
	if (n < 0 || (size_t)n >= sizeof(dir))
		return err_set(err, -ENAMETOOLONG, ERR_INTERNAL_ERROR, "run_dir is too long");
	if (launch.passt_built)
		root_drop(&launch.passt);
	launch.passt_built = false;
	n = root_build(ROOT_PASST, dir, &launch.passt, err);
	if (n)
		return err_prefix(err, n, "<interface type='user'> needs passt (package passt)");
	launch.passt_built = true;
	return 0;
}

/* passt's whole argument list is ours; nothing of the guest's definition is in it. */
static int send_args(int fd, struct err *err)
{
	static const char *const args[] = {
		"--foreground", "--stderr", "--quiet", "--one-off",
		"--no-map-gw",      /* the gateway's address is not the host's loopback */
		"--fd", "3",
	};
	CLEAN_BUF struct buf b;
	int rc;

	buf_init(&b, EXECARGS_BYTES_MAX);
	rc = execargs_encode(args, sizeof(args) / sizeof(args[0]), &b, err);
	return rc ? rc : fd_write_all(fd, b.data, b.len);
}

/* `qemu_end` of a pair belongs to QEMU; passt gets the other end, returned here by cage_spawn. */
int passt_start(struct cell *c, int passt_end, struct err *err)
{
	struct cage_fd fds[] = { { passt_end, PASST_FD }, { 2, 2 } };
	struct cage_spec spec = {
		.name = c->host_name, .host_net = true, .root = &launch.passt,
		.uid = c->uid + LEDGER_UID_PASST, .gid = c->uid + LEDGER_UID_PASST,
		.fds = fds, .n_fds = 2, .limits = CAGE_LIMITS_PASST,
	};
	CLEAN_FD int ours = -1;
	struct cage cage;
	int pair[2], rc;

	if (c->n_passt == GUEST_NICS_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "more than %u interfaces of type user", GUEST_NICS_MAX);
	rc = build_template(err);
	if (rc)
		return rc;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, -errno, "passt");
	ours = pair[0];
	spec.args_fd = pair[1];
	rc = cage_spawn(&spec, &cage, err);
	fd_close(&pair[1]);
	if (rc)
		return rc;
	fd_close(&cage.pidfd);
	rc = watched_open(&c->passt[c->n_passt], cage.pid, 0);
	if (rc)
		return err_sys(err, rc, "passt");
	c->n_passt++;
	rc = send_args(ours, err);
	return rc ? err_sys(err, rc, "passt: arguments") : 0;
}
