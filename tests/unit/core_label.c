/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which label: every row of docs/svirt.md, from facts and definitions; no policy is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/label.h"

#define SVIRT "system_u:system_r:svirt_t:s0"
#define IMAGE "system_u:object_r:svirt_image_t:s0"
#define CONTENT "system_u:object_r:virt_content_t:s0"
#define PAIR ":c7,c9"
#define TEXT(s) ((char *)(uintptr_t)(s))

static struct arena *arena;
static struct err err;
static struct config conf;
static struct host_selinux host;
static struct domain dom;
static struct dom_seclabel labels[2];
static struct dom_disk disk;
static struct disk_image image;

/* Before each test: a host like Debian's, a guest without wishes, a private disk. */
static int setup(void **state)
{
	static struct host_boolean booleans[] = {
		{ .name = TEXT("virt_use_nfs"), .on = false },
		{ .name = TEXT("virt_use_execmem"), .on = false },
	};

	(void)state;
	arena = arena_new(1 << 20);
	err = (struct err){ 0 };
	conf = (struct config){ .security_default_confined = true, .security_require_confined = true };
	host = (struct host_selinux){
		.enforcing = true, .mls = true, .policy = TEXT("default"), .process = TEXT(SVIRT),
		.image = TEXT(IMAGE), .content = TEXT(CONTENT), .categories = 1024,
		.booleans = booleans, .n_booleans = 2,
	};
	memset(labels, 0, sizeof(labels));
	dom = (struct domain){ .name = TEXT("g"), .type = DOM_TYPE_KVM, .seclabels = labels };
	disk = (struct dom_disk){ .path = TEXT("/i/a.img") };
	image = (struct disk_image){ .path = TEXT("/i/a.img"), .write = true, .labels = true,
				     .label = TEXT("system_u:object_r:virt_image_t:s0"),
				     .fs = TEXT("ext4") };
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct label_choice choose(void)
{
	struct label_choice c;

	if (label_choose(&dom, &host, &conf, arena, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void refused(const struct host_selinux *h, const char *why)
{
	struct label_choice c;

	assert_int_equal(label_choose(&dom, h, &conf, arena, &c, &err), -ENOTSUP);
	assert_int_equal(err.code, ERR_CONFIG_UNSUPPORTED);
	if (!strstr(err.text, why))
		fail_msg("'%s' is not in '%s'", why, err.text);
}

static void seclabel(const char *type, const char *label)
{
	labels[0] = (struct dom_seclabel){ .type = TEXT(type), .model = TEXT("selinux"),
					   .label = TEXT(label) };
	dom.n_seclabels = 1;
}

/* ---- the guest ---- */

static void test_dynamic(void **state)
{
	struct label_choice c = choose();

	(void)state;
	assert_int_equal(c.mode, LABEL_DYNAMIC);
	assert_string_equal(c.base, SVIRT);
	assert_true(c.relabel);
	assert_false(c.fixed);
	/* said aloud it is the same; another model's element says nothing about it */
	seclabel("dynamic", NULL);
	assert_string_equal(choose().base, SVIRT);
	labels[0].model = TEXT("dac");
	assert_int_equal(choose().mode, LABEL_DYNAMIC);
}

static void test_emulated(void **state)
{
	(void)state;
	dom.type = DOM_TYPE_QEMU;
	assert_string_equal(choose().base, SVIRT);
	host.process_tcg = TEXT("system_u:system_r:svirt_tcg_t:s0");
	assert_string_equal(choose().base, host.process_tcg);
	dom.type = DOM_TYPE_KVM;
	assert_string_equal(choose().base, SVIRT);
}

static void test_base(void **state)
{
	(void)state;
	seclabel("dynamic", NULL);
	labels[0].baselabel = TEXT("user_u:user_r:svirt_t:s3");
	assert_string_equal(choose().base, "user_u:user_r:svirt_t:s3");
	assert_false(choose().fixed);
	/* a level that is left out is the policy's */
	labels[0].baselabel = TEXT("user_u:user_r:svirt_t");
	assert_string_equal(choose().base, "user_u:user_r:svirt_t:s0");
	labels[0].baselabel = TEXT("user_u:user_r:svirt_t:s0:c1");
	refused(&host, "categories");
	labels[0].baselabel = TEXT("user_u:user_r:unconfined_t:s0");
	refused(&host, "static_label_types");
}

static void test_static(void **state)
{
	struct label_choice c;

	(void)state;
	seclabel("static", SVIRT ":c1,c2");
	c = choose();
	assert_int_equal(c.mode, LABEL_STATIC);
	assert_string_equal(c.base, SVIRT ":c1,c2");
	assert_true(c.fixed);
	assert_false(c.share);
	assert_false(c.relabel);           /* libvirt's default for a static label */
	labels[0].relabel = DOM_YESNO_YES;
	assert_true(choose().relabel);
	conf.static_label_sharing = true;
	assert_true(choose().share);
	/* MLS */
	labels[0].label = TEXT("system_u:system_r:svirt_t:s3-s15:c0.c255");
	assert_string_equal(choose().base, labels[0].label);
}

static void test_types(void **state)
{
	char *more[] = { TEXT("other_t"), TEXT("mine_t") };

	(void)state;
	seclabel("static", "system_u:system_r:mine_t:s0:c1,c2");
	refused(&host, "'mine_t'");
	refused(&host, "static_label_types");
	conf.static_label_types = more;
	conf.n_static_label_types = 1;
	refused(&host, "'mine_t'");
	conf.n_static_label_types = 2;
	assert_int_equal(choose().mode, LABEL_STATIC);
	/* a name that only begins alike is another */
	labels[0].label = TEXT("system_u:system_r:mine_too_t:s0");
	refused(&host, "'mine_too_t'");
	labels[0].label = TEXT("system_u:system_r:mine:s0");
	refused(&host, "'mine'");
	labels[0].label = TEXT("system_u:system_r:svirt:s0");
	refused(&host, "'svirt'");
	labels[0].label = TEXT("svirt_t");
	refused(&host, "is no label");
	labels[0].label = TEXT("a::svirt_t");
	refused(&host, "is no label");
	conf.static_label_types = NULL;
	conf.n_static_label_types = 0;
}

static void test_none(void **state)
{
	(void)state;
	seclabel("none", NULL);
	refused(&host, "security_require_confined");
	conf.security_require_confined = false;
	assert_int_equal(choose().mode, LABEL_NONE);
	assert_null(choose().base);
	host.unconfined = TEXT("system_u:system_r:cordon_unconfined_t:s0");
	assert_string_equal(choose().base, host.unconfined);
	assert_false(choose().relabel || choose().fixed);
	/* nobody asked for a label, and by default there is none */
	dom.n_seclabels = 0;
	assert_int_equal(choose().mode, LABEL_DYNAMIC);
	conf.security_default_confined = false;
	assert_int_equal(choose().mode, LABEL_NONE);
	conf.security_require_confined = true;
	refused(&host, "security_default_confined");
	/* who asks gets one */
	seclabel("dynamic", NULL);
	assert_int_equal(choose().mode, LABEL_DYNAMIC);
}

static void test_absent(void **state)
{
	struct label_choice c;

	(void)state;
	assert_int_equal(label_choose(&dom, NULL, &conf, arena, &c, &err), 0);
	assert_int_equal(c.mode, LABEL_ABSENT);
	seclabel("static", SVIRT ":c1,c2");
	refused(NULL, "no SELinux policy");
	seclabel("dynamic", NULL);
	refused(NULL, "no SELinux policy");
	seclabel("none", NULL);
	assert_int_equal(label_choose(&dom, NULL, &conf, arena, &c, &err), 0);
	/* the first model of such a host is the uid */
	seclabel("dynamic", NULL);
	labels[0].model = NULL;
	assert_int_equal(label_choose(&dom, NULL, &conf, arena, &c, &err), 0);
}

/* A label of one image's own, where no file of the guest gets any. */
static void test_image_asks(void **state)
{
	static const char svirt[] = IMAGE ":c1,c2";
	struct dom_image_label own = { .model = TEXT("selinux"), .relabel = DOM_YESNO_NO }, its = own;
	struct dom_image below = { .path = TEXT("/i/b.img"), .seclabels = &its, .n_seclabels = 1 };
	struct dom_disk disks[2] = { disk, disk };
	struct label_choice c;

	(void)state;
	disks[1].seclabels = &own;
	disks[1].n_seclabels = 1;
	disks[1].backing = &below;
	disks[1].n_backing = 1;
	dom.disks = disks;
	dom.n_disks = 2;
	conf.security_require_confined = false;
	for (int i = 0; i < 3; i++) {
		const struct host_selinux *h = i == 2 ? &host : NULL;
		const char *why = i == 2 ? "unconfined guest" : "no SELinux policy loaded";

		if (i)
			seclabel("none", NULL);
		own = its = (struct dom_image_label){ .relabel = DOM_YESNO_NO };
		assert_int_equal(label_choose(&dom, h, &conf, arena, &c, &err), 0);
		own = (struct dom_image_label){ .label = TEXT(svirt) };
		refused(h, why);
		assert_non_null(strstr(err.text, disk.path));
		own = (struct dom_image_label){ .model = TEXT("dac"), .relabel = DOM_YESNO_NO };
		its = (struct dom_image_label){ .model = TEXT("selinux"), .label = TEXT(svirt) };
		refused(h, why);
		assert_non_null(strstr(err.text, below.path));
		dom.n_seclabels = 0;
	}
	assert_int_equal(choose().mode, LABEL_DYNAMIC);
	dom.disks = NULL;
	dom.n_disks = 0;
}

static void test_owner(void **state)
{
	(void)state;
	seclabel("static", "+107:+107");
	labels[0].model = TEXT("dac");
	refused(&host, "'dac'");
	refused(NULL, "'dac'");
}

static void test_policy_without_guests(void **state)
{
	(void)state;
	host.process = TEXT("");
	refused(&host, "virtual_domain_context");
	host.process = TEXT(SVIRT);
	host.mls = false;
	assert_true(choose().fixed);
	assert_true(choose().share);
}

/* ---- its files ---- */

static struct label_row decide_at(enum label_kind kind, unsigned depth)
{
	struct label_file f = { .kind = kind, .disk = kind == LABEL_DISK ? &disk : NULL,
				.depth = depth, .image = &image };
	struct label_choice c = choose();
	struct label_row row;

	if (label_decide(&c, &host, c.mode == LABEL_STATIC ? c.base : SVIRT PAIR, &f, arena, &row, &err))
		fail_msg("%s", err.text);
	return row;
}

static struct label_row decide(void)
{
	return decide_at(LABEL_DISK, 0);
}

static void given(struct label_row row, const char *label, bool shared, bool ask)
{
	assert_non_null(row.want);
	assert_string_equal(row.want, label);
	assert_string_equal(row.end, label);
	assert_int_equal(row.shared, shared);
	assert_int_equal(row.ask, ask);
}

static void stays(struct label_row row)
{
	assert_null(row.want);
	assert_string_equal(row.end, image.label);
	assert_true(row.ask);
}

static void test_objects(void **state)
{
	(void)state;
	given(decide(), IMAGE PAIR, false, false);
	disk.shareable = true;
	given(decide(), IMAGE, true, false);
	disk.shareable = false;
	image.write = false;             /* <readonly/>, or a CD */
	given(decide(), CONTENT, true, false);
	disk.shareable = true;           /* others may write to it */
	given(decide(), IMAGE, true, false);
	given(decide_at(LABEL_DISK, 1), CONTENT, true, false);
	given(decide_at(LABEL_KERNEL, 0), CONTENT, true, false);
	given(decide_at(LABEL_INITRD, 0), CONTENT, true, false);
	given(decide_at(LABEL_NVRAM, 0), IMAGE PAIR, false, false);
	stays(decide_at(LABEL_LOADER, 0));
}

static void test_static_files(void **state)
{
	(void)state;
	seclabel("static", SVIRT ":c1,c2");
	stays(decide());
	assert_string_equal(decide().better, IMAGE ":c1,c2");
	labels[0].relabel = DOM_YESNO_YES;
	given(decide(), IMAGE ":c1,c2", false, true);
	labels[0].imagelabel = TEXT("system_u:object_r:mine_image_t:s0:c1,c2");
	given(decide(), labels[0].imagelabel, false, true);
	image.write = false;
	given(decide(), CONTENT, true, true);
}

static void test_override(void **state)
{
	struct dom_image_label own[2] = { { .relabel = DOM_YESNO_NO } };
	struct dom_image below = { .path = TEXT("/i/b.img") };
	struct dom_image_label its = { .label = TEXT("system_u:object_r:base_t:s0") };

	(void)state;
	disk.seclabels = own;
	disk.n_seclabels = 1;
	stays(decide());
	assert_string_equal(decide().better, IMAGE);
	/* it goes for what backs the disk, unless that has its own */
	stays(decide_at(LABEL_DISK, 1));
	below.seclabels = &its;
	below.n_seclabels = 1;
	disk.backing_given = true;
	disk.backing = &below;
	disk.n_backing = 1;
	given(decide_at(LABEL_DISK, 1), its.label, true, true);
	own[0] = (struct dom_image_label){ .relabel = DOM_YESNO_YES,
					   .label = TEXT("system_u:object_r:mine_t:s0:c1") };
	given(decide(), "system_u:object_r:mine_t:s0:c1", false, true);
	/* an element that asks for nothing, and one of another model */
	own[0] = (struct dom_image_label){ .relabel = DOM_YESNO_YES };
	given(decide(), IMAGE PAIR, false, false);
	own[0] = (struct dom_image_label){ .model = TEXT("dac"), .relabel = DOM_YESNO_NO };
	given(decide(), IMAGE PAIR, false, false);
}

static void test_unlabelled(void **state)
{
	struct dom_image_label own = { .label = TEXT("system_u:object_r:mine_t:s0") };
	struct label_file f = { .kind = LABEL_DISK, .disk = &disk, .image = &image };
	struct label_choice c = choose();
	struct label_row row;

	(void)state;
	image.labels = false;
	image.label = TEXT("system_u:object_r:nfs_t:s0");
	image.fs = TEXT("nfs4");
	stays(decide());
	disk.seclabels = &own;
	disk.n_seclabels = 1;
	assert_int_equal(label_decide(&c, &host, SVIRT PAIR, &f, arena, &row, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "keeps no labels"));
}

static void test_unconfined_files(void **state)
{
	struct label_row row;

	(void)state;
	seclabel("none", NULL);
	conf.security_require_confined = false;
	/* nothing gets a label; whether its level suits is asked, for QEMU would not say why it does not */
	row = decide();
	stays(row);
	assert_string_equal(row.better, IMAGE);
	assert_true(decide_at(LABEL_NVRAM, 0).ask);
	assert_false(decide_at(LABEL_KERNEL, 0).ask);
	assert_false(decide_at(LABEL_LOADER, 0).ask);
}

/* The facts may be replaced while a start waits for an answer: nothing that was made of them goes with it. */
static void test_facts_replaced(void **state)
{
	static const struct { bool write, shareable, no; } rows[] = {
		{ .write = true }, { .write = true, .shareable = true }, { .write = false },
		{ .write = true, .no = true },
	};
	struct dom_image_label own = { .relabel = DOM_YESNO_NO };
	char facts[4][64];
	char **const texts[] = { &host.process, &host.image, &host.content, &host.unconfined };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char *const has[] = { SVIRT, IMAGE, CONTENT, SVIRT };
		const char *want = i == 0 ? IMAGE PAIR : i == 2 ? CONTENT : IMAGE;
		struct label_row row;

		for (size_t k = 0; k < 4; k++) {
			snprintf(facts[k], sizeof(facts[k]), "%s", has[k]);
			*texts[k] = facts[k];
		}
		image.write = rows[i].write;
		disk.shareable = rows[i].shareable;
		disk.seclabels = &own;
		disk.n_seclabels = rows[i].no;
		row = decide();
		for (size_t k = 0; k < 4; k++)
			memset(facts[k], 'x', sizeof(facts[k]) - 1);
		assert_string_equal(row.better, want);
		if (rows[i].no)
			assert_null(row.want);
		else
			given(row, want, i == 1 || i == 2, false);
	}
}

static void test_facts_replaced_guest(void **state)
{
	static char process[64] = SVIRT, unconfined[64] = "system_u:system_r:cordon_unconfined_t:s0";
	struct label_choice c;

	(void)state;
	host.process = process;
	host.unconfined = unconfined;
	host.mls = false;                /* the base is the policy's own text */
	c = choose();
	memset(process, 'x', sizeof(process) - 1);
	assert_string_equal(c.base, SVIRT);
	seclabel("none", NULL);
	conf.security_require_confined = false;
	c = choose();
	memset(unconfined, 'x', sizeof(unconfined) - 1);
	assert_string_equal(c.base, "system_u:system_r:cordon_unconfined_t:s0");
}

/* ---- questions and refusals ---- */

static void test_question(void **state)
{
	struct label_file f = { .kind = LABEL_DISK, .disk = &disk, .image = &image };
	struct host_ask q = label_ask(&f, SVIRT PAIR, IMAGE);

	(void)state;
	assert_string_equal(q.scontext, SVIRT PAIR);
	assert_string_equal(q.tcontext, IMAGE);
	assert_string_equal(q.tclass, "file");
	assert_string_equal(q.perms[q.n_perms - 1], "write");
	image.write = false;
	image.block = true;
	q = label_ask(&f, SVIRT PAIR, IMAGE);
	assert_string_equal(q.tclass, "blk_file");
	for (uint32_t i = 0; i < q.n_perms; i++)
		assert_string_not_equal(q.perms[i], "write");
	f.kind = LABEL_NVRAM;
	assert_string_equal(label_ask(&f, "", "").perms[5], "write");
}

static void test_question_about_the_guest(void **state)
{
	struct label_choice c = choose();
	struct host_ask q;

	(void)state;
	assert_false(label_ask_process(&c, &dom, SVIRT PAIR, &q));
	dom.type = DOM_TYPE_QEMU;
	assert_true(label_ask_process(&c, &dom, SVIRT PAIR, &q));
	assert_string_equal(q.scontext, SVIRT PAIR);
	assert_string_equal(q.tcontext, SVIRT PAIR);
	assert_string_equal(q.tclass, "process");
	assert_int_equal(q.n_perms, 1);
	assert_string_equal(q.perms[0], "execmem");
	/* what became of the user's base may be none that the policy has */
	dom.type = DOM_TYPE_KVM;
	seclabel("dynamic", NULL);
	labels[0].baselabel = TEXT("user_u:user_r:svirt_t:s3");
	c = choose();
	assert_true(label_ask_process(&c, &dom, SVIRT PAIR, &q));
	assert_int_equal(q.n_perms, 0);
}

static const char *refusal(const struct host_answer *a)
{
	struct label_file f = { .kind = LABEL_DISK, .disk = &disk, .image = &image };
	struct label_row row = decide();

	assert_int_equal(label_refuse(&host, "g", SVIRT PAIR, &f, &row, a, &err), -EACCES);
	return err.text;
}

static void has(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("'%s' is not in '%s'", word, text);
}

static void test_refusals(void **state)
{
	struct host_answer no = { .valid = true, .denied = TEXT("read write") };
	struct dom_image_label own = { .relabel = DOM_YESNO_NO };

	(void)state;
	disk.seclabels = &own;
	disk.n_seclabels = 1;
	image.path = TEXT("/i/it's.img");
	has(refusal(&no), SVIRT PAIR);
	has(err.text, "label system_u:object_r:virt_image_t:s0");
	has(err.text, "(read write)");
	/* the next run's pair is another one */
	has(err.text, "`chcon " IMAGE " '/i/it'\\''s.img'`");
	has(err.text, "and so does relabel='yes'");
	no.valid = false;
	has(refusal(&no), "the policy does not know");
	no.valid = true;
	disk.n_seclabels = 0;
	image.labels = false;
	image.label = TEXT("system_u:object_r:nfs_t:s0");
	has(refusal(&no), "virt_use_nfs is off");
	has(err.text, "`setsebool -P virt_use_nfs on`");
	host.booleans[0].on = true;
	has(refusal(&no), "virt_use_nfs is on");
	host.booleans[0].on = false;
	/* a type whose name only begins alike; a boolean that this policy lacks */
	image.label = TEXT("system_u:object_r:nfs_t_two:s0");
	has(refusal(&no), "-o context=" IMAGE);
	image.label = TEXT("system_u:object_r:fusefs_t:s0");
	has(refusal(&no), "no boolean");
	label_refuse_process(&host, "g", SVIRT PAIR, &no, &err);
	has(err.text, "virt_use_execmem is off; `setsebool -P virt_use_execmem on`");
	/* the label that it would be given does not help either: no chcon does */
	image.labels = true;
	seclabel("static", SVIRT PAIR);
	labels[0].relabel = DOM_YESNO_YES;
	has(refusal(&no), "cordon_guest");
	assert_null(strstr(err.text, "chcon"));
	no.valid = false;
	label_refuse_process(&host, "g", SVIRT PAIR, &no, &err);
	has(err.text, "does not know the label '" SVIRT PAIR "'");
}

/* For a static label 'no' is what is meant where nothing is said; firmware never gets a label. */
static void test_static_refusal(void **state)
{
	struct host_answer no = { .valid = true, .denied = TEXT("read") };
	struct label_file f = { .kind = LABEL_LOADER, .image = &image };
	struct label_row row;

	(void)state;
	seclabel("static", SVIRT ":c1,c2");
	has(refusal(&no), "and so does relabel='yes'");
	assert_null(strstr(err.text, "leaving out"));
	row = decide_at(LABEL_LOADER, 0);
	assert_int_equal(label_refuse(&host, "g", SVIRT PAIR, &f, &row, &no, &err), -EACCES);
	has(err.text, "mends it");
	assert_null(strstr(err.text, "relabel"));
}

/* A path as long as paths get must not cut off what mends it. */
static void test_long_refusal(void **state)
{
	struct host_answer no = { .valid = true, .denied = TEXT("read write") };
	char path[1500];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	image.path = path;
	image.labels = false;
	image.label = TEXT("system_u:object_r:nfs_t:s0");
	has(refusal(&no), "`setsebool -P virt_use_nfs on` allows it for all guests");
}

/* ---- what a running guest shows ---- */

static void test_shown(void **state)
{
	struct label_choice c;

	(void)state;
	seclabel("dynamic", NULL);
	labels[0].baselabel = TEXT("user_u:user_r:svirt_t:s0");
	c = choose();
	assert_int_equal(label_show(&c, &host, SVIRT PAIR, 70000, arena, &dom), 0);
	assert_int_equal(dom.n_seclabels, 2);
	assert_string_equal(dom.seclabels[0].model, "selinux");
	assert_string_equal(dom.seclabels[0].type, "dynamic");
	assert_int_equal(dom.seclabels[0].relabel, DOM_YESNO_YES);
	assert_string_equal(dom.seclabels[0].label, SVIRT PAIR);
	assert_string_equal(dom.seclabels[0].imagelabel, IMAGE PAIR);
	assert_string_equal(dom.seclabels[0].baselabel, labels[0].baselabel);
	assert_string_equal(dom.seclabels[1].model, "dac");
	assert_string_equal(dom.seclabels[1].label, "+70000:+70000");
	assert_string_equal(dom.seclabels[1].imagelabel, "+70000:+70000");
}

static void test_shown_else(void **state)
{
	struct label_choice c = { .mode = LABEL_ABSENT };

	(void)state;
	assert_int_equal(label_show(&c, NULL, NULL, 70000, arena, &dom), 0);
	assert_int_equal(dom.n_seclabels, 1);
	assert_string_equal(dom.seclabels[0].model, "dac");
	c.mode = LABEL_NONE;
	dom.seclabels = labels;
	dom.n_seclabels = 2;
	labels[0] = (struct dom_seclabel){ .model = TEXT("dac"), .type = TEXT("none") };
	assert_int_equal(label_show(&c, &host, NULL, 70000, arena, &dom), 0);
	assert_int_equal(dom.n_seclabels, 2);
	assert_string_equal(dom.seclabels[0].model, "selinux");
	assert_string_equal(dom.seclabels[0].type, "none");
	assert_null(dom.seclabels[0].label);
	assert_string_equal(dom.seclabels[1].type, "none");
	assert_null(dom.seclabels[1].label);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_dynamic), T(test_emulated), T(test_base), T(test_static), T(test_types),
		T(test_none), T(test_absent), T(test_image_asks), T(test_owner), T(test_policy_without_guests),
		T(test_objects), T(test_static_files), T(test_override), T(test_unlabelled),
		T(test_unconfined_files), T(test_question),
		T(test_question_about_the_guest), T(test_refusals), T(test_long_refusal),
		T(test_static_refusal), T(test_facts_replaced), T(test_facts_replaced_guest),
		T(test_shown), T(test_shown_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
