/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One caged passt for each interface of type user: the guest's network without the host's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"
#include "sandbox/execargs.h"

#define PASST_FD 3     /* the socket to QEMU, inside */
#define PASST_TYPE "cordon_passt_t"

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

int passt_start(struct cell *c, int fd, struct err *err)
{
	const struct cage_fd fds[] = { { fd, PASST_FD }, { 2, 2 } };
	char label[LABEL_SIZE] = "";
	struct cage_spec spec = {
		.host_net = true, .uid = c->uid + GUEST_UID_PASST, .gid = c->uid + GUEST_UID_PASST,
	 .fds = fds, .n_fds = 2, .limits = CAGE_LIMITS_PASST,
		.label = label, .label_optional = true,
	};
	CLEAN_FD int ours = -1;
	struct cage cage;
	int pair[2], rc;

	if (c->s.n_passt == GUEST_NICS_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "more than %u interfaces of type user", GUEST_NICS_MAX);
	rc = template_of(ROOT_PASST, "root-passt", &spec.root, err);
	if (rc)
		return err_prefix(err, rc, "<interface type='user'> needs passt (package passt)");
	label_compose(launch.label, PASST_TYPE, c->label, label);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, -errno, "passt");
	ours = pair[0];
	spec.args_fd = pair[1];
	rc = cage_spawn(&spec, &cage, err);
	fd_close(&pair[1]);
	if (rc)
		return rc;
	fd_close(&cage.pidfd);
	rc = watched_open(&c->s.passt[c->s.n_passt], cage.pid, 0);
	if (rc)
		return err_sys(err, rc, "passt");
	c->s.n_passt++;
	rc = send_args(ours, err);
	return rc ? err_sys(err, rc, "passt: arguments") : 0;
}
