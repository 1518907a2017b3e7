/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every guest, tried on many made-up ones: a completed model stays as
 * it is; the same definition gives the same model everywhere; no two devices
 * share an address; a device added later moves no other; every device has
 * a name of its own; the argument list names only descriptors it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/xdr.h"
#include "hv/qemu/priv.h"
#include "plan_fds.h"

#define ARENA_MAX (64 * 1024 * 1024)
#define N_GUESTS 400
#define FIRST_FD 100

static uint64_t seed;

/* xorshift: the same guests in every run */
static uint32_t dice(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static int count_up(void *ctx, void *out, size_t n)
{
	uint8_t *counter = ctx, *bytes = out;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (*counter)++;
	return 0;
}

static void add_disks(struct domain *d, struct arena *a, bool q35)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	uint32_t n = dice(8);

	d->disks = arena_calloc(a, 26, sizeof(*d->disks));
	for (uint32_t i = 0; i < n; i++) {
		struct dom_disk *disk = &d->disks[d->n_disks++];
		const char *prefix = "vd";

		disk->path = arena_printf(a, "/srv/%u.img", i);
		switch (dice(4)) {
		case 0:
			prefix = "sd";
			disk->bus = DOM_DISK_BUS_SATA;
			break;
		case 1:
			prefix = "sd";
			disk->bus = dice(2) ? DOM_DISK_BUS_SCSI : DOM_DISK_BUS_USB;
			break;
		case 2:
			if (!q35 && i < 4) {
				prefix = "hd";
				disk->device = DOM_DISK_DEVICE_CDROM;
			}
			break;
		}
		disk->target = arena_printf(a, "%s%c", prefix, letters[i]);
		for (uint32_t k = 0; disk->bus == DOM_DISK_BUS_UNSET && dice(3) == 0 && k < 2; k++)
			disk->format = DOM_DISK_FORMAT_QCOW2;
	}
}

static void add_nets(struct domain *d, struct arena *a)
{
	static const char *const models[] = { "virtio", "e1000", "e1000e", NULL };
	uint32_t n = dice(5);

	d->nets = arena_calloc(a, 8, sizeof(*d->nets));
	for (uint32_t i = 0; i < n; i++) {
		d->nets[i].type = DOM_NET_TYPE_USER;
		d->nets[i].model = arena_strdup(a, models[dice(4)]);
	}
	d->n_nets = n;
}

static void add_chardevs(struct domain *d, struct arena *a)
{
	d->serials = arena_calloc(a, 4, sizeof(*d->serials));
	d->consoles = arena_calloc(a, 4, sizeof(*d->consoles));
	d->channels = arena_calloc(a, 40, sizeof(*d->channels));
	for (uint32_t n = dice(4); d->n_serials < n; d->n_serials++)
		d->serials[d->n_serials].source = DOM_CHR_SOURCE_TYPE_PTY;
	for (uint32_t n = dice(3); d->n_consoles < n; d->n_consoles++) {
		d->consoles[d->n_consoles].source = DOM_CHR_SOURCE_TYPE_PTY;
		if (d->n_consoles || dice(2))
			d->consoles[d->n_consoles].target_type = arena_strdup(a, "virtio");
	}
	for (uint32_t n = dice(10) == 0 ? 35 : dice(3); d->n_channels < n; d->n_channels++)
		d->channels[d->n_channels].source = DOM_CHR_SOURCE_TYPE_UNIX;
}

static void add_rest(struct domain *d, struct arena *a)
{
	static const char *const videos[] = { "virtio", "vga", "cirrus", "bochs" };
	static const char *const usbs[] = { "qemu-xhci", "nec-xhci", "piix3-uhci", "ich9-ehci1" };

	d->inputs = arena_calloc(a, 8, sizeof(*d->inputs));
	for (uint32_t n = dice(3); d->n_inputs < n; d->n_inputs++) {
		d->inputs[d->n_inputs].type = DOM_INPUT_TYPE_TABLET;
		d->inputs[d->n_inputs].bus = dice(2) ? DOM_INPUT_BUS_USB : DOM_INPUT_BUS_VIRTIO;
	}
	if (dice(2)) {
		d->graphics = arena_calloc(a, 1, sizeof(*d->graphics));
		d->graphics[0].type = DOM_GRAPHICS_TYPE_VNC;
		d->n_graphics = 1;
	}
	d->videos = arena_calloc(a, 2, sizeof(*d->videos));
	for (uint32_t n = dice(3); d->n_videos < n; d->n_videos++)
		d->videos[d->n_videos].model =
			arena_strdup(a, d->n_videos ? "virtio" : videos[dice(4)]);
	d->rngs = arena_calloc(a, 2, sizeof(*d->rngs));
	for (uint32_t n = dice(3); d->n_rngs < n; d->n_rngs++)
		d->rngs[d->n_rngs].backend = DOM_RNG_BACKEND_BUILTIN;
	if (dice(4) == 0) {
		d->watchdogs = arena_calloc(a, 1, sizeof(*d->watchdogs));
		d->n_watchdogs = 1;
	}
	d->controllers = arena_calloc(a, 8, sizeof(*d->controllers));
	if (dice(3) == 0) {
		d->controllers[0].type = DOM_CONTROLLER_TYPE_USB;
		d->controllers[0].model = arena_strdup(a, usbs[dice(4)]);
		d->n_controllers = 1;
	}
}

static void make_guest(uint32_t n, struct arena *a, struct domain *d)
{
	bool q35;

	seed = 0x9e3779b97f4a7c15u * (n + 1);
	memset(d, 0, sizeof(*d));
	q35 = dice(2);
	d->type = DOM_TYPE_QEMU;
	d->name = arena_printf(a, "guest%u", n);
	d->memory_kib = 524288;
	d->os.machine = arena_strdup(a, q35 ? "q35" : "pc");
	add_disks(d, a, q35);
	add_nets(d, a);
	add_chardevs(d, a);
	add_rest(d, a);
}

static int complete(struct domain *d, struct arena *a, struct err *err)
{
	uint8_t counter = 1;
	struct plan_env env = { .random = count_up, .ctx = &counter };

	return plan_complete(d, &env, a, err);
}

static bool same_place(const struct dom_address *x, const struct dom_address *y)
{
	if (!x || !y || x->type != y->type)
		return false;
	if (x->type == DOM_ADDRESS_TYPE_PCI)
		return x->bus == y->bus && x->slot == y->slot && x->function == y->function;
	if (x->type == DOM_ADDRESS_TYPE_USB)
		return x->bus == y->bus && strcmp(x->port, y->port) == 0;
	return x->type == DOM_ADDRESS_TYPE_VIRTIO_SERIAL && x->controller == y->controller &&
	       strcmp(x->port, y->port) == 0;
}

static void check_places(struct domain *d, struct arena *a)
{
	struct plan_dev *devs;
	size_t n;

	assert_int_equal(plan_devices(d, a, &devs, &n), 0);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			if (same_place(devs[i].info->address, devs[j].info->address))
				fail_msg("%s: %s and %s share an address", d->name, devs[i].what,
					 devs[j].what);
			if (!devs[i].info->alias || !devs[j].info->alias ||
			    devs[i].kind == PLAN_DEV_CONSOLE || devs[j].kind == PLAN_DEV_CONSOLE)
				continue;
			if (strcmp(devs[i].info->alias, devs[j].info->alias) == 0)
				fail_msg("%s: %s and %s are both '%s'", d->name, devs[i].what,
					 devs[j].what, devs[i].info->alias);
		}
}

/* Every address of `before` is still that device's address in `after`. */
static void check_unmoved(struct domain *before, struct domain *after, struct arena *a)
{
	struct plan_dev *x, *y;
	size_t n, m;

	assert_int_equal(plan_devices(before, a, &x, &n), 0);
	assert_int_equal(plan_devices(after, a, &y, &m), 0);
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t j = 0; j < m && !found; j++)
			found = strcmp(x[i].what, y[j].what) == 0 &&
				(!x[i].info->address ||
				 same_place(x[i].info->address, y[j].info->address) ||
				 x[i].info->address->type == DOM_ADDRESS_TYPE_DRIVE);
		if (!found)
			fail_msg("%s: %s moved when a disk was added", before->name, x[i].what);
	}
}

static void check_adding(const struct domain *d, struct arena *a)
{
	struct domain more, old;
	struct dom_disk *list;
	struct err err = { 0 };

	assert_int_equal(xdr_copy(&domain_xdr, d, a, &more), 0);
	assert_int_equal(xdr_copy(&domain_xdr, d, a, &old), 0);
	list = plan_extend(a, more.disks, more.n_disks, sizeof(*list));
	list[more.n_disks].path = arena_strdup(a, "/srv/new.img");
	list[more.n_disks].target = arena_strdup(a, "vdz");
	more.disks = list;
	more.n_disks++;
	if (complete(&more, a, &err) < 0)
		fail_msg("%s: one more disk: %s", d->name, err.text);
	check_unmoved(&old, &more, a);
}

static void check_argv(struct domain *d, struct arena *a)
{
	struct plan_resources r = { 0 };
	struct plan_argv argv;
	struct err err = { 0 };

	number_fds(d, FIRST_FD, a, &r);
	if (plan_argv(d, &r, a, &argv, &err) < 0)
		fail_msg("%s: %s", d->name, err.text);
	for (size_t i = 0; i < argv.argc; i++)
		if (strstr(argv.argv[i], "/srv/"))
			fail_msg("%s: a host path in '%s'", d->name, argv.argv[i]);
	/* One descriptor less: an error, never a list with a hole. */
	r.n--;
	assert_true(plan_argv(d, &r, a, &argv, &err) < 0);
}

static void test_guests(void **state)
{
	unsigned accepted = 0;

	(void)state;
	for (uint32_t i = 0; i < N_GUESTS; i++) {
		struct arena *a = arena_new(ARENA_MAX);
		struct domain d, twin, again;
		struct err err = { 0 };

		make_guest(i, a, &d);
		make_guest(i, a, &twin);
		if (complete(&d, a, &err) == 0) {
			accepted++;
			assert_int_equal(complete(&twin, a, &err), 0);
			if (!xdr_equal(&domain_xdr, &d, &twin))
				fail_msg("%s: two hosts, two models", d.name);
			assert_int_equal(xdr_copy(&domain_xdr, &d, a, &again), 0);
			if (complete(&again, a, &err) < 0)
				fail_msg("%s: again: %s", d.name, err.text);
			if (!xdr_equal(&domain_xdr, &d, &again))
				fail_msg("%s: completing again changes it", d.name);
			check_adding(&d, a);
			assert_int_equal(plan_aliases(&d, a), 0);
			check_places(&d, a);
			check_argv(&d, a);
		} else {
			/* A refusal names the device and never comes without text. */
			assert_true(err.code == ERR_CONFIG_UNSUPPORTED ||
				    err.code == ERR_XML_ERROR);
			assert_true(strlen(err.text) > 10);
		}
		arena_free(a);
	}
	print_message("%u of %u guests accepted\n", accepted, N_GUESTS);
	assert_true(accepted > N_GUESTS / 2);
}

/* Running out of memory at any point is an error, not a crash. */
static void test_short_of_memory(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < 400000; cap += 997) {
		struct arena *model = arena_new(ARENA_MAX);
		struct arena *a = arena_new(cap);
		struct err err = { 0 };
		struct domain d;
		int r;

		make_guest(7, model, &d);
		r = complete(&d, a, &err);
		assert_true(r == 0 || r == -ENOMEM);
		if (r == 0 && plan_aliases(&d, a) == 0) {
			struct plan_resources none = { 0 };
			struct plan_argv argv;

			assert_true(plan_argv(&d, &none, a, &argv, &err) < 0);
		}
		arena_free(a);
		arena_free(model);
	}
}

static void test_targets(void **state)
{
	(void)state;
	assert_int_equal(plan_target_index("vda"), 0);
	assert_int_equal(plan_target_index("sdz"), 25);
	assert_int_equal(plan_target_index("sdaa"), 26);
	assert_int_equal(plan_target_index("hdb"), 1);
	assert_int_equal(plan_target_index("vd"), -1);
	assert_int_equal(plan_target_index("vd1"), -1);
	assert_int_equal(plan_target_index("nvme0"), -1);
	assert_int_equal(plan_target_index("sdzzzzzzzzzzzzzzzzzzzzzz"), -1);
	assert_int_equal(plan_target_index(NULL), -1);
}

static void test_machines(void **state)
{
	(void)state;
	assert_string_equal(plan_machine_find("q35")->name, "pc-q35-7.2");
	assert_string_equal(plan_machine_find("pc")->name, "pc-i440fx-7.2");
	assert_string_equal(plan_machine_find(NULL)->name, "pc-i440fx-7.2");
	assert_string_equal(plan_machine_find("pc-q35-5.0")->name, "pc-q35-5.0");
	assert_null(plan_machine_find("isapc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guests),
		cmocka_unit_test(test_short_of_memory),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
