/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xml/domain.h"

#include <errno.h>
#include <string.h>

#include "xml/domain_tables.h"

#define MEMORY_KIB_MAX (1ULL << 40)

bool domain_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DOM_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] == '/' || (unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return true;
}

static bool cpuset_ok(const char *s)
{
	return s[strspn(s, "0123456789,-^")] == '\0';
}

static void id_format(struct xml_binder *b, const void *obj)
{
	const struct domain_live *live = b->user;

	(void)obj;
	if (b->live)
		xml_attr_f(b->w, "id", "%d", live->id);
}

#define DEVICES(name, field, table) { "devices/" name, XML_F(domain, field), .sub = &(table) }

static const struct xml_row domain_rows[] = {
	{ "@type", XML_F(domain, type), .flags = XML_REQUIRED },
	{ "@id", .kind = XML_HOOK, .mode = XML_OUT, .format = id_format },
	{ "name", XML_F(domain, name), .flags = XML_REQUIRED, .text_ok = domain_name_ok,
	  .text_rule = "cannot be a name: no '/', no line breaks, not '.' or '..'" },
	{ "uuid", XML_F(domain, uuid), .kind = XML_UUID },
	{ "title", XML_F(domain, title), .mode = XML_DESCRIPTION },
	{ "description", XML_F(domain, description), .mode = XML_DESCRIPTION },
	{ "metadata", XML_F(domain, metadata), .kind = XML_RAW, .mode = XML_DESCRIPTION },
	{ "memory", XML_F(domain, memory_kib), .kind = XML_MEMORY, .flags = XML_REQUIRED,
	  .min = 1, .max = MEMORY_KIB_MAX },
	{ "currentMemory", XML_F(domain, current_memory_kib), .kind = XML_MEMORY,
	  .max = MEMORY_KIB_MAX },
	{ "vcpu/@placement", XML_F(domain, vcpu_placement) },
	{ "vcpu/@cpuset", XML_F(domain, vcpu_cpuset), .text_ok = cpuset_ok,
	  .text_rule = "is not a list of processors like '0-3,^2'" },
	{ "vcpu/@current", XML_F(domain, vcpus_current), .min = 1, .max = DOM_VCPUS_MAX },
	{ "vcpu", XML_F(domain, vcpus), .min = 1, .max = DOM_VCPUS_MAX },
	{ "resource/partition", XML_F(domain, resource_partition) },
	{ "os", XML_F(domain, os), .sub = &xml_os_table, .flags = XML_REQUIRED },
	{ "features", XML_F(domain, features), .sub = &xml_features_table },
	{ "cpu", XML_F(domain, cpu), .sub = &xml_cpu_table },
	{ "clock", XML_F(domain, clock), .sub = &xml_clock_table },
	{ "on_poweroff", XML_F(domain, on_poweroff) },
	{ "on_reboot", XML_F(domain, on_reboot) },
	{ "on_crash", XML_F(domain, on_crash) },
	{ "pm/suspend-to-mem/@enabled", XML_F(domain, pm.suspend_to_mem) },
	{ "pm/suspend-to-disk/@enabled", XML_F(domain, pm.suspend_to_disk) },
	{ "devices/emulator", XML_F(domain, emulator) },
	DEVICES("disk", disks, xml_disk_table),
	DEVICES("controller", controllers, xml_controller_table),
	DEVICES("interface", nets, xml_net_table),
	DEVICES("serial", serials, xml_serial_table),
	DEVICES("console", consoles, xml_console_table),
	DEVICES("channel", channels, xml_channel_table),
	DEVICES("input", inputs, xml_input_table),
	DEVICES("tpm", tpms, xml_tpm_table),
	DEVICES("graphics", graphics, xml_graphics_table),
	DEVICES("audio", audios, xml_audio_table),
	DEVICES("video", videos, xml_video_table),
	DEVICES("watchdog", watchdogs, xml_watchdog_table),
	DEVICES("memballoon", balloon, xml_balloon_table),
	DEVICES("rng", rngs, xml_rng_table),
	DEVICES("panic", panics, xml_panic_table),
	{ "seclabel", XML_F(domain, seclabels), .sub = &xml_seclabel_table },
};

static bool is_coredump(uint32_t action)
{
	return action == DOM_ACTION_COREDUMP_DESTROY || action == DOM_ACTION_COREDUMP_RESTART;
}

static int domain_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct domain *d = obj;

	if (d->current_memory_kib > d->memory_kib)
		return xml_refuse(b, node, "<currentMemory> is larger than <memory>; lower it or "
				  "remove it");
	if (d->vcpus_current > (d->vcpus ? d->vcpus : 1))
		return xml_refuse(b, node, "<vcpu current='%u'> is more than the %u there are",
				  d->vcpus_current, d->vcpus ? d->vcpus : 1);
	if (is_coredump(d->on_poweroff) || is_coredump(d->on_reboot))
		return xml_refuse(b, node, "coredump-destroy and coredump-restart are for "
				  "<on_crash> only");
	return xml_seclabels_check(b, node, d);
}

static const struct xml_table domain_table = XML_TABLE(domain, domain_rows,
						       .check = domain_check);

int domain_xml_parse(const char *xml, size_t len, unsigned flags, struct arena *a,
		     struct domain *ret, struct err *err)
{
	struct xml_binder b = { .arena = a, .err = err };
	struct xml_node *root;
	struct domain *d;
	int r;

	if (flags)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "unsupported flags (0x%x)", flags);
	r = xml_parse(xml, len, "metadata", a, &root, err);
	if (r)
		return r;
	if (strcmp(root->name, "domain") != 0)
		return err_set(err, -EINVAL, ERR_XML_ERROR, "XML error: the document is a "
			       "<%.100s>, not a <domain>", root->name);
	d = arena_alloc(a, sizeof(*d));
	if (!d)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "the document needs too much memory");
	r = xml_bind_parse(&b, &domain_table, root, d);
	if (r == 0)
		*ret = *d;
	return r;
}

int domain_xml_format(const struct domain *d, const struct domain_live *live, unsigned flags,
		      struct buf *out, struct err *err)
{
	struct xml_writer w;
	struct xml_binder b = { .err = err, .w = &w, .user = live };
	int ret;

	if (flags & ~(unsigned)(DOMAIN_XML_SECURE | DOMAIN_XML_INACTIVE | DOMAIN_XML_MIGRATABLE))
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "unsupported flags (0x%x)", flags);
	b.live = live && !(flags & (DOMAIN_XML_INACTIVE | DOMAIN_XML_MIGRATABLE));
	b.secure = flags & DOMAIN_XML_SECURE;
	xml_writer_init(&w, out);
	xml_open(&w, "domain");
	xml_touch(&w);
	xml_bind_format(&b, &domain_table, d);
	xml_close(&w);
	ret = xml_writer_finish(&w);
	if (ret)
		return err_set(err, ret, ret == -ENOMEM ? ERR_NO_MEMORY : ERR_INTERNAL_ERROR,
			       "cannot write the XML of guest '%s': %s", d->name, strerror(-ret));
	return 0;
}
