/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Console, picture and viewer of a running guest: descriptors that cordon-vm makes. */
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/vmlink.h"
#include "proto/vm.x.h"

/* virDomainConsoleFlags, virDomainOpenGraphicsFlags */
#define CONSOLE_FORCE 1u
#define CONSOLE_SAFE 2u
#define GRAPHICS_SKIPAUTH 1u

static void passed_fd(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;

	if (r->rc)
		core_refuse_reply(call, r);
	else
		ipc_reply(call, NULL, r->fds, 1);
}

static int open_chardev(struct ipc_call *call, struct guest *g, const char *alias, bool force)
{
	struct vm_device_args dev = { .device = (char *)(uintptr_t)alias, .force = force,
				      .peer = (char *)(uintptr_t)"" };
	struct ipc_chan *vm = vmlink_chan(g, &call->err);

	if (!vm)
		return -EAGAIN;
	if (strlen(alias) > DOM_WORD_MAX)
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "device name too long");
	return vm_call_console(vm, &dev, NULL, 0, passed_fd, call);
}

int remote_on_domain_open_console(struct ipc_call *call,
				  const struct remote_domain_open_console_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	int rc = g ? args_flags(call, args->flags, CONSOLE_FORCE | CONSOLE_SAFE) : -EINVAL;

	return rc ? rc : open_chardev(call, g, args->dev_name ? args->dev_name : "",
				      args->flags & CONSOLE_FORCE);
}

/* By alias or by the name the guest sees; "": the first one. */
static const char *channel_alias(const struct domain *d, const char *name)
{
	for (uint32_t i = 0; i < d->n_channels; i++) {
		const struct dom_chr *c = &d->channels[i];

		if (c->info.alias && (!name[0] || !strcmp(c->info.alias, name) ||
				      (c->target_name && !strcmp(c->target_name, name))))
			return c->info.alias;
	}
	return NULL;
}

int remote_on_domain_open_channel(struct ipc_call *call,
				  const struct remote_domain_open_channel_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	const char *name = args->name ? args->name : "", *alias;
	int rc = g ? args_flags(call, args->flags, CONSOLE_FORCE) : -EINVAL;

	if (rc)
		return rc;
	alias = channel_alias(&g->run->rec.live, name);
	if (!alias)
		return err_set(&call->err, -ENODEV, ERR_INTERNAL_ERROR,
			       "domain '%s' has no channel %.255s", g->name, name);
	return open_chardev(call, g, alias, args->flags & CONSOLE_FORCE);
}

static void shot(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;
	const struct vm_screenshot_ret *v = r->ret;
	struct remote_domain_screenshot_ret ret;

	if (r->rc) {
		core_refuse_reply(call, r);
		return;
	}
	ret.mime = v->mime;
	ipc_reply(call, &ret, r->fds, 1);
}

int remote_on_domain_screenshot(struct ipc_call *call,
				const struct remote_domain_screenshot_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	struct vm_device_args dev = { .device = (char *)(uintptr_t)"",
				      .peer = (char *)(uintptr_t)"", .screen = args->screen };
	struct ipc_chan *vm;
	int rc = g ? args_flags(call, args->flags, 0) : -EINVAL;

	if (rc)
		return rc;
	vm = vmlink_chan(g, &call->err);
	return vm ? vm_call_screenshot(vm, &dev, NULL, 0, shot, call) : -EAGAIN;
}

int remote_on_domain_open_graphics_fd(struct ipc_call *call,
				      const struct remote_domain_open_graphics_fd_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	struct vm_device_args dev = { .device = (char *)(uintptr_t)"",
				      .peer = (char *)(uintptr_t)"" };
	struct ipc_chan *vm;
	int rc = g ? args_flags(call, args->flags, GRAPHICS_SKIPAUTH) : -EINVAL;

	if (rc)
		return rc;
	if (args->idx >= g->run->rec.live.n_graphics)
		return err_set(&call->err, -EINVAL, ERR_INTERNAL_ERROR,
			       "domain '%s' has no graphics device %u", g->name, args->idx);
	dev.skip_auth = args->flags & GRAPHICS_SKIPAUTH;
	vm = vmlink_chan(g, &call->err);
	return vm ? vm_call_viewer(vm, &dev, NULL, 0, passed_fd, call) : -EAGAIN;
}
