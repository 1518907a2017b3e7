/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <graphics> and <video> */
#include <errno.h>
#include <string.h>

#include "xml/domain_tables.h"

/* RFC 6143, 7.2.2: the password is a DES key; of a longer one the rest would open nothing */
#define VNC_PASSWORD_MAX 8

static bool by_address(const void *obj)
{
	const struct dom_graphics *g = obj;

	return g->listen == DOM_LISTEN_TYPE_ADDRESS || g->listen == DOM_LISTEN_TYPE_UNSET;
}

static bool by_socket(const void *obj)
{
	const struct dom_graphics *g = obj;

	return g->listen == DOM_LISTEN_TYPE_SOCKET || g->listen == DOM_LISTEN_TYPE_UNSET;
}

/*
 * An automatic port is the running guest's: the definition says -1, and a
 * number beside autoport='yes' came out of a running guest's document.
 */
static void port_format(struct xml_binder *b, const void *obj)
{
	const struct dom_graphics *g = obj;

	if (!by_address(obj))
		return;
	if (g->port > 0 && (b->live || g->autoport != DOM_YESNO_YES))
		xml_attr_f(b->w, "port", "%d", g->port);
	else if (g->autoport == DOM_YESNO_YES)
		xml_attr(b->w, "port", "-1");
}

static const struct xml_row port_rows[] = {
	{ "@port", XML_F(dom_graphics, port), .max = 65535 },
};
static const struct xml_table port_table = XML_TABLE(dom_graphics, port_rows);

static int port_parse(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const char *port = xml_take_attr(node, "port");
	struct dom_graphics *g = obj;

	if (strcmp(port, "-1") == 0) {
		g->port = -1;
		return 0;
	}
	return xml_bind_rows(b, &port_table, node, obj);
}

/* <listen> may repeat what the older attributes listen= and socket= say, not deny it. */
static int listen_value(struct xml_binder *b, struct xml_node *node, const char *name,
			const char *old_name, char **field)
{
	const char *value = xml_take_attr(node, name);

	if (!value || !*value)
		return 0;
	if (strlen(value) > DOM_PATH_MAX)
		return xml_refuse(b, node, "attribute '%s' is too long", name);
	if (*field && strcmp(*field, value) != 0)
		return xml_refuse(b, node, "%s '%.100s' is not the '%.100s' of the attribute "
				  "'%s' of <graphics>; leave one", name, value, *field, old_name);
	*field = arena_strdup(b->arena, value);
	return *field ? 0 : err_set(b->err, -ENOMEM, ERR_NO_MEMORY,
				    "the document needs too much memory");
}

static const struct xml_row listen_type_rows[] = {
	{ "@type", XML_F(dom_graphics, listen), .flags = XML_REQUIRED },
};
static const struct xml_table listen_type_table = XML_TABLE(dom_graphics, listen_type_rows);

static int listen_parse(struct xml_binder *b, struct xml_node *node, void *obj)
{
	struct dom_graphics *g = obj;
	int ret = xml_bind_rows(b, &listen_type_table, node, g);

	if (!ret && g->listen == DOM_LISTEN_TYPE_ADDRESS)
		ret = listen_value(b, node, "address", "listen", &g->address);
	if (!ret && g->listen == DOM_LISTEN_TYPE_SOCKET)
		ret = listen_value(b, node, "socket", "socket", &g->socket);
	return ret;
}

static void listen_format(struct xml_binder *b, const void *obj)
{
	const struct dom_graphics *g = obj;
	uint32_t type = g->listen ? g->listen : DOM_LISTEN_TYPE_ADDRESS;

	xml_open(b->w, "listen");
	if (type <= DOM_LISTEN_TYPE_MAX)
		xml_attr(b->w, "type", dom_listen_type_names[type]);
	if (type == DOM_LISTEN_TYPE_ADDRESS && g->address)
		xml_attr(b->w, "address", g->address);
	if (type == DOM_LISTEN_TYPE_SOCKET && g->socket)
		xml_attr(b->w, "socket", g->socket);
	xml_close(b->w);
}

static unsigned two_digits(const char *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

/* By hand: timegm() reads the time zone's file, whatever it needs it for. */
static bool is_utc(const char *s)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	static const char digits[] = "0123456789";
	static const char form[] = "0000-00-00T00:00:00";
	unsigned month;

	if (strlen(s) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? !strchr(digits, s[i]) : s[i] != form[i])
			return false;
	month = two_digits(s + 5);
	return month >= 1 && month <= 12 && two_digits(s + 8) >= 1 &&
	       two_digits(s + 8) <= days[month - 1] && two_digits(s + 11) <= 23 &&
	       two_digits(s + 14) <= 59 && two_digits(s + 17) <= 59;
}

static const struct xml_row graphics_rows[] = {
	{ "@type", XML_F(dom_graphics, type), .flags = XML_REQUIRED },
	{ "@port", .kind = XML_HOOK, .parse = port_parse, .format = port_format },
	{ "@autoport", XML_F(dom_graphics, autoport), .only_if = by_address },
	{ "@websocket", XML_F(dom_graphics, websocket), .max = 65535, .only_if = by_address },
	{ "@listen", XML_F(dom_graphics, address), .only_if = by_address },
	{ "@socket", XML_F(dom_graphics, socket), .only_if = by_socket },
	{ "@keymap", XML_F(dom_graphics, keymap) },
	{ "@sharePolicy", XML_F(dom_graphics, share_policy) },
	/* an empty one lets nobody in: it is not the same as none */
	{ "@passwd", XML_F(dom_graphics, passwd), .flags = XML_SECURE | XML_EMPTY },
	{ "@passwdValidTo", XML_F(dom_graphics, passwd_valid_to), .flags = XML_SECURE | XML_EMPTY,
	  .text_ok = is_utc, .text_rule = "is not a time (UTC) like 2030-01-31T23:59:59" },
	{ "listen", .kind = XML_HOOK, .parse = listen_parse, .format = listen_format },
};

static int graphics_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	struct dom_graphics *g = obj;

	if (g->type != DOM_GRAPHICS_TYPE_VNC)
		return xml_unsupported(b, node, "type '%s' is not supported; use type 'vnc'",
				       dom_graphics_type_names[g->type]);
	if (g->passwd && strlen(g->passwd) > VNC_PASSWORD_MAX)
		return xml_unsupported(b, node, "VNC password is %zu characters long, only %d "
				       "permitted", strlen(g->passwd), VNC_PASSWORD_MAX);
	if (g->passwd_valid_to && !g->passwd)
		return xml_refuse(b, node, "attribute 'passwdValidTo' goes with 'passwd'");
	if (g->listen == DOM_LISTEN_TYPE_UNSET)
		g->listen = g->socket ? DOM_LISTEN_TYPE_SOCKET : DOM_LISTEN_TYPE_ADDRESS;
	if (g->address && g->listen != DOM_LISTEN_TYPE_ADDRESS)
		return xml_refuse(b, node, "attribute 'listen' goes with listen type 'address'");
	if (g->socket && g->listen != DOM_LISTEN_TYPE_SOCKET)
		return xml_refuse(b, node, "attribute 'socket' goes with listen type 'socket'");
	if (g->listen != DOM_LISTEN_TYPE_ADDRESS) {
		if (g->port > 0)
			return xml_refuse(b, node, "a port goes with listen type 'address'");
		g->port = 0;
		g->autoport = DOM_YESNO_UNSET;
		return 0;
	}
	if (g->port == -1 || (g->port == 0 && g->autoport == DOM_YESNO_UNSET))
		g->autoport = DOM_YESNO_YES;
	if (g->autoport == DOM_YESNO_UNSET)
		g->autoport = DOM_YESNO_NO;
	if (g->autoport == DOM_YESNO_YES)
		g->port = -1;
	else if (g->port <= 0)
		return xml_refuse(b, node, "autoport='no' needs a port");
	return 0;
}

const struct xml_table xml_graphics_table = XML_TABLE(dom_graphics, graphics_rows,
						      .check = graphics_check);

static const struct xml_row video_rows[] = {
	{ "model/@type", XML_F(dom_video, model) },
	{ "model/@ram", XML_F(dom_video, ram) },
	{ "model/@vram", XML_F(dom_video, vram) },
	{ "model/@vgamem", XML_F(dom_video, vgamem) },
	{ "model/@heads", XML_F(dom_video, heads), .min = 1, .max = 16 },
	{ "model/@primary", XML_F(dom_video, primary) },
	{ "model/acceleration/@accel3d", XML_F(dom_video, accel3d) },
	XML_ROW_ALIAS(dom_video),
	XML_ROW_ADDRESS(dom_video),
};
const struct xml_table xml_video_table = XML_TABLE(dom_video, video_rows);
