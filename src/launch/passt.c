/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One caged passt for each interface of type user: the guest's network without the host's. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/launch.h"

#define PASST_FD 3     /* the socket to QEMU, inside */
#define PASST_NAMES "169.254.1.1"   /* a guest's name server, where the host's is on its loopback */
#define PASST_TYPE "cordon_passt_t"

int helper_start(struct cell *c, struct watched *w, struct cage_spec *spec, const char *type,
		 struct err *err)
{
	char label[LABEL_SIZE] = "";
	pid_t pid;
	int rc;

	label_compose(launch.label, type, c->label, label);
	spec->label = label;
	spec->label_optional = true;
	spec->groups = &launch.cgroups;
	spec->group = c->dir_name;
	spec->args_fd = -1;
	spec->audit = launch.conf.log_level == LOG_LEVEL_DEBUG;
	pid = cage_spawn(spec, err);
	spec->label = NULL;     /* it was ours */
	if (pid < 0)
		return pid;
	rc = watched_open(w, pid, 0);
	return rc ? err_sys(err, rc, "%s", spec->root->path) : 0;
}

int passt_start(struct cell *c, int fd, int log, struct err *err)
{
	/* the whole list is ours; nothing of the guest's definition is in it */
	const char *const args[] = {
		"--foreground", "--stderr", "--quiet", "--one-off",
		"--no-map-gw",      /* the gateway's address is not the host's loopback; see hostwall_raise() */
		"--fd", "3", launch.resolver ? "--dns-forward" : NULL, PASST_NAMES, NULL,
	};
	CLEAN_FD int names = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	const struct cage_fd fds[] = { { fd, PASST_FD }, { log, 2 } };
	char text[INET_ADDRSTRLEN], head[128];
	struct root_copy copy = { .fd = names, .name = "resolv.conf" };
	struct cage_spec spec = {
		.host_net = true, .uid = c->uid + GUEST_UID_PASST, .copies = &copy, .n_copies = names >= 0,
		.fds = fds, .n_fds = 2, .limits = CAGE_LIMITS_PASST, .args = args,
	};
	int rc;

	/*
	 * passt forwards to the first name server of resolv.conf, and tells the guest of those that are
	 * not on the loopback (its conf.c, get_dns()): it has to find both addresses.
	 */
	if (launch.resolver) {
		(void)inet_ntop(AF_INET, &launch.resolver, text, sizeof(text));
		snprintf(head, sizeof(head), "nameserver %s\nnameserver " PASST_NAMES "\n", text);
		copy.head = head;
	}
	if (!launch.host_closed)
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "<interface type='user'>: nothing keeps the guest from this host's own services here, "
			       "which needs cgroup v2 (see cordon-launch's first lines in the log)");
	if (c->n_helpers == 1 + GUEST_NICS_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "more than %u interfaces of type user", GUEST_NICS_MAX);
	rc = template_of(ROOT_PASST, "root-passt", &spec.root, err);
	if (rc)
		return err_prefix(err, rc, "<interface type='user'> needs passt (package passt)");
	rc = helper_start(c, &c->helpers[c->n_helpers], &spec, PASST_TYPE, err);
	if (!rc)
		c->n_helpers++;
	return rc;
}
