/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose disk a file is, however the definition writes its path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/owner.h"

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* A guest with one disk, which lists one backing file. */
static struct guest *add(const char *name, uint8_t id, const char *path)
{
	struct dom_image below = { .path = text("/images/base.raw"), .format = DOM_DISK_FORMAT_RAW };
	struct dom_disk disk = { .path = text(path), .target = text("vda"), .backing_given = true,
				 .backing = &below, .n_backing = 1 };
	struct domain d = { .name = text(name), .memory_kib = 65536, .vcpus = 1, .disks = &disk, .n_disks = 1 };
	struct guest *g;
	uint8_t uuid[16], *model;
	uint32_t len;

	memset(uuid, id, sizeof(uuid));
	memcpy(d.uuid, uuid, sizeof(uuid));
	g = guest_add(uuid, name);
	model = guest_encode(&d, &len);
	assert_non_null(g);
	assert_non_null(model);
	guest_take_model(g, model, len);
	return g;
}

static int teardown(void **state)
{
	(void)state;
	for (struct guest *g = guest_next(NULL); g; g = guest_next(NULL))
		guest_remove(g);
	return 0;
}

static struct guest *owner(const struct guest *besides, const char *path)
{
	int rc = 1;
	struct guest *g = owner_of_image(besides, path, &rc);

	assert_int_equal(rc, 0);
	return g;
}

static void test_of_others_only(void **state)
{
	struct guest *a = add("a", 1, "/images/a.raw"), *b = add("b", 2, "/images/b.raw");

	(void)state;
	assert_ptr_equal(owner(a, "/images/b.raw"), b);
	assert_ptr_equal(owner(b, "/images/a.raw"), a);
	assert_null(owner(a, "/images/a.raw"));
	assert_null(owner(a, "/images/c.raw"));
}

static void test_listed_below_is_nobodys(void **state)
{
	struct guest *a = add("a", 1, "/images/a.raw");

	(void)state;
	(void)add("b", 2, "/images/b.raw");
	assert_null(owner(a, "/images/base.raw"));
}

static void test_spellings(void **state)
{
	struct guest *a = add("a", 1, "/images/a.raw");
	const char *const same[] = { "/images//b.raw", "/./images/b.raw", "//images/./b.raw", "/images/b.raw/." };
	const char *const other[] = { "/images/b.rawx", "/images/b.ra", "/imagesb.raw", "/images", "/images/b.raw/c", "" };

	(void)state;
	for (unsigned i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct guest *b = add("b", 2, same[i]);

		assert_ptr_equal(owner(a, "/images/b.raw"), b);
		guest_remove(b);
	}
	for (unsigned i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		struct guest *b = add("b", 2, other[i]);

		assert_null(owner(a, "/images/b.raw"));
		guest_remove(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_of_others_only, teardown),
		cmocka_unit_test_teardown(test_listed_below_is_nobodys, teardown),
		cmocka_unit_test_teardown(test_spellings, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
