/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of CPU features: QEMU 7.2's (from -cpu help), and the kernel's for the same thing. */
#include "hv/qemu/priv.h"

static const char known_features[] =
	"3dnow 3dnowext 3dnowprefetch abm ace2 ace2-en acpi adx aes amd-no-ssb amd-ssbd "
	"amd-stibp amx-bf16 amx-int8 amx-tile apic arat arch-capabilities arch-lbr avic "
	"avx avx-vnni avx2 avx512-4fmaps avx512-4vnniw avx512-bf16 avx512-fp16 "
	"avx512-vp2intersect avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq "
	"avx512er avx512f avx512ifma avx512pf avx512vbmi avx512vbmi2 avx512vl "
	"avx512vnni bmi1 bmi2 bus-lock-detect cid cldemote clflush clflushopt clwb "
	"clzero cmov cmp-legacy core-capability cr8legacy cx16 cx8 dca de decodeassists "
	"ds ds-cpl dtes64 erms est extapic f16c flushbyasid fma fma4 fpu fsgsbase fsrm "
	"full-width-write fxsr fxsr-opt gfni hle ht hypervisor ia64 ibpb ibrs ibrs-all "
	"ibs intel-pt intel-pt-lip invpcid invtsc kvm-asyncpf kvm-asyncpf-int kvm-hint- "
	"dedicated kvm-mmu kvm-msi-ext-dest-id kvm-nopiodelay kvm-poll-control kvm-pv- "
	"eoi kvm-pv-ipi kvm-pv-sched-yield kvm-pv-tlb-flush kvm-pv-unhalt kvm-steal- "
	"time kvmclock kvmclock-stable-bit la57 lahf-lm lbrv lm lwp mca mce md-clear "
	"mds-no misalignsse mmx mmxext monitor movbe movdir64b movdiri mpx msr mtrr "
	"nodeid-msr npt nrip-save nx osvw pae pat pause-filter pbe pcid pclmulqdq "
	"pcommit pdcm pdpe1gb perfctr-core perfctr-nb pfthreshold pge phe phe-en pks "
	"pku pmm pmm-en pn pni popcnt pschange-mc-no pse pse36 rdctl-no rdpid rdrand "
	"rdseed rdtscp rsba rtm sep serialize sgx sgx-debug sgx-exinfo sgx-kss sgx- "
	"mode64 sgx-provisionkey sgx-tokenkey sgx1 sgx2 sgxlc sha-ni skinit skip-l1dfl- "
	"vmentry smap smep smx spec-ctrl split-lock-detect ss ssb-no ssbd sse sse2 "
	"sse4.1 sse4.2 sse4a ssse3 stibp svm svm-lock svme-addr-chk syscall taa-no tbm "
	"tce tm tm2 topoext tsc tsc-adjust tsc-deadline tsc-scale tsx-ctrl tsx-ldtrk "
	"umip v-vmsave-vmload vaes vgif virt-ssbd vmcb-clean vme vmx vpclmulqdq waitpkg "
	"wbnoinvd wdt x2apic xcrypt xcrypt-en xfd xgetbv1 xop xsave xsavec xsaveerptr "
	"xsaveopt xsaves xstore xstore-en xtpr vmx-activity-hlt vmx-activity-shutdown "
	"vmx-activity-wait-sipi vmx-apicv-register vmx-apicv-vid vmx-apicv-x2apic vmx- "
	"apicv-xapic vmx-cr3-load-noexit vmx-cr3-store-noexit vmx-cr8-load-exit vmx- "
	"cr8-store-exit vmx-desc-exit vmx-encls-exit vmx-entry-ia32e-mode vmx-entry- "
	"load-bndcfgs vmx-entry-load-efer vmx-entry-load-pat vmx-entry-load-perf- "
	"global-ctrl vmx-entry-load-pkrs vmx-entry-load-rtit-ctl vmx-entry-noload- "
	"debugctl vmx-ept vmx-ept-1gb vmx-ept-2mb vmx-ept-advanced-exitinfo vmx-ept- "
	"execonly vmx-eptad vmx-eptp-switching vmx-exit-ack-intr vmx-exit-clear-bndcfgs "
	"vmx-exit-clear-rtit-ctl vmx-exit-load-efer vmx-exit-load-pat vmx-exit-load- "
	"perf-global-ctrl vmx-exit-load-pkrs vmx-exit-nosave-debugctl vmx-exit-save- "
	"efer vmx-exit-save-pat vmx-exit-save-preemption-timer vmx-flexpriority vmx- "
	"hlt-exit vmx-ins-outs vmx-intr-exit vmx-invept vmx-invept-all-context vmx- "
	"invept-single-context vmx-invept-single-context-noglobals vmx-invlpg-exit vmx- "
	"invpcid-exit vmx-invvpid vmx-invvpid-all-context vmx-invvpid-single-addr vmx- "
	"io-bitmap vmx-io-exit vmx-monitor-exit vmx-movdr-exit vmx-msr-bitmap vmx-mtf "
	"vmx-mwait-exit vmx-nmi-exit vmx-page-walk-4 vmx-page-walk-5 vmx-pause-exit "
	"vmx-ple vmx-pml vmx-posted-intr vmx-preemption-timer vmx-rdpmc-exit vmx- "
	"rdrand-exit vmx-rdseed-exit vmx-rdtsc-exit vmx-rdtscp-exit vmx-secondary-ctls "
	"vmx-shadow-vmcs vmx-store-lma vmx-true-ctls vmx-tsc-offset vmx-tsc-scaling "
	"vmx-unrestricted-guest vmx-vintr-pending vmx-vmfunc vmx-vmwrite-vmexit-fields "
	"vmx-vnmi vmx-vnmi-pending vmx-vpid vmx-wbinvd-exit vmx-xsaves vmx-zero-len- "
	"inject";

/* Where the kernel's name differs by more than '_' for '-'. */
static const struct {
	const char *kernel;
	const char *qemu;
} renamed[] = {
	{ "sse4_1", "sse4.1" },
	{ "sse4_2", "sse4.2" },
	{ "tsc_deadline_timer", "tsc-deadline" },
	{ "cr8_legacy", "cr8legacy" },
	{ "tsxldtrk", "tsx-ldtrk" },
	{ "avx512_vnni", "avx512vnni" },
	{ "avx512_bitalg", "avx512bitalg" },
	{ "avx512_vbmi2", "avx512vbmi2" },
};

/*
 * Features of the bare processor that a guest is not given with host-model:
 * nested virtualisation is asked for by name, the rest no KVM emulates, or only
 * some do: by kernel, processor and what else the guest was given.
 */
static const char nested[] =
	"vmx svm npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid decodeassists "
	"pause-filter pfthreshold avic v-vmsave-vmload vgif svme-addr-chk";
static const char not_emulated[] =
	"skinit monitor ht acpi tm tm2 est ds ds-cpl pbe dtes64 xtpr pdcm smx dca cid ia64 extapic "
	"ibs lwp wdt nodeid-msr tce perfctr-nb intel-pt intel-pt-lip arch-lbr bus-lock-detect "
	"split-lock-detect waitpkg sgx sgx1 sgx2 sgxlc pcommit full-width-write";

bool plan_word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; len && (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

static bool with_dashes(char *out, size_t size, const char *name)
{
	size_t len = strlen(name);

	if (len >= size || strchr(name, ' '))
		return false;
	for (size_t i = 0; i <= len; i++)
		out[i] = name[i] == '_' ? '-' : name[i];
	return true;
}

bool plan_cpu_feature_known(const char *name)
{
	char dashed[48];

	return with_dashes(dashed, sizeof(dashed), name) && plan_word_in(known_features, dashed);
}

bool plan_cpu_feature_emulated(const char *name)
{
	char dashed[48];

	return with_dashes(dashed, sizeof(dashed), name) && !plan_word_in(not_emulated, dashed);
}

bool plan_cpu_feature_from_kernel(const char *flag, bool amd, char *out, size_t size)
{
	const char *name = flag;

	for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
		if (strcmp(flag, renamed[i].kernel) == 0)
			name = renamed[i].qemu;
	/* The kernel folds each vendor's bits for speculation control into one name. */
	if (strcmp(flag, "ibrs") == 0 && !amd)
		name = "spec-ctrl";
	else if (strcmp(flag, "stibp") == 0 && amd)
		name = "amd-stibp";
	else if (strcmp(flag, "ssbd") == 0 && amd)
		name = "amd-ssbd";
	else if (strcmp(flag, "ibpb") == 0 && !amd)
		return false;
	return with_dashes(out, size, name) && plan_word_in(known_features, out) &&
	       !plan_word_in(nested, out) && !plan_word_in(not_emulated, out);
}

const struct plan_cpu_model *plan_cpu_model_find(const char *name)
{
	for (size_t i = 0; i < n_plan_cpu_models; i++)
		if (plan_is(name, plan_cpu_models[i].name))
			return &plan_cpu_models[i];
	return NULL;
}
