/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every key, its bounds and its default. man/cordond.conf.5 and packaging/cordond.conf follow this table. */
#include "conf/load.h"

#define OFF(field) .off = offsetof(struct config, field)
#define LIST(field) OFF(field), .count_off = offsetof(struct config, n_##field)
#define UINT(field, lo, hi, value) \
	{ #field, conf_set_uint, OFF(field), .min = lo, .max = hi, .def = value }
#define UHYPER(field, lo, hi, value) \
	{ #field, conf_set_uhyper, OFF(field), .min = lo, .max = hi, .def = value }
#define LATER(key, value, reason) { key, conf_set_later, .def = value, .why = reason }

#define REMOTE "remote access is not there yet; delete the line"
#define WORKERS "there are no worker threads: every connection has a process of its own " \
	"(see max_clients, pool_size); delete the line"
#define ADMIN "there is no admin socket; delete the line"
#define LOGS "log_level alone decides; messages go to standard error (the journal); delete the line"

static const char *const auth_words[] = { "none", NULL };
static const char *const access_words[] = { "listed", "all", NULL };
/* the program that src/launch/root_build.c builds roots for */
static const char *const emulator_words[] = { "/usr/bin/qemu-system-x86_64", NULL };

const struct conf_key conf_keys[] = {
	/* libvirtd.conf's names and meaning */
	{ "unix_sock_dir", conf_set_path, OFF(unix_sock_dir), .def = "\"/run/libvirt\"",
	  .def_private = "\"@/run/libvirt\"" },
	{ "unix_sock_group", conf_set_group, OFF(unix_sock_gid), .def = "\"0\"" },
	{ "unix_sock_rw_perms", conf_set_perms, OFF(unix_sock_rw_perms) },
	{ "unix_sock_ro_perms", conf_set_perms, OFF(unix_sock_ro_perms) },
	{ "auth_unix_rw", conf_set_none, .def = "\"none\"", .words = auth_words },
	{ "auth_unix_ro", conf_set_none, .def = "\"none\"", .words = auth_words },
	UINT(max_clients, 1, 100000, "5000"),
	UINT(max_queued_clients, 1, 65535, "1000"),
	UINT(max_anonymous_clients, 0, 100000, "20"),
	UINT(max_client_requests, 1, 1000, "5"),
	{ "keepalive_interval", conf_set_int, OFF(keepalive_interval), .min = -1, .max = 3600,
	  .def = "5" },
	UINT(keepalive_count, 0, 1000, "5"),
	UINT(log_level, 1, 4, "3"),
	{ "audit_level", conf_set_uint, OFF(audit_level), .min = 0, .max = 1, .def = "1",
	  .why = "records go to a file of Cordon's own, not to the host's auditing, whose absence 2 is about" },
	{ "audit_logging", conf_set_bool, OFF(audit_logging), .def = "0" },
	{ "host_uuid", conf_set_uuid, OFF(host_uuid) },

	/* who may use the sockets */
	{ "unix_rw_users", conf_set_users, LIST(unix_rw_uids), .def = "[]" },
	{ "unix_rw_groups", conf_set_groups, LIST(unix_rw_gids), .def = "[]" },
	{ "unix_ro_access", conf_set_choice, OFF(unix_ro_open), .def = "\"listed\"",
	  .words = access_words },
	{ "unix_ro_users", conf_set_users, LIST(unix_ro_uids), .def = "[]" },
	{ "unix_ro_groups", conf_set_groups, LIST(unix_ro_gids), .def = "[]" },

	/* what clients may make us spend */
	UINT(max_clients_per_user, 1, 100000, "1250"),
	UINT(half_open_timeout, 1, 3600, "30"),
	UHYPER(client_memory_max, 1 << 20, INT64_C(1) << 40, "67108864"),
	UINT(max_viewers_per_guest, 1, 1000, "16"),
	UINT(pool_size, 0, 256, "16"),

	/* images */
	{ "image_roots", conf_set_paths, LIST(image_roots),
	  .def = "[ \"/var/lib/libvirt/images\", \"/var/lib/cordon/images\" ]",
	  .def_private = "[ \"@/images\" ]" },
	{ "backing_roots", conf_set_paths, LIST(backing_roots),
	  .def = "[ \"/var/lib/libvirt/images\", \"/var/lib/cordon/images\" ]",
	  .def_private = "[ \"@/images\" ]" },
	{ "image_deny", conf_set_paths, LIST(image_deny),
	  .def = "[ \"/etc\", \"/proc\", \"/sys\", \"/run/cordon\", \"/var/log/cordon\", "
		 "\"/var/lib/cordon/state\", \"/var/lib/cordon/labels\", \"/var/lib/cordon/tpm\" ]",
	  .def_private = "[ \"/etc\", \"/proc\", \"/sys\", \"/run/cordon\", \"@/run\", \"@/log\", \"@/state\", "
			 "\"@/labels\", \"@/tpm\", \"@/cordond.conf\" ]" },
	{ "image_open_as", conf_set_open_as, LIST(image_open_as), .def = "[]" },

	/* guests */
	{ "emulator", conf_set_word, OFF(emulator), .def = "\"/usr/bin/qemu-system-x86_64\"",
	  .words = emulator_words, .why = "is not what guests are started with" },
	UINT(guest_uid_min, 65536, UINT32_MAX - 2, "1879048192"),
	UINT(guest_uid_max, 65536, UINT32_MAX - 2, "1879179263"),
	UINT(max_guests, 1, 4096, "4096"),
	{ "vnc_listen", conf_set_address, OFF(vnc_listen), .def = "\"127.0.0.1\"" },
	UINT(vnc_port_min, 1024, 65535, "5900"),
	UINT(vnc_port_max, 1024, 65535, "65535"),
	UINT(start_timeout, 1, 3600, "60"),
	UINT(qmp_timeout, 1, 3600, "30"),
	UINT(file_timeout, 1, 3600, "30"),
	UINT(shutdown_timeout, 1, 3600, "15"),
	UINT(event_queue_max, 16, 65536, "1024"),
	UINT(console_buffer_max, 4096, 4 << 20, "262144"),
	UHYPER(guest_log_max, 4096, INT64_C(1) << 30, "2097152"),
	UINT(guest_memory_overhead_kib, 65536, 64 << 20, "524288"),
	UINT(guest_pids_max, 32, 32768, "1024"),
	UINT(guest_cpu_weight, 1, 10000, "100"),

	/* qemu.conf's names and meaning, and how far a user's own labels go */
	{ "security_default_confined", conf_set_bool, OFF(security_default_confined), .def = "1" },
	{ "security_require_confined", conf_set_bool, OFF(security_require_confined), .def = "1" },
	{ "static_label_sharing", conf_set_bool, OFF(static_label_sharing), .def = "0" },
	{ "static_label_types", conf_set_types, LIST(static_label_types), .def = "[]" },

	/* libvirtd's, not ours: accepted where they change nothing */
	LATER("unix_sock_admin_perms", "\"0700\"", ADMIN),
	LATER("listen_tls", "0", REMOTE), LATER("listen_tcp", "0", REMOTE),
	LATER("tls_port", "\"16514\"", REMOTE), LATER("tcp_port", "\"16509\"", REMOTE),
	LATER("listen_addr", NULL, REMOTE), LATER("auth_tcp", "\"sasl\"", REMOTE),
	LATER("auth_tls", "\"none\"", REMOTE), LATER("tcp_min_ssf", "112", REMOTE),
	LATER("key_file", NULL, REMOTE), LATER("cert_file", NULL, REMOTE),
	LATER("ca_file", NULL, REMOTE), LATER("crl_file", NULL, REMOTE),
	LATER("tls_no_sanity_certificate", "0", REMOTE),
	LATER("tls_no_verify_certificate", "0", REMOTE),
	LATER("tls_allowed_dn_list", NULL, REMOTE), LATER("tls_priority", NULL, REMOTE),
	LATER("sasl_allowed_username_list", NULL, REMOTE),
	LATER("mdns_adv", "0", REMOTE), LATER("mdns_name", NULL, REMOTE),
	LATER("access_drivers", "[]", "roles are built in; delete the line"),
	LATER("min_workers", "5", WORKERS), LATER("max_workers", "20", WORKERS),
	LATER("prio_workers", "5", WORKERS),
	LATER("admin_min_workers", "1", ADMIN), LATER("admin_max_workers", "5", ADMIN),
	LATER("admin_max_clients", "5", ADMIN), LATER("admin_max_queued_clients", "5", ADMIN),
	LATER("admin_max_client_requests", "5", ADMIN),
	LATER("admin_keepalive_required", "0", ADMIN),
	LATER("admin_keepalive_interval", "5", ADMIN), LATER("admin_keepalive_count", "5", ADMIN),
	LATER("keepalive_required", "0", "libvirtd no longer knows it either; delete the line"),
	LATER("log_filters", "\"\"", LOGS), LATER("log_outputs", "\"\"", LOGS),
	LATER("log_buffer_size", "64", LOGS),
	LATER("host_uuid_source", NULL, "the host's UUID is the firmware's or that of "
	      "machine-id(5), or given by host_uuid; delete the line"),
	LATER("ovs_timeout", "5", "Open vSwitch is not used; delete the line"),
};
const unsigned conf_n_keys = sizeof(conf_keys) / sizeof(conf_keys[0]);
