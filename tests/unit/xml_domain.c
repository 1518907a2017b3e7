/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running guest's document, secrets, and that define takes back what dumpxml wrote. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/xdr.h"
#include "xml/domain.h"

static const char definition[] =
	"<domain type='kvm'>\n"
	"  <name>g</name>\n"
	"  <memory unit='KiB'>1024</memory>\n"
	"  <os>\n"
	"    <type>hvm</type>\n"
	"  </os>\n"
	"  <devices>\n"
	"    <disk type='file' device='disk'>\n"
	"      <source file='/srv/a.qcow2'/>\n"
	"      <target dev='vda' bus='virtio'/>\n"
	"    </disk>\n"
	"    <serial type='pty'>\n"
	"      <target type='isa-serial' port='0'/>\n"
	"    </serial>\n"
	"    <console type='pty'>\n"
	"      <target type='serial' port='0'/>\n"
	"    </console>\n"
	"    <channel type='unix'>\n"
	"      <target type='virtio' name='org.qemu.guest_agent.0'/>\n"
	"    </channel>\n"
	"    <graphics type='vnc' port='-1' autoport='yes' passwd='secret'>\n"
	"      <listen type='address'/>\n"
	"    </graphics>\n"
	"    <memballoon model='virtio'>\n"
	"      <alias name='ua-b'/>\n"
	"    </memballoon>\n"
	"  </devices>\n"
	"  <seclabel type='dynamic' model='dac' relabel='yes'/>\n"
	"</domain>\n";

static const char running[] =
	"<domain type='kvm' id='7'>\n"
	"  <name>g</name>\n"
	"  <memory unit='KiB'>1024</memory>\n"
	"  <os>\n"
	"    <type>hvm</type>\n"
	"  </os>\n"
	"  <devices>\n"
	"    <disk type='file' device='disk'>\n"
	"      <source file='/srv/a.qcow2'/>\n"
	"      <backingStore type='file'>\n"
	"        <format type='raw'/>\n"
	"        <source file='/srv/base.raw'/>\n"
	"        <backingStore/>\n"
	"      </backingStore>\n"
	"      <target dev='vda' bus='virtio'/>\n"
	"      <alias name='virtio-disk0'/>\n"
	"    </disk>\n"
	"    <serial type='pty'>\n"
	"      <source path='/dev/pts/3'/>\n"
	"      <target type='isa-serial' port='0'/>\n"
	"    </serial>\n"
	"    <console type='pty' tty='/dev/pts/3'>\n"
	"      <source path='/dev/pts/3'/>\n"
	"      <target type='serial' port='0'/>\n"
	"    </console>\n"
	"    <channel type='unix'>\n"
	"      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>\n"
	"    </channel>\n"
	"    <graphics type='vnc' port='5901' autoport='yes' listen='127.0.0.1'>\n"
	"      <listen type='address' address='127.0.0.1'/>\n"
	"    </graphics>\n"
	"    <memballoon model='virtio'>\n"
	"      <alias name='ua-b'/>\n"
	"    </memballoon>\n"
	"  </devices>\n"
	"  <seclabel type='dynamic' model='dac' relabel='yes'>\n"
	"    <label>+64055:+64055</label>\n"
	"    <imagelabel>+64055:+64055</imagelabel>\n"
	"  </seclabel>\n"
	"</domain>\n";

static void parse(const char *xml, struct arena *a, struct domain *d)
{
	struct err err = { 0 };

	if (domain_xml_parse(xml, strlen(xml), 0, a, d, &err) < 0)
		fail_msg("%s", err.text);
}

static void check(const struct domain *d, const struct domain_live *live, unsigned flags,
		  const char *want)
{
	CLEAN_BUF struct buf out;

	buf_init(&out, 65536);
	assert_int_equal(domain_xml_format(d, live, flags, &out, NULL), 0);
	assert_string_equal(buf_str(&out), want);
}

/* What the planner and a running guest add to the model. */
static void run(struct domain *d)
{
	static struct dom_image base = { DOM_DISK_SOURCE_TYPE_FILE, DOM_DISK_FORMAT_RAW,
					 (char *)"/srv/base.raw" };

	d->disks[0].info.alias = (char *)"virtio-disk0";
	d->disks[0].n_backing = 1;
	d->disks[0].backing = &base;
	d->serials[0].path = d->consoles[0].path = (char *)"/dev/pts/3";
	d->channels[0].path = (char *)"/run/guest/agent.sock";
	d->channels[0].target_state = DOM_CHR_STATE_CONNECTED;
	d->graphics[0].port = 5901;
	d->graphics[0].address = (char *)"127.0.0.1";
	d->seclabels[0].label = d->seclabels[0].imagelabel = (char *)"+64055:+64055";
}

static void test_live(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	const struct domain_live live = { .id = 7 };
	struct domain d, again;
	char *listen;

	(void)state;
	parse(definition, a, &d);
	check(&d, NULL, DOMAIN_XML_SECURE, definition);
	run(&d);
	check(&d, &live, 0, running);
	d.graphics[0].address = NULL;
	check(&d, &live, DOMAIN_XML_SECURE | DOMAIN_XML_INACTIVE, definition);
	check(&d, &live, DOMAIN_XML_SECURE | DOMAIN_XML_MIGRATABLE, definition);

	/* and back: only the definition's part stays */
	parse(running, a, &again);
	assert_null(again.disks[0].info.alias);
	assert_null(again.serials[0].path);
	assert_null(again.consoles[0].path);
	assert_null(again.seclabels[0].label);
	assert_int_equal(again.channels[0].target_state, DOM_CHR_STATE_UNSET);
	assert_int_equal(again.graphics[0].port, -1);
	assert_string_equal(again.balloon->info.alias, "ua-b");
	listen = again.graphics[0].address;
	assert_string_equal(listen, "127.0.0.1");
}

static void test_secret(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	CLEAN_BUF struct buf out;
	struct domain d;

	(void)state;
	buf_init(&out, 65536);
	parse(definition, a, &d);
	assert_int_equal(domain_xml_format(&d, NULL, 0, &out, NULL), 0);
	assert_null(strstr(buf_str(&out), "secret"));
}

static void test_untouched(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	struct domain d, same;
	struct err err = { 0 };

	(void)state;
	memset(&d, 0x5a, sizeof(d));
	same = d;
	assert_int_equal(domain_xml_parse("<domain/>", 9, 0, a, &d, &err), -EINVAL);
	assert_memory_equal(&d, &same, sizeof(d));
	assert_int_equal(domain_xml_parse(definition, strlen(definition), 1, a, &d, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARG);
}

static void test_small(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(4096), *big = arena_new(DOMAIN_XML_ARENA_MAX);
	CLEAN_BUF struct buf out;
	struct err err = { 0 };
	struct domain d;

	(void)state;
	assert_int_equal(domain_xml_parse(definition, strlen(definition), 0, a, &d, &err), -ENOMEM);
	buf_init(&out, 100);
	parse(definition, big, &d);
	assert_int_equal(domain_xml_format(&d, NULL, 0, &out, &err), -E2BIG);
	assert_int_equal(domain_xml_format(&d, NULL, 4, &out, &err), -EINVAL);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(domain_name_ok("a b"));
	assert_true(domain_name_ok("..."));
	assert_false(domain_name_ok(""));
	assert_false(domain_name_ok("."));
	assert_false(domain_name_ok(".."));
	assert_false(domain_name_ok("a/b"));
	assert_false(domain_name_ok("a\n"));
	assert_false(domain_name_ok("a\x7f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live), cmocka_unit_test(test_secret),
		cmocka_unit_test(test_untouched), cmocka_unit_test(test_small),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
