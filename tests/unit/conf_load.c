/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond.conf: every key, every default, every way to be refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/load.h"
#include "conf/selinux.h"
#include "conf/uuid.h"
#include "hv/qemu/table.h"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/bash\n"
	"ann:x:1001:1001::/home/ann:/bin/sh\n"
	"\n"
	"broken\n"
	"cordon-core:x:901:901::/:/x\ncordon-conn:x:902:902::/:/x\ncordon-host:x:903:903::/:/x\n"
	"cordon-file:x:904:904::/:/x\ncordon-edge:x:905:905::/:/x\ncordon-image:x:906:906::/:/x\n"
	"cordon-conf:x:907:907::/:/x\ncordon-disk:x:908:908::/:/x\ncordon-door:x:909:909::/:/x\n"
	"cordon-supervisor:x:910:910::/:/x\n";
static const char group[] = "root:x:0:\nlibvirt:x:106:ann\nops:x:2000:";

struct loaded {
	struct arena *arena;
	struct config cfg;
	struct err err;
	int rc;
};

static struct loaded load_n(const char *text, size_t len, const char *instance)
{
	struct loaded r = { .arena = arena_new(1 << 20) };
	const struct conf_load l = {
		.file = "x.conf", .text = text, .len = len, .instance = instance,
		.passwd = passwd, .group = group, .arena = r.arena,
	};

	assert_non_null(r.arena);
	r.rc = conf_load(&l, &r.cfg, &r.err);
	return r;
}

static struct loaded load(const char *text)
{
	return load_n(text, strlen(text), "");
}

static void assert_refused(const char *text, const char *why)
{
	struct loaded r = load(text);

	if (r.rc != -EINVAL || strcmp(r.err.text, why) != 0)
		print_error("for <%s>: rc %d, <%s>\n", text, r.rc, r.err.text);
	assert_int_equal(r.rc, -EINVAL);
	assert_string_equal(r.err.text, why);
	assert_int_equal(r.err.code, ERR_CONF_SYNTAX);
	arena_free(r.arena);
}

static void assert_accepted(const char *text)
{
	struct loaded r = load(text);

	if (r.rc)
		print_error("for <%s>: rc %d, <%s>\n", text, r.rc, r.err.text);
	assert_int_equal(r.rc, 0);
	arena_free(r.arena);
}

#define FIRST(why) "x.conf:1: " why

/* Every folder of our own state but those that images and variable stores lie in. */
static void assert_denied(const struct config *c, const char *const *paths)
{
	for (; *paths; paths++) {
		uint32_t i = 0;

		while (i < c->n_image_deny && strcmp(c->image_deny[i], *paths))
			i++;
		if (i == c->n_image_deny)
			fail_msg("%s is not denied", *paths);
	}
}

static void test_defaults(void **state)
{
	static const char *const deny[] = {
		"/etc", "/proc", "/sys", "/run/cordon", "/var/log/cordon", "/var/lib/cordon/state",
		"/var/lib/cordon/labels", "/var/lib/cordon/tpm", NULL,
	};
	struct loaded r = load("# nothing\n\n");

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.cfg.unix_sock_dir, "/run/libvirt");
	assert_int_equal(r.cfg.unix_sock_rw_perms, 0700);
	assert_int_equal(r.cfg.unix_sock_ro_perms, 0700);
	assert_false(r.cfg.unix_ro_open);
	assert_int_equal(r.cfg.max_clients, 5000);
	assert_int_equal(r.cfg.max_anonymous_clients, 20);
	assert_int_equal(r.cfg.max_client_requests, 5);
	assert_int_equal(r.cfg.keepalive_interval, 5);
	assert_int_equal(r.cfg.log_level, 3);
	assert_int_equal(r.cfg.n_unix_rw_gids, 0);
	assert_denied(&r.cfg, deny);
	assert_string_equal(r.cfg.emulator, PLAN_EMULATOR);
	assert_string_equal(r.cfg.vnc_listen, "127.0.0.1");
	/* nobody runs unconfined, or under another's label, unless that is said */
	assert_true(r.cfg.security_default_confined);
	assert_true(r.cfg.security_require_confined);
	assert_false(r.cfg.static_label_sharing);
	assert_int_equal(r.cfg.n_static_label_types, 0);
	assert_true(xdr_equal(&config_xdr, &r.cfg, &r.cfg));
	arena_free(r.arena);
}

static void test_private_defaults(void **state)
{
	static const char *const deny[] = {
		"/etc", "/proc", "/sys", "/run/cordon", "/srv/c1/run", "/srv/c1/log", "/srv/c1/state",
		"/srv/c1/labels", "/srv/c1/tpm", "/srv/c1/cordond.conf", NULL,
	};
	struct loaded r = load_n("", 0, "/srv/c1");

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.cfg.unix_sock_dir, "/srv/c1/run/libvirt");
	assert_int_equal(r.cfg.n_image_roots, 1);
	assert_string_equal(r.cfg.image_roots[0], "/srv/c1/images");
	assert_denied(&r.cfg, deny);
	arena_free(r.arena);
}

/* What a key's default says can be written into the file as it is. */
static void test_every_default_is_accepted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < conf_n_keys; i++) {
		struct loaded r;
		char text[512];

		if (!conf_keys[i].def)
			continue;
		snprintf(text, sizeof(text), "%s = %s # said\n", conf_keys[i].name, conf_keys[i].def);
		r = load(text);
		if (r.rc)
			print_error("%s: %s\n", conf_keys[i].name, r.err.text);
		assert_int_equal(r.rc, 0);
		arena_free(r.arena);
	}
}

/* No key takes a value of a type that is not its own, or a number beyond its bounds. */
static void test_every_key_refuses(void **state)
{
	static const char *const never[] = { "[ \"\", 5 ]", "[ \"no such\" ]", "\"no such, ever\"",
					     "-9223372036854775807" };

	(void)state;
	for (unsigned i = 0; i < conf_n_keys; i++)
		for (size_t v = 0; v < sizeof(never) / sizeof(never[0]); v++) {
			char text[256], where[256];
			struct loaded r;

			snprintf(text, sizeof(text), "\n%s = %s\n", conf_keys[i].name, never[v]);
			snprintf(where, sizeof(where), "x.conf:2: ");
			r = load(text);
			if (r.rc != -EINVAL)
				print_error("accepted: %s", text);
			assert_int_equal(r.rc, -EINVAL);
			assert_memory_equal(r.err.text, where, strlen(where));
			if (v)
				assert_non_null(strstr(r.err.text, conf_keys[i].name));
			arena_free(r.arena);
		}
}

static void test_bounds_of_numbers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < conf_n_keys; i++) {
		const struct conf_key *k = &conf_keys[i];
		char text[128], why[256];

		if (k->max == 0)
			continue;
		snprintf(text, sizeof(text), "%s = %lld", k->name, (long long)k->max + 1);
		snprintf(why, sizeof(why), FIRST("%s: must be %lld .. %lld, not %lld%s%s"), k->name,
			 (long long)k->min, (long long)k->max, (long long)k->max + 1,
			 k->why ? ": " : "", k->why ? k->why : "");
		assert_refused(text, why);
		if (k->min == 0)
			continue;
		snprintf(text, sizeof(text), "%s = %lld", k->name, (long long)k->min - 1);
		snprintf(why, sizeof(why), FIRST("%s: must be %lld .. %lld, not %lld"), k->name,
			 (long long)k->min, (long long)k->max, (long long)k->min - 1);
		assert_refused(text, why);
	}
}

static void test_values(void **state)
{
	struct loaded r = load(
		"unix_sock_group = 'libvirt'\n"
		"unix_rw_users = [ \"ann\",\n  # and by number\n  \"4711\", ]\n"
		"unix_rw_groups = [\"ops\"]\n"
		"unix_ro_access=\"all\"\n"
		"unix_sock_rw_perms = \"0770\"\r\n"
		"host_uuid = \"8f0C1f2e-6a52-4a7b-9d55-0123456789ab\"\n"
		"keepalive_interval = -1\n"
		"image_roots = [ ]\n"
		"audit_logging = 1\n"
		"client_memory_max = 1099511627776\n"
		"emulator = \"\"\"/usr/bin/qemu-system-x86_64\"\"\"\n"
		"security_require_confined = 0\n"
		"static_label_sharing = 1\n"
		"static_label_types = [ \"svirt_a_t\", \"b.t-2\" ]\n"
		"image_open_as = [ \"/srv/nfs=1234\", \"/a=b=5:6\" ]\n"
		"vnc_listen = \"::1\"");

	(void)state;
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.cfg.unix_sock_gid, 106);
	assert_int_equal(r.cfg.n_unix_rw_gids, 2);
	assert_int_equal(r.cfg.unix_rw_gids[0], 2000);
	assert_int_equal(r.cfg.unix_rw_gids[1], 106);
	assert_int_equal(r.cfg.n_unix_rw_uids, 2);
	assert_int_equal(r.cfg.unix_rw_uids[0], 1001);
	assert_int_equal(r.cfg.unix_rw_uids[1], 4711);
	assert_true(r.cfg.unix_ro_open);
	assert_int_equal(r.cfg.unix_sock_rw_perms, 0770);
	assert_int_equal(r.cfg.unix_sock_ro_perms, 0777);
	assert_int_equal(r.cfg.host_uuid[1], 0x0c);
	assert_int_equal(r.cfg.host_uuid[15], 0xab);
	assert_int_equal(r.cfg.keepalive_interval, -1);
	assert_int_equal(r.cfg.n_image_roots, 0);
	assert_true(r.cfg.audit_logging);
	assert_true(r.cfg.client_memory_max == UINT64_C(1) << 40);
	assert_string_equal(r.cfg.emulator, "/usr/bin/qemu-system-x86_64");
	assert_false(r.cfg.security_require_confined);
	assert_true(r.cfg.static_label_sharing);
	assert_int_equal(r.cfg.n_static_label_types, 2);
	assert_string_equal(r.cfg.static_label_types[1], "b.t-2");
	assert_int_equal(r.cfg.n_image_open_as, 2);
	assert_string_equal(r.cfg.image_open_as[0].path, "/srv/nfs");
	assert_int_equal(r.cfg.image_open_as[0].gid, 1234);
	assert_string_equal(r.cfg.image_open_as[1].path, "/a=b");
	assert_int_equal(r.cfg.image_open_as[1].uid, 5);
	assert_int_equal(r.cfg.image_open_as[1].gid, 6);
	arena_free(r.arena);
}

/* Whom the lists let in, the file modes must not keep out. */
static void test_modes_follow_lists(void **state)
{
	static const struct {
		const char *text;
		unsigned rw, ro;
	} rows[] = {
		{ "unix_sock_group = \"libvirt\"", 0770, 0770 },
		{ "unix_rw_users = [ \"ann\" ]", 0777, 0777 },
		{ "unix_rw_groups = [ \"ops\" ]", 0777, 0777 },
		{ "unix_ro_groups = [ \"ops\" ]", 0700, 0777 },
		{ "unix_ro_users = [ \"ann\" ]", 0700, 0777 },
		{ "unix_ro_access = \"all\"", 0700, 0777 },
		{ "unix_ro_access = \"all\"\nunix_sock_ro_perms = \"0750\"", 0700, 0750 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loaded r = load(rows[i].text);

		assert_int_equal(r.rc, 0);
		assert_int_equal(r.cfg.unix_sock_rw_perms, rows[i].rw);
		assert_int_equal(r.cfg.unix_sock_ro_perms, rows[i].ro);
		arena_free(r.arena);
	}
}

static void test_syntax_errors(void **state)
{
	(void)state;
	assert_refused("= 5", FIRST("a key is expected here (letters, digits, _)"));
	assert_refused("max_clients 5", FIRST("= is expected after the key"));
	assert_refused("max_clients =\n5",
		       FIRST("a value is expected here: \"text\", a number or [ list ]"));
	assert_refused("max_clients = 5 6", FIRST("nothing but a comment may follow a value"));
	assert_refused("max_clients = 5;", FIRST("nothing but a comment may follow a value"));
	assert_refused("max_clients = -", FIRST("a digit is expected after -"));
	assert_refused("max_clients = 9223372036854775808", FIRST("the number is too large"));
	assert_refused("vnc_listen = \"::1", FIRST("the closing quote is missing"));
	assert_refused("vnc_listen = \"::1\n\"", FIRST("the closing quote is missing"));
	assert_refused("vnc_listen = \"\"\"::1\n\"", FIRST("the closing quote is missing"));
	assert_refused("image_roots = [ \"/a\"", FIRST("the closing ] is missing"));
	assert_refused("image_roots = [ \"/a\" \"/b\" ]", FIRST("a comma or ] is expected here"));
	assert_refused("image_roots = [ 5 ]", FIRST("a list holds texts in quotes"));
	assert_refused("\n\nimage_roots = [ \"/a\",\n\n ,]", "x.conf:5: a list holds texts in quotes");
}

/* All of it is sent in one packet. */
static void test_too_much(void **state)
{
	static char text[64 << 10];
	struct loaded r;
	size_t n = (size_t)snprintf(text, sizeof(text), "image_roots = [ \"/a\"");

	(void)state;
	for (int i = 0; i < 10; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", \"/%02000d\"", i);
	snprintf(text + n, sizeof(text) - n, " ]\n");
	r = load(text);
	assert_int_equal(r.rc, 0);
	arena_free(r.arena);
	for (int i = 0; i < 10; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", \"/%02000d\"", i);
	snprintf(text + n, sizeof(text) - n, " ]\n");
	assert_refused(text, "x.conf: its texts and lists are longer than 28672 bytes together");
}

static void test_nul_bytes(void **state)
{
	static const char text[] = "vnc_listen = \"::1\0\"";
	struct loaded r = load_n(text, sizeof(text) - 1, "");

	(void)state;
	assert_int_equal(r.rc, -EINVAL);
	assert_string_equal(r.err.text, FIRST("a NUL byte in a text"));
	arena_free(r.arena);
}

static void test_value_errors(void **state)
{
	(void)state;
	assert_refused("no_such = 1", FIRST("unknown key 'no_such'"));
	assert_refused("max_clients = 5\nmax_clients = 5", "x.conf:2: max_clients: given in line 1 already");
	assert_refused("max_clients = \"5\"", FIRST("max_clients: must be a whole number"));
	assert_refused("unix_sock_dir = \"run\"", FIRST("unix_sock_dir: 'run' must be an absolute path"));
	assert_refused("unix_sock_dir = \"/a/../b\"", FIRST("unix_sock_dir: '/a/../b' must not contain .."));
	assert_refused("unix_sock_dir = \"/a/..\"", FIRST("unix_sock_dir: '/a/..' must not contain .."));
	assert_refused("emulator = \"/opt/qemu\"", FIRST("emulator: '/opt/qemu' is not what guests are "
		       "started with; only \"/usr/bin/qemu-system-x86_64\""));
	assert_refused("audit_level = 2", FIRST("audit_level: must be 0 .. 1, not 2: records go to a file of "
		       "Cordon's own, not to the host's auditing, whose absence 2 is about"));
	assert_refused("audit_logging = 2", FIRST("audit_logging: must be 0 or 1"));
	assert_refused("unix_sock_rw_perms = \"0788\"", FIRST("unix_sock_rw_perms: '0788' must be octal "
		       "mode bits such as \"0770\""));
	assert_refused("unix_sock_rw_perms = \"01777\"", FIRST("unix_sock_rw_perms: '01777' must be octal "
		       "mode bits such as \"0770\""));
	assert_refused("host_uuid = \"12\"", FIRST("host_uuid: '12' must be a UUID: 32 hexadecimal digits"));
	assert_refused("host_uuid = \"00000000-0000-0000-0000-000000000000\"",
		       FIRST("host_uuid: the digits must not all be the same"));
	assert_refused("unix_ro_access = \"some\"",
		       FIRST("unix_ro_access: 'some' must be \"listed\" or \"all\""));
	assert_refused("auth_unix_rw = \"polkit\"",
		       FIRST("auth_unix_rw: 'polkit' is not there yet; only \"none\""));
	assert_refused("unix_sock_group = \"nix\"", FIRST("unix_sock_group: group 'nix' is not in "
		       "/etc/group; if a directory service knows it, give its number"));
	assert_refused("unix_rw_users = [ \"broken\" ]", FIRST("unix_rw_users: user 'broken' is not in "
		       "/etc/passwd; if a directory service knows it, give its number"));
	assert_refused("unix_rw_users = [ \"4294967295\" ]", FIRST("unix_rw_users: user '4294967295' is "
		       "not in /etc/passwd; if a directory service knows it, give its number"));
	assert_refused("vnc_listen = \"localhost\"",
		       FIRST("vnc_listen: 'localhost' must be a numeric IPv4 or IPv6 address"));
	assert_refused("security_require_confined = 2",
		       FIRST("security_require_confined: must be 0 or 1"));
	assert_refused("static_label_types = [ \"system_u:system_r:svirt_t:s0\" ]",
		       FIRST("static_label_types: 'system_u:system_r:svirt_t:s0' must be the name of a "
			     "type alone, such as \"svirt_custom_t\""));
	assert_refused("image_open_as = [ \"/nfs\" ]",
		       FIRST("image_open_as: '/nfs' must be \"/folder=UID\" or \"/folder=UID:GID\""));
	assert_refused("image_open_as = [ \"nfs=1\" ]",
		       FIRST("image_open_as: 'nfs' must be an absolute path"));
	assert_refused("image_open_as = [ \"/nfs=0\" ]",
		       FIRST("image_open_as: '/nfs=0' must end with numbers, \"=UID\" or \"=UID:GID\", of a "
			     "user other than root"));
	assert_refused("image_open_as = [ \"/nfs=5:\" ]",
		       FIRST("image_open_as: '/nfs=5:' must end with numbers, \"=UID\" or \"=UID:GID\", of a "
			     "user other than root"));
	assert_refused("static_label_types = [ \"\" ]",
		       FIRST("static_label_types: '' must be the name of a type alone, such as "
			     "\"svirt_custom_t\""));
	assert_refused("listen_tcp = 1", FIRST("listen_tcp: only 0 is accepted: remote access is not "
		       "there yet; delete the line"));
	assert_refused("key_file = \"/k\"", FIRST("key_file: remote access is not there yet; delete the line"));
}

static void test_pairs(void **state)
{
	(void)state;
	assert_refused("vnc_port_min = 6000\nvnc_port_max = 5999",
		       "x.conf:2: vnc_port_max: must not be below vnc_port_min");
	assert_refused("guest_uid_min = 100000\nguest_uid_max = 100010", "x.conf:2: guest_uid_max: "
		       "guest_uid_min .. guest_uid_max must hold four uids for each of max_guests");
	/* the last uid that is missing */
	assert_refused("max_guests = 10\nguest_uid_min = 100000\nguest_uid_max = 100038",
		       "x.conf:3: guest_uid_max: guest_uid_min .. guest_uid_max must hold four uids for each "
		       "of max_guests");
	assert_accepted("max_guests = 10\nguest_uid_min = 100000\nguest_uid_max = 100039");
	assert_refused("max_clients = 10", FIRST("max_anonymous_clients: must not be above max_clients"));
}

static void test_all_mistakes_are_listed(void **state)
{
	char many[8192] = "";
	struct loaded r;

	(void)state;
	assert_refused("a = 1\nmax_clients = 0\nb", "x.conf:1: unknown key 'a'\n"
		       "x.conf:2: max_clients: must be 1 .. 100000, not 0\n"
		       "x.conf:3: = is expected after the key");
	for (int i = 0; i < 900; i++)
		strncat(many, "zz = 1\n", sizeof(many) - strlen(many) - 1);
	r = load(many);
	assert_int_equal(r.rc, -EINVAL);
	assert_true(strlen(r.err.text) < sizeof(r.err.text));
	arena_free(r.arena);
}

static void test_list_limit(void **state)
{
	char text[1024] = "image_roots = [";

	(void)state;
	for (int i = 0; i <= CONF_ITEMS_MAX; i++)
		strncat(text, "\"/a\",", sizeof(text) - strlen(text) - 1);
	strncat(text, "]", sizeof(text) - strlen(text) - 1);
	assert_refused(text, FIRST("the list has more than 64 texts"));
}

/* Which types images have is the policy's word, not a user's. */
static void test_image_types(void **state)
{
	static const char config[] = "# SELINUXTYPE=no\nSELINUX=enforcing\nSELINUXTYPE=default\n\n";
	struct arena *a = arena_new(1 << 16);
	struct config cfg = { 0 };
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(conf_selinux_path(config, "virtual_image_context", path), 0);
	assert_string_equal(path, "/etc/selinux/default/contexts/virtual_image_context");
	assert_int_equal(conf_selinux_path("SELINUXTYPE=../../tmp\n", "x", path), -ENOENT);
	assert_int_equal(conf_selinux_path("SELINUXTYPE=a/b\n", "x", path), -ENOENT);
	assert_int_equal(conf_selinux_path("", "x", path), -ENOENT);
	assert_int_equal(conf_selinux_path(NULL, "x", path), -ENOENT);
	assert_int_equal(conf_selinux_types("system_u:object_r:svirt_image_t:s0\n"
					    "\tsystem_u:object_r:virt_content_t:s0\nnonsense\n\n"
					    "a:b:svirt_image_t\n:b:c:d\na::c:d\na:b:", a,
					    &cfg.selinux_image_types, &cfg.n_selinux_image_types), 0);
	assert_int_equal(cfg.n_selinux_image_types, 2);
	assert_string_equal(cfg.selinux_image_types[0], "svirt_image_t");
	assert_string_equal(cfg.selinux_image_types[1], "virt_content_t");
	cfg = (struct config){ 0 };
	assert_int_equal(conf_selinux_types(NULL, a, &cfg.selinux_image_types, &cfg.n_selinux_image_types), 0);
	assert_int_equal(cfg.n_selinux_image_types, 0);
	arena_free(a);
}

/* The firmware's before the system's; instances differ by their folder, and each keeps its own. */
static void test_uuid_of_host(void **state)
{
	static const char firmware[] = "8F0C1F2E-6A52-4A7B-9D55-0123456789AB\n";
	static const char machine[] = "3d1219c7c4c5404aaa1f6d2a48adfda4\n";
	uint8_t u[16] = { 0 }, v[16] = { 0 };

	(void)state;
	assert_int_equal(conf_uuid_of_host(firmware, machine, "", u), 0);
	assert_int_equal(u[0], 0x8f);
	assert_int_equal(u[15], 0xab);
	assert_int_equal(conf_uuid_of_host("00000000-0000-0000-0000-000000000000\n", machine, "", u), 0);
	assert_int_equal(u[0], 0x3d);
	assert_int_equal(conf_uuid_of_host(NULL, machine, "/a", u), 0);
	assert_int_equal(conf_uuid_of_host(NULL, machine, "/b", v), 0);
	assert_int_equal(u[0], 0x3d);
	assert_memory_not_equal(u, v, 16);
	assert_int_equal(conf_uuid_of_host(NULL, machine, "/a", v), 0);
	assert_memory_equal(u, v, 16);
	assert_int_equal(conf_uuid_of_host(NULL, NULL, "", u), -ENOENT);
	assert_int_equal(conf_uuid_of_host("To be filled by O.E.M.\n", "uninitialized\n", "", u), -ENOENT);
}

static void test_uids(void **state)
{
	struct conf_load l = { .passwd = passwd };
	struct config cfg = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(conf_load_uids(&l, 0, &cfg, &err), 0);
	assert_int_equal(cfg.uid_core, 901);
	assert_int_equal(cfg.uid_conf, 907);
	assert_int_equal(cfg.uid_door, 909);
	assert_int_equal(cfg.uid_supervisor, 910);
	assert_int_equal(conf_load_uids(&l, 1000, &cfg, &err), 0);
	assert_int_equal(cfg.uid_core, 1000 + CONF_UID_CORE);
	assert_true(cfg.uid_conf < 1000 + CONF_UID_BLOCK);
	l.passwd = "cordon-core:x:901:100::/:/x\n";
	assert_int_equal(conf_load_uids(&l, 0, &cfg, &err), -EINVAL);
	l.passwd = "";
	assert_int_equal(conf_load_uids(&l, 0, &cfg, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cordon-core"));
}

static char *read_source(const char *name)
{
	const char *root = getenv("CORDON_SOURCE_ROOT");
	char path[4096], *text = calloc(1, 65536);
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root ? root : ".", name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: cannot be read", path);
	n = fread(text, 1, 65535, f);
	assert_true(n > 0);
	fclose(f);
	return text;
}

/* The sample file shows every default of ours as a line that may be uncommented. */
static void test_sample_file(void **state)
{
	char *text = read_source("packaging/cordond.conf");
	struct loaded r;

	(void)state;
	for (unsigned i = 0; i < conf_n_keys; i++) {
		const struct conf_key *k = &conf_keys[i];
		bool example = !k->def || strcmp(k->name, "unix_sock_group") == 0;
		char line[512];

		if (k->set == conf_set_later)
			continue;
		snprintf(line, sizeof(line), "\n#%s = %s%s", k->name, example ? "" : k->def,
			 example ? "" : "\n");
		if (!strstr(text, line))
			print_error("missing: %s\n", line + 1);
		assert_non_null(strstr(text, line));
	}
	for (char *at = text; (at = strstr(at, "\n#")); at++)
		if (at[2] >= 'a' && at[2] <= 'z')
			at[1] = ' ';
	r = load(text);
	assert_string_equal(r.err.text, "");
	assert_int_equal(r.rc, 0);
	arena_free(r.arena);
	free(text);
}

static void test_manual_names_every_key(void **state)
{
	char *text = read_source("man/cordond.conf.5");

	(void)state;
	for (unsigned i = 0; i < conf_n_keys; i++) {
		if (!strstr(text, conf_keys[i].name))
			print_error("missing: %s\n", conf_keys[i].name);
		assert_non_null(strstr(text, conf_keys[i].name));
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_private_defaults),
		cmocka_unit_test(test_every_default_is_accepted),
		cmocka_unit_test(test_every_key_refuses), cmocka_unit_test(test_bounds_of_numbers),
		cmocka_unit_test(test_values), cmocka_unit_test(test_modes_follow_lists),
		cmocka_unit_test(test_syntax_errors), cmocka_unit_test(test_too_much), cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_value_errors), cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_all_mistakes_are_listed), cmocka_unit_test(test_list_limit),
		cmocka_unit_test(test_uids), cmocka_unit_test(test_image_types), cmocka_unit_test(test_uuid_of_host), cmocka_unit_test(test_sample_file),
		cmocka_unit_test(test_manual_names_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
