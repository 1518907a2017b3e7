/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network interfaces: model, MAC, what is refused. */
#include "hv/qemu/priv.h"

static const char *const models[] = { "virtio", "e1000", "e1000e", "rtl8139", NULL };

static int default_mac(struct plan_ctx *c, struct dom_net *net)
{
	int r;

	if (!net->mac_set) {
		if (!c->env->random)
			return plan_bad(c, "an interface has no <mac>");
		r = c->env->random(c->env->ctx, net->mac + 3, 3);
		if (r < 0)
			return err_sys(c->err, r, "random bytes for a MAC address");
		net->mac[0] = 0x52;
		net->mac[1] = 0x54;
		net->mac[2] = 0x00;
		net->mac_set = true;
	}
	if (net->mac[0] & 1)
		return plan_bad(c, "interface has the multicast MAC %02x:%02x:%02x:%02x:%02x:%02x; "
				   "the first number must be even",
				net->mac[0], net->mac[1], net->mac[2], net->mac[3], net->mac[4],
				net->mac[5]);
	return 0;
}

static int one_net(struct plan_ctx *c, struct dom_net *net)
{
	int r = default_mac(c, net);

	if (r < 0)
		return r;
	if (!net->type)
		return plan_bad(c, "an interface has no type; use type='user'");
	if (net->type != DOM_NET_TYPE_USER)
		return plan_refuse(c, "interface type '%s' is not supported yet; use type='user'",
				   dom_net_type_names[net->type]);
	if (net->mtu)
		return plan_refuse(c,
				   "setting <mtu> on an interface of type 'user' is not supported");
	if (!plan_blank(net->target_dev) && strncmp(net->target_dev, "vnet", 4) != 0)
		return plan_refuse(c, "<target dev='%s'> on an interface of type 'user' is not "
				      "supported; leave it out", net->target_dev);
	net->target_dev = NULL;  /* libvirt's own name for a running guest's: it drops these, too */
	if (!plan_blank(net->backend) && strcmp(net->backend, "passt") != 0)
		return plan_refuse(c, "interface backend '%s' is not supported; use 'passt'",
				   net->backend);
	r = plan_default(c, &net->model, "rtl8139");
	if (r < 0)
		return r;
	if (!plan_known(models, net->model))
		return plan_refuse(c,
				   "interface model '%s' is not supported; use 'virtio', 'e1000', "
				   "'e1000e' or 'rtl8139'",
				   net->model);
	return 0;
}

int plan_step_nets(struct plan_ctx *c)
{
	struct domain *d = c->d;

	for (uint32_t i = 0; i < d->n_nets; i++) {
		int r = one_net(c, &d->nets[i]);

		if (r < 0)
			return r;
		for (uint32_t j = 0; j < i; j++)
			if (memcmp(d->nets[i].mac, d->nets[j].mac, 6) == 0)
				return plan_bad(c, "two interfaces have the MAC "
						   "%02x:%02x:%02x:%02x:%02x:%02x",
						d->nets[i].mac[0], d->nets[i].mac[1],
						d->nets[i].mac[2], d->nets[i].mac[3],
						d->nets[i].mac[4], d->nets[i].mac[5]);
	}
	return 0;
}
