/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run the probe's guest. In a child that may hang, die or be lied to. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "host/kvm_guest.h"
#include "host/probe.h"

#define MEMORY (1u << 20)
#define CPUID_MAX 256
/* A host that is a guest itself is paused at times, and that counts as our time: try again, unless it
   took longer than pauses do. */
#define TRIES 5
#define PAUSES_MS_MAX 200

#if defined(__x86_64__)

static void no(struct probe_kvm *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void no(struct probe_kvm *ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(ret->reason, sizeof(ret->reason), fmt, ap) < 0)
		ret->reason[0] = '\0';
	va_end(ap);
}

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Physical 0 at 0 and at a kernel's address; a gate for the invalid opcode trap. */
static void fill_memory(uint8_t *m)
{
	uint64_t *pml4 = (uint64_t *)(void *)(m + KVM_GUEST_PML4), *pdpt = pml4 + 512, *pd = pdpt + 512;
	const uintptr_t start = (uintptr_t)kvm_guest_start;
	uint64_t trap = KVM_GUEST_HIGH + KVM_GUEST_BASE + ((uintptr_t)kvm_guest_trap - start);
	uint64_t *gate = (uint64_t *)(void *)(m + KVM_GUEST_IDT + 6 * 16);

	memcpy(m + KVM_GUEST_BASE, kvm_guest_start, (uintptr_t)kvm_guest_end - start);
	pml4[0] = pml4[511] = (KVM_GUEST_PML4 + 0x1000) | 3;
	pdpt[0] = pdpt[510] = (KVM_GUEST_PML4 + 0x2000) | 3;
	pd[0] = 0x83;
	gate[0] = (trap & 0xffff) | 0x18u << 16 | UINT64_C(0x8e00) << 32 | (trap >> 16 & 0xffff) << 48;
	gate[1] = trap >> 32;
}

static int set_cpuid(int kvm, int vcpu)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_MAX];
	} c = { .head.nent = CPUID_MAX };

	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &c) < 0 || ioctl(vcpu, KVM_SET_CPUID2, &c) < 0)
		return -errno;
	return 0;
}

/* sregs: those of the processor before it ran. */
static int set_registers(int vcpu, struct kvm_sregs *sregs)
{
	struct kvm_regs regs = { .rip = KVM_GUEST_BASE, .rsp = KVM_GUEST_STACK, .rflags = 2 };

	sregs->cs.base = 0;
	sregs->cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

struct steps {
	char seen[16];
	unsigned n;
	uint8_t values[4];
	unsigned n_values;
	uint64_t loop_us;
};

static void note(struct steps *s, const struct kvm_run *run)
{
	uint8_t v = *((const uint8_t *)run + run->io.data_offset);
	uint64_t now = cpu_us();

	if (run->io.port == KVM_GUEST_VALUE_PORT && s->n_values < sizeof(s->values))
		s->values[s->n_values++] = v;
	if (run->io.port != KVM_GUEST_PORT || s->n + 1 >= sizeof(s->seen))
		return;
	s->seen[s->n++] = (char)v;
	if (v == 't')
		s->loop_us = now;
	else if (v == 'e')
		s->loop_us = now - s->loop_us;
}

static void judge(const struct steps *s, struct probe_kvm *ret)
{
	if (strcmp(s->seen, "rplhte") != 0)
		no(ret, "the guest stopped in an unexpected place (steps \"%s\" of \"rplhte\")", s->seen);
	else if (s->n_values != 2 || s->values[0] != 0x18)
		no(ret, "guest kernels do not run at ring 0 (code segment 0x%x)", s->values[0]);
	else if (s->values[1] != 1)
		no(ret, "the guest does not see its own interrupt flag");
	else if (s->loop_us > PROBE_CPU_MS_MAX * 1000)
		no(ret, "guest code is emulated, not executed: %d rounds of an empty loop took %llu ms; an ordinary kernel would not get through its start",
		   PROBE_ITERATIONS, (unsigned long long)s->loop_us / 1000);
	else
		ret->usable = true;
}

/* True if another try may tell more. */
static bool run(int vcpu, struct kvm_run *run, struct probe_kvm *ret)
{
	struct steps s = { .n = 0 };

	for (int i = 0; i < 32; i++) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0) {
			no(ret, "KVM_RUN after steps \"%s\": %s", s.seen, strerrordesc_np(errno));
			return false;
		}
		if (run->exit_reason != KVM_EXIT_IO)
			break;
		note(&s, run);
	}
	if (run->exit_reason == KVM_EXIT_HLT)
		judge(&s, ret);
	else
		no(ret, "the guest ended after steps \"%s\" with exit %u, internal error %u", s.seen,
		   run->exit_reason, run->exit_reason == KVM_EXIT_INTERNAL_ERROR ?
		   run->internal.suberror : 0);
	return !ret->usable && s.loop_us > PROBE_CPU_MS_MAX * 1000 && s.loop_us <= PAUSES_MS_MAX * 1000;
}

void probe_kvm_run(int kvm, struct probe_kvm *ret)
{
	uint8_t *m = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY,
						      .userspace_addr = (uintptr_t)m };
	int vm, vcpu, size, khz, tries = 1;
	struct kvm_sregs sregs;
	struct kvm_run *r;

	if (m == MAP_FAILED || ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		no(ret, "/dev/kvm speaks another version");
		return;
	}
	ret->tsc_scaling = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0) {
		no(ret, "KVM_CREATE_VM: %s", strerrordesc_np(errno));
		return;
	}
	fill_memory(m);
	/* Intel without unrestricted guests needs a place for its own task segment */
	(void)ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	vcpu = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	r = vcpu < 0 || size <= 0 ? MAP_FAILED :
	    mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (r == MAP_FAILED || set_cpuid(kvm, vcpu) < 0 || ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0 ||
	    set_registers(vcpu, &sregs) < 0) {
		no(ret, "making a virtual processor: %s", strerrordesc_np(errno));
		return;
	}
	khz = ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
	ret->tsc_khz = khz > 0 ? (uint32_t)khz : 0;
	while (run(vcpu, r, ret) && tries++ < TRIES && set_registers(vcpu, &sregs) == 0)
		;
}

#else

/* The node and a virtual machine are all that can be tried without a guest for this processor. */
void probe_kvm_run(int kvm, struct probe_kvm *ret)
{
	if (ioctl(kvm, KVM_CREATE_VM, 0) < 0)
		snprintf(ret->reason, sizeof(ret->reason), "KVM_CREATE_VM: %s", strerrordesc_np(errno));
	else
		ret->usable = true;
}

#endif
