/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-conf: reads cordond.conf for cordond, so that no parser runs with
 * privilege. It opens the file, /etc/passwd and /etc/group for names and what
 * the machine calls itself, gives everything else up, parses, says what it found and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/cli.h"
#include "conf/load.h"
#include "conf/read.h"
#include "conf/selinux.h"
#include "conf/uids.h"
#include "conf/uuid.h"
#include "ipc/serve.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FD_CHANNEL 3
#define ARENA_MAX (16u << 20)

static bool asked, loaded;

/* From here on nothing can be opened, and the uid is one that owns nothing. */
static int enter(const char *root, int file, int lock, uint32_t uid, struct err *err)
{
	int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const int keep[] = { STDERR_FILENO, FD_CHANNEL, file, lock };
	const struct sandbox_profile profile = {
		.name = "conf", .policy = &sandbox_policy_conf, .uid = uid, .gid = uid,
		.root_fd = root_fd, .keep_fds = keep, .n_keep_fds = sizeof(keep) / sizeof(keep[0]),
		.nofile = 64,
	};

	return root_fd < 0 ? err_sys(err, -errno, "%s", root) : sandbox_enter(&profile, err);
}

static int find_host_uuid(const char *firmware, const char *machine_id, const char *instance,
			  struct config *cfg, struct err *err)
{
	static const uint8_t none[sizeof(cfg->host_uuid)];

	if (memcmp(cfg->host_uuid, none, sizeof(none)) != 0 ||
	    conf_uuid_of_host(firmware, machine_id, instance, cfg->host_uuid) == 0)
		return 0;
	log_warn("this host has no UUID and gets one at every start; set host_uuid");
	if (getrandom(cfg->host_uuid, sizeof(none), 0) != sizeof(none))
		return err_sys(err, -EIO, "random numbers");
	return 0;
}

/* One of the policy's lists of contexts, or NULL on a host without a policy. */
static const char *read_contexts(const char *list)
{
	char path[PATH_MAX];

	if (conf_selinux_path(conf_read_names("/etc/selinux/config", NULL), list, path) < 0)
		return NULL;
	return conf_read_names(path, NULL);
}

static int load(const struct conf_load_args *args, struct conf_load *l, struct config *ret,
		int *ret_lock, struct err *err)
{
	/* the first is root's to read */
	const char *firmware = conf_read_names("/sys/class/dmi/id/product_uuid", NULL);
	const char *machine_id = conf_read_names("/etc/machine-id", NULL);
	const char *process_contexts = read_contexts("virtual_domain_context");
	const char *image_contexts = read_contexts("virtual_image_context");
	int fd = conf_open(args->path, args->must_exist, err);
	struct config uids = { 0 };
	uint32_t base = 0;
	int r = 0;

	l->passwd = fd < 0 ? NULL : conf_read_names("/etc/passwd", err);
	l->group = l->passwd ? conf_read_names("/etc/group", err) : NULL;
	if (!l->arena || !l->group)
		return -EIO;
	if (args->instance[0])
		r = uids_claim(args->instance, args->state, &base, ret_lock, err);
	if (r == 0)
		r = conf_load_uids(l, base, &uids, err);
	if (r == 0)
		r = enter(args->empty_root, fd, *ret_lock, uids.uid_conf, err);
	if (r < 0)
		return r;
	l->text = conf_read_text(fd, args->path, &l->len, err);
	r = l->text ? conf_load(l, ret, err) : -EIO;
	if (r == 0)
		r = conf_load_uids(l, base, ret, err);
	if (r == 0)
		r = find_host_uuid(firmware, machine_id, args->instance, ret, err);
	if (r == 0)
		r = conf_selinux_types(process_contexts, l->arena, &ret->selinux_process_types,
				       &ret->n_selinux_process_types);
	/* of selinux/cordon.cil, for type='none'; launch gives it to nobody unless it is here */
	if (r == 0 && !ret->security_require_confined && ret->n_selinux_process_types &&
	    ret->n_selinux_process_types < CONF_LIST_MAX)
		ret->selinux_process_types[ret->n_selinux_process_types++] =
			(char *)(uintptr_t)"cordon_unconfined_t";
	if (r == 0)
		r = conf_selinux_types(image_contexts, l->arena, &ret->selinux_image_types,
				       &ret->n_selinux_image_types);
	return r;
}

int conf_on_load(struct ipc_call *call, const struct conf_load_args *args)
{
	struct conf_load l = {
		.file = args->path, .instance = args->instance, .arena = arena_new(ARENA_MAX),
	};
	struct config cfg;
	int lock = -1;

	if (load(args, &l, &cfg, &lock, &call->err) < 0)
		fprintf(stderr, "%s\n", call->err.text);
	else
		loaded = starter_send_config_fds(call->ch, &cfg, &lock, lock >= 0) == 0;
	asked = true;
	return ipc_reply(call, NULL, NULL, 0);
}

int main(int argc, char **argv)
{
	struct ipc_chan ch;

	log_open("conf", LOG_LEVEL_WARN, &ipc_req);
	if (argc > 1)
		return conf_cli(argc, argv);
	ipc_chan_init(&ch, FD_CHANNEL, "cordond", IPC_ROOM_CORDOND);
	ch.serves[0] = &conf_server;
	return ipc_wait(&ch, &asked, -1) == 0 && loaded ? EXIT_SUCCESS : EXIT_FAILURE;
}
