/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a <cpu> demands of the host: the vendor and forbidden features before QEMU is started, the
 * rest by QEMU's own "enforce". */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan_fds.h"
#include "proto/host.x.h"
#include "xml/domain.h"

#define ARENA_MAX (16 * 1024 * 1024)
#define FIRST_FD 10

static char intel[] = "GenuineIntel", pse[] = "pse", vmx[] = "vmx", sse4_1[] = "sse4_1";
static char *flags[] = { pse, vmx, sse4_1 };
static const struct host_facts host = { .cpu_vendor = intel, .cpu_flags = flags, .n_cpu_flags = 3 };

/* The start of a guest with this <cpu>: -cpu's argument is `want`, or it fails with that text in it. */
static void starts(const char *type, const char *cpu, const struct host_facts *at, const char *want)
{
	struct arena *a = arena_new(ARENA_MAX);
	const struct plan_env env = { .nvram_dir = "/srv/nvram" };
	struct plan_resources r = { .host = at };
	struct plan_argv argv;
	struct err err = { 0 };
	struct domain d;
	const char *got = err.text;
	char *text = arena_printf(a, "<domain type='%s'><name>g</name><memory>65536</memory><uuid>"
				  "6e392294-f4ee-4768-b0fe-396193031685</uuid><os><type>hvm</type></os>"
				  "<cpu %s</cpu></domain>", type, cpu);

	if (domain_xml_parse(text, strlen(text), 0, a, &d, &err) || plan_complete(&d, &env, a, &err))
		fail_msg("%s: %s", cpu, err.text);
	assert_int_equal(plan_aliases(&d, a), 0);
	number_fds(&d, FIRST_FD, a, &r);
	if (plan_argv(&d, &r, a, &argv, &err) == 0)
		for (size_t i = 0; i + 1 < argv.argc; i++)
			if (strcmp(argv.argv[i], "-cpu") == 0)
				got = argv.argv[i + 1];
	if (got == err.text ? !strstr(got, want) : strcmp(got, want) != 0)
		fail_msg("%s: '%s' instead of '%s'", cpu, got, want);
	assert_true(got != err.text || err.code == ERR_CONFIG_UNSUPPORTED);
	arena_free(a);
}

#define MODEL "<model>Nehalem</model>"
#define FEATURE(policy, name) "<feature policy='" policy "' name='" name "'/>"

static void test_vendor(void **state)
{
	(void)state;
	starts("kvm", ">" MODEL "<vendor>Intel</vendor>", &host, "Nehalem,enforce=on");
	starts("kvm", ">" MODEL "<vendor>AMD</vendor>", &host, "its vendor is 'Intel', not 'AMD'");
	starts("kvm", ">" MODEL "<vendor>AMD</vendor>", NULL, "its vendor is 'unknown', not 'AMD'");
	starts("qemu", ">" MODEL "<vendor>Intel</vendor>", NULL, "Nehalem");
}

static void test_forbidden(void **state)
{
	(void)state;
	starts("kvm", ">" MODEL FEATURE("forbid", "vmx"), &host, "provides forbidden features: vmx");
	starts("kvm", ">" MODEL FEATURE("forbid", "sse4.1"), &host, "forbidden features: sse4.1");
	starts("kvm", ">" MODEL FEATURE("forbid", "svm"), &host, "Nehalem,svm=off,enforce=on");
	starts("kvm", " check='none'>" MODEL FEATURE("forbid", "vmx"), &host, "Nehalem,vmx=off");
	starts("qemu", " check='partial'>" MODEL FEATURE("forbid", "vmx"), &host, "Nehalem,vmx=off");
}

static void test_enforce(void **state)
{
	(void)state;
	starts("kvm", ">" MODEL FEATURE("require", "avx"), &host, "Nehalem,avx=on,enforce=on");
	starts("kvm", " check='none'>" MODEL, &host, "Nehalem");
	starts("kvm", ">" MODEL FEATURE("optional", "avx"), &host, "Nehalem,avx=on");
	starts("kvm", ">" MODEL FEATURE("force", "avx"), &host, "Nehalem,avx=on");
	/* what a list copied from the host demands, and KVM never emulates */
	starts("kvm", ">" MODEL FEATURE("require", "ds_cpl"), &host, "Nehalem,ds-cpl=on");
	starts("kvm", ">" MODEL FEATURE("require", "avx") FEATURE("require", "tm"), &host,
	       "Nehalem,avx=on,tm=on");
	starts("kvm", ">" MODEL FEATURE("disable", "tm"), &host, "Nehalem,tm=off,enforce=on");
	starts("kvm", ">" MODEL FEATURE("require", "vmx"), &host, "Nehalem,vmx=on,enforce=on");
	starts("kvm", " check='full'>" MODEL FEATURE("require", "tm"), &host,
	       "Nehalem,tm=on,enforce=on");
	starts("kvm", " match='minimum'>" MODEL, NULL, "host,migratable=on");
	starts("kvm", " mode='host-model'>", NULL, "host,migratable=on");
	starts("kvm", " mode='host-passthrough'>", NULL, "host,migratable=on");
	starts("qemu", " check='partial'>" MODEL, &host, "Nehalem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vendor), cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_enforce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
