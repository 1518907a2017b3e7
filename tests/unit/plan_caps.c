/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities and domain capabilities from made-up hosts; cpu mode host-model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "hv/qemu/hostcpu.h"
#include "hv/qemu/plan.h"
#include "proto/host.x.h"
#include "xml/tree.h"

#define OUT_MAX (1024 * 1024)
#define FLAGS_MAX 128

/* A Haswell as the kernel shows it, with two features the model has not. */
static const char haswell[] =
	"fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
	"sse2 ss ht syscall nx pdpe1gb rdtscp lm constant_tsc pni pclmulqdq vmx ssse3 fma cx16 pcid "
	"sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor "
	"lahf_lm abm fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid xsaveopt arat";

static char words[2][4096];
static char *flags[2][FLAGS_MAX];
static struct host_facts facts[2];

static char zero[] = "0", one[] = "1", h[] = "h", x86_64[] = "x86_64", intel[] = "GenuineIntel";
static char centaur[] = "CentaurHauls", emulator[] = "/usr/bin/qemu-system-x86_64";
static char code[] = "/usr/share/OVMF/OVMF_CODE_4M.fd";
static char secure_code[] = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
static char *firmware[] = { code, secure_code };
static char svirt[] = "u:r:svirt_t:s0", tcg[] = "u:r:svirt_tcg_t:s0";
static struct host_selinux policy = { .process = svirt };
static struct host_cpu cpus[] = { { .id = 0, .siblings = zero },
				  { .id = 1, .core = 1, .siblings = one } };
static struct host_cell cell = { .memory_kib = 4194304, .cpus = cpus, .n_cpus = 2 };

static struct host_facts *make_host(unsigned n, const char *cpu_flags, bool kvm)
{
	struct host_facts *f = &facts[n];
	char *save = NULL;

	*f = (struct host_facts){
		.hostname = h, .arch = x86_64, .sockets = 1, .dies = 1,
		.cores = 2, .threads = 1, .cpu_vendor = intel, .kvm = kvm,
		.qemu_version = 7002022, .emulator = emulator,
		.cells = &cell, .n_cells = 1, .firmware = firmware, .n_firmware = 2,
		.uuid = { 1, 2, 3, 4 }, .cpu_phys_bits = 46,
	};
	snprintf(words[n], sizeof(words[n]), "%s", cpu_flags);
	f->cpu_flags = flags[n];
	for (char *w = strtok_r(words[n], " ", &save); w; w = strtok_r(NULL, " ", &save))
		f->cpu_flags[f->n_cpu_flags++] = w;
	return f;
}

static void assert_has(const struct buf *out, const char *text)
{
	if (!strstr(buf_str(out), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_str(out));
}

static void assert_has_not(const struct buf *out, const char *text)
{
	if (strstr(buf_str(out), text))
		fail_msg("\"%s\" in:\n%s", text, buf_str(out));
}

static void assert_well_formed(const struct buf *out)
{
	struct arena *a = arena_new(16 * OUT_MAX);
	struct xml_node *root;
	struct err err = { 0 };

	if (xml_parse(buf_str(out), out->len, NULL, a, &root, &err) < 0)
		fail_msg("%s in:\n%s", err.text, buf_str(out));
	arena_free(a);
}

static void test_nearest_model(void **state)
{
	struct arena *a = arena_new(OUT_MAX);
	struct plan_host_cpu cpu;

	(void)state;
	assert_int_equal(plan_host_cpu(make_host(0, haswell, true), a, &cpu), 0);
	assert_string_equal(cpu.model->name, "Haswell-noTSX");
	assert_true(plan_host_has(&cpu, plan_cpu_model_find("Nehalem")));
	assert_false(plan_host_has(&cpu, plan_cpu_model_find("Skylake-Client")));
	assert_false(plan_host_has(&cpu, plan_cpu_model_find("EPYC")));
	for (size_t i = 0; i < cpu.n_extra; i++)
		assert_string_not_equal(cpu.extra[i], "vmx");
	/* Nothing fits a processor without features; no vendor's model does for a strange one. */
	assert_int_equal(plan_host_cpu(make_host(0, "fpu", true), a, &cpu), -ENOENT);
	facts[0] = *make_host(1, haswell, true);
	facts[0].cpu_vendor = centaur;
	assert_int_equal(plan_host_cpu(&facts[0], a, &cpu), 0);
	assert_string_equal(cpu.model->vendor, "unknown");
	arena_free(a);
}

static void test_capabilities(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(plan_capabilities_xml(make_host(0, haswell, true), &out), 0);
	assert_well_formed(&out);
	assert_has(&out, "<uuid>01020304-0000-0000-0000-000000000000</uuid>");
	assert_has(&out, "<model>Haswell-noTSX</model>");
	assert_has(&out, "<vendor>Intel</vendor>");
	assert_has(&out, "<feature name='tsc_adjust'/>");
	assert_has(&out, "<machine canonical='pc-q35-7.2' maxCpus='288'>q35</machine>");
	assert_has(&out, "<machine maxCpus='255'>pc-i440fx-7.2</machine>");
	assert_has(&out, "<domain type='kvm'/>");
	assert_has(&out, "<cell id='0'>");
	buf_reset(&out);
	assert_int_equal(plan_capabilities_xml(make_host(0, haswell, false), &out), 0);
	assert_has_not(&out, "<domain type='kvm'/>");
	assert_has(&out, "<domain type='qemu'/>");
	assert_has_not(&out, "<model>selinux</model>");
	buf_reset(&out);
	facts[0].qemu_version = 0;
	facts[0].selinux = &policy;
	assert_int_equal(plan_capabilities_xml(&facts[0], &out), 0);
	assert_has_not(&out, "<guest>");
	assert_well_formed(&out);
	/* a policy whose file has one line only uses it for both */
	assert_has(&out, "    <secmodel>\n      <model>selinux</model>\n      <doi>0</doi>\n"
			 "      <baselabel type='kvm'>u:r:svirt_t:s0</baselabel>\n"
			 "      <baselabel type='qemu'>u:r:svirt_t:s0</baselabel>\n"
			 "    </secmodel>\n    <secmodel>\n      <model>dac</model>\n");
	buf_reset(&out);
	policy.process_tcg = tcg;
	assert_int_equal(plan_capabilities_xml(&facts[0], &out), 0);
	assert_has(&out, "<baselabel type='qemu'>u:r:svirt_tcg_t:s0</baselabel>");
	buf_free(&out);
}

static void test_domcapabilities(void **state)
{
	const struct host_facts *host = make_host(0, haswell, true);
	struct err err = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	assert_int_equal(plan_domcapabilities_xml(host, NULL, NULL, NULL, NULL, &out, &err), 0);
	assert_well_formed(&out);
	assert_has(&out, "<domain>kvm</domain>\n  <machine>pc-i440fx-7.2</machine>");
	assert_has(&out, "<vcpu max='255'/>");
	assert_has(&out, "<value>ide</value>");
	assert_has_not(&out, "OVMF_CODE_4M.secboot.fd");
	assert_has(&out, "<mode name='host-passthrough' supported='yes'>");
	assert_has(&out, "<model usable='yes' vendor='Intel'>Haswell-noTSX</model>");
	assert_has(&out, "<model usable='no' vendor='AMD'>EPYC</model>");
	buf_reset(&out);
	assert_int_equal(plan_domcapabilities_xml(host, NULL, "x86_64", "q35", "qemu", &out, &err),
			 0);
	assert_well_formed(&out);
	assert_has(&out, "<domain>qemu</domain>\n  <machine>pc-q35-7.2</machine>");
	assert_has(&out, "OVMF_CODE_4M.secboot.fd");
	assert_has(&out, "<mode name='host-passthrough' supported='no'/>");
	assert_has(&out, "<model usable='yes' vendor='unknown'>qemu64</model>");
	assert_has_not(&out, "<value>ide</value>");
	buf_free(&out);
}

static void test_domcapabilities_refused(void **state)
{
	const struct host_facts *host = make_host(0, haswell, false);
	static const char *const questions[][4] = {
		{ "/usr/bin/other", NULL, NULL, NULL }, { NULL, "aarch64", NULL, NULL },
		{ NULL, NULL, "pc-q35-99", NULL },	{ NULL, NULL, NULL, "kvm" },
		{ NULL, NULL, NULL, "xen" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct err err = { 0 };
		struct buf out;

		buf_init(&out, OUT_MAX);
		assert_int_equal(plan_domcapabilities_xml(host, questions[i][0], questions[i][1],
							  questions[i][2], questions[i][3], &out,
							  &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID_ARG);
		assert_int_equal(out.len, 0);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest_model),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_domcapabilities),
		cmocka_unit_test(test_domcapabilities_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
