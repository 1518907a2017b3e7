/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's texts about a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "host/facts.h"

static void test_lists(void **state)
{
	(void)state;
	assert_int_equal(facts_list_count("0-3,8,10-11\n"), 7);
	assert_int_equal(facts_list_count("0"), 1);
	assert_int_equal(facts_list_count(""), 0);
	assert_int_equal(facts_list_count("3-1"), 0);
	assert_int_equal(facts_list_count("a"), 0);
	assert_int_equal(facts_list_count("0-99999999999999999999"), 0);
	assert_int_equal(facts_list_count("1;2"), 0);
}

static void test_meminfo(void **state)
{
	(void)state;
	assert_int_equal(facts_meminfo("MemTotal:  24684092 kB\nMemFree: 1 kB\n", "MemTotal"), 24684092);
	assert_int_equal(facts_meminfo("Node 0 MemTotal:   77 kB\n", "MemTotal"), 77);
	assert_int_equal(facts_meminfo("XMemTotal: 1 kB\nMemTotalX: 2 kB\n", "MemTotal"), 0);
	assert_int_equal(facts_meminfo("", "MemTotal"), 0);
}

static void test_cpuinfo(void **state)
{
	static const char text[] =
		"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 33\n"
		"model name\t: AMD Ryzen 9 5950X\nstepping\t: 2\nmicrocode\t: 0xa20120e\n"
		"cpu MHz\t\t: 3393.624\nflags\t\t: fpu vme  sse svm\n"
		"address sizes\t: 48 bits physical, 48 bits virtual\npower management:\n\n"
		"processor\t: 1\nmodel\t\t: 99\n";
	struct arena *a = arena_new(1 << 20);
	struct host_facts f = { 0 };

	(void)state;
	assert_int_equal(facts_cpuinfo(a, text, &f), 0);
	assert_string_equal(f.cpu_vendor, "AuthenticAMD");
	assert_string_equal(f.cpu_name, "AMD Ryzen 9 5950X");
	assert_int_equal(f.cpu_family, 25);
	assert_int_equal(f.cpu_model, 33);
	assert_int_equal(f.cpu_stepping, 2);
	assert_int_equal(f.cpu_microcode, 0xa20120e);
	assert_int_equal(f.mhz, 3393);
	assert_int_equal(f.cpu_phys_bits, 48);
	assert_int_equal(f.n_cpu_flags, 4);
	assert_string_equal(f.cpu_flags[3], "svm");
	arena_free(a);
}

static struct host_cpu cpu(unsigned id, unsigned socket, unsigned core, char *siblings)
{
	return (struct host_cpu){ .id = id, .socket = socket, .core = core, .siblings = siblings };
}

static void test_topology(void **state)
{
	struct host_cpu c[8] = {
		cpu(0, 0, 0, "0,4"), cpu(1, 0, 1, "1,5"), cpu(4, 0, 0, "0,4"), cpu(5, 0, 1, "1,5"),
		cpu(2, 1, 0, "2,6"), cpu(3, 1, 1, "3,7"), cpu(6, 1, 0, "2,6"), cpu(7, 1, 1, "3,7"),
	};
	struct host_cell cells[2] = { { .n_cpus = 4, .cpus = c },
				      { .id = 1, .n_cpus = 4, .cpus = c + 4 } };
	struct host_facts f = { .cpus = 8, .n_cells = 2, .cells = cells };

	(void)state;
	facts_topology(&f);
	assert_int_equal(f.nodes, 2);
	assert_int_equal(f.sockets, 1);
	assert_int_equal(f.cores, 2);
	assert_int_equal(f.threads, 2);
	/* one is offline: nothing multiplies to seven */
	f.cpus = 7;
	cells[1].n_cpus = 3;
	facts_topology(&f);
	assert_int_equal(f.nodes * f.sockets * f.dies * f.cores * f.threads, 7);
}

static void test_version(void **state)
{
	(void)state;
	assert_int_equal(facts_qemu_version("QEMU emulator version 7.2.22 (Debian 1:7.2)\n"), 7002022);
	assert_int_equal(facts_qemu_version("QEMU emulator version 9.0\n"), 9000000);
	assert_int_equal(facts_qemu_version("QEMU emulator version x"), 0);
	assert_int_equal(facts_qemu_version("version 1.2000.3"), 0);
	assert_int_equal(facts_qemu_version(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists), cmocka_unit_test(test_meminfo),
		cmocka_unit_test(test_cpuinfo), cmocka_unit_test(test_topology),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
