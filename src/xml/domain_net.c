/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <interface> */
#include "xml/domain_tables.h"

static bool is_network(const void *obj)
{
	return ((const struct dom_net *)obj)->type == DOM_NET_TYPE_NETWORK;
}

static bool is_bridge(const void *obj)
{
	return ((const struct dom_net *)obj)->type == DOM_NET_TYPE_BRIDGE;
}

static bool is_user(const void *obj)
{
	return ((const struct dom_net *)obj)->type == DOM_NET_TYPE_USER;
}

static const struct xml_row net_rows[] = {
	{ "@type", XML_F(dom_net, type), .flags = XML_REQUIRED },
	{ "mac/@address", XML_F(dom_net, mac), XML_SET(dom_net, mac_set), .kind = XML_MAC },
	{ "source/@network", XML_F(dom_net, source), .flags = XML_REQUIRED,
	  .only_if = is_network },
	{ "source/@bridge", XML_F(dom_net, source), .flags = XML_REQUIRED, .only_if = is_bridge },
	/* a running guest's port on a network, and the bridge behind it */
	{ "source/@portid", .kind = XML_NOTHING, .mode = XML_OUT, .only_if = is_network },
	{ "source/@bridge", .kind = XML_NOTHING, .mode = XML_OUT, .only_if = is_network },
	{ "target/@dev", XML_F(dom_net, target_dev) },
	{ "model/@type", XML_F(dom_net, model) },
	{ "backend/@type", XML_F(dom_net, backend), .only_if = is_user },
	{ "link/@state", XML_F(dom_net, link) },
	{ "mtu/@size", XML_F(dom_net, mtu), .min = 68, .max = 65535 },
	XML_ROW_BOOT(dom_net),
	XML_ROW_ALIAS(dom_net),
	XML_ROWS_ROM(dom_net),
	XML_ROW_ADDRESS(dom_net),
};

static int net_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_net *net = obj;

	if (net->mac_set && net->mac[0] & 1)
		return xml_refuse(b, node, "the MAC address is a multicast address; "
				  "a card needs a unicast address like 52:54:00:12:34:56");
	return 0;
}

const struct xml_table xml_net_table = XML_TABLE(dom_net, net_rows, .check = net_check);
