/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models of QEMU 7.2 with the features each stands for, in libvirt's order.
 * Source: QMP query-cpu-definitions and query-cpu-model-expansion. `tcg` says
 * that TCG has all of them.
 */
#include "hv/qemu/priv.h"

const struct plan_cpu_model plan_cpu_models[] = {
	{ "qemu64", "unknown", true,
	  "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx msr "
	  "mtrr nx pae pat pge pni pse pse36 sep sse sse2 svm syscall tsc" },
	{ "qemu32", "unknown", true,
	  "apic cmov cx8 de fpu fxsr hypervisor mce mmx msr pae pat pge pni pse sep sse "
	  "sse2 tsc" },
	{ "phenom", "AMD", false,
	  "3dnow 3dnowext abm apic clflush cmov cx16 cx8 de fpu fxsr fxsr-opt hypervisor "
	  "lahf-lm lm mca mce mmx mmxext monitor msr mtrr npt nx pae pat pdpe1gb pge pni "
	  "popcnt pse pse36 rdtscp sep sse sse2 sse4a svm syscall tsc" },
	{ "pentium3", "unknown", true,
	  "apic cmov cx8 de fpu fxsr hypervisor mca mce mmx msr mtrr pae pat pge pse "
	  "pse36 sep sse tsc" },
	{ "pentium2", "unknown", true,
	  "apic cmov cx8 de fpu fxsr hypervisor mca mce mmx msr mtrr pae pat pge pse "
	  "pse36 sep tsc" },
	{ "pentium", "unknown", true,
	  "apic cx8 de fpu hypervisor mce mmx msr pse tsc" },
	{ "n270", "Intel", true,
	  "acpi apic clflush cmov cx8 de fpu fxsr hypervisor lahf-lm mca mce mmx monitor "
	  "movbe msr mtrr nx pae pat pge pni pse sep ss sse sse2 ssse3 tsc" },
	{ "kvm64", "unknown", true,
	  "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lm mca mce mmx msr mtrr nx "
	  "pae pat pge pni pse pse36 sep sse sse2 syscall tsc" },
	{ "kvm32", "unknown", true,
	  "apic clflush cmov cx8 de fpu fxsr hypervisor mca mce mmx msr mtrr pae pat pge "
	  "pni pse pse36 sep sse sse2 tsc" },
	{ "coreduo", "Intel", true,
	  "acpi apic clflush cmov cx8 de fpu fxsr hypervisor mca mce mmx monitor msr mtrr "
	  "nx pae pat pge pni pse sep ss sse sse2 tsc" },
	{ "core2duo", "Intel", true,
	  "acpi apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx "
	  "monitor msr mtrr nx pae pat pge pni pse pse36 sep ss sse sse2 ssse3 syscall "
	  "tsc" },
	{ "athlon", "AMD", true,
	  "3dnow 3dnowext apic cmov cx8 de fpu fxsr hypervisor mca mce mmx mmxext msr "
	  "mtrr pae pat pge pse pse36 sep sse sse2 tsc" },
	{ "Westmere-IBRS", "Intel", false,
	  "aes apic arat clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce "
	  "mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt pse pse36 sep spec-ctrl sse "
	  "sse2 sse4.1 sse4.2 ssse3 syscall tsc" },
	{ "Westmere", "Intel", true,
	  "aes apic arat clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce "
	  "mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt pse pse36 sep sse sse2 sse4.1 "
	  "sse4.2 ssse3 syscall tsc" },
	{ "Snowridge", "Intel", false,
	  "3dnowprefetch aes apic arat arch-capabilities cldemote clflush clflushopt clwb "
	  "cmov core-capability cx16 cx8 de erms fpu fsgsbase fxsr gfni hypervisor lahf- "
	  "lm lm mca mce mmx monitor movbe movdir64b movdiri mpx msr mtrr nx pae pat "
	  "pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni "
	  "smap smep spec-ctrl split-lock-detect ssbd sse sse2 sse4.1 sse4.2 ssse3 "
	  "syscall tsc tsc-deadline umip x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Skylake-Server-noTSX-IBRS", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq "
	  "avx512f avx512vl bmi1 bmi2 clflush clwb cmov cx16 cx8 de erms f16c fma fpu "
	  "fsgsbase fxsr hypervisor invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae "
	  "pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline "
	  "x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Skylake-Server-IBRS", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq "
	  "avx512f avx512vl bmi1 bmi2 clflush clwb cmov cx16 cx8 de erms f16c fma fpu "
	  "fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx "
	  "pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed "
	  "rdtscp rtm sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc "
	  "tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Skylake-Server", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq "
	  "avx512f avx512vl bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c "
	  "fma fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce mmx movbe msr "
	  "mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp rtm sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Skylake-Client-noTSX-IBRS", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hypervisor invpcid lahf-lm lm mca mce mmx "
	  "movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc "
	  "tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Skylake-Client-IBRS", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce "
	  "mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp rtm sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall "
	  "tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Skylake-Client", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce "
	  "mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp rtm sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "SandyBridge-IBRS", "Intel", false,
	  "aes apic arat avx clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca "
	  "mce mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt pse pse36 rdtscp sep "
	  "spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave "
	  "xsaveopt" },
	{ "SandyBridge", "Intel", false,
	  "aes apic arat avx clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca "
	  "mce mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt pse pse36 rdtscp sep sse "
	  "sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ "Penryn", "Intel", true,
	  "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx msr "
	  "mtrr nx pae pat pge pni pse pse36 sep sse sse2 sse4.1 ssse3 syscall tsc" },
	{ "Opteron_G5", "AMD", false,
	  "3dnowprefetch abm aes apic avx clflush cmov cx16 cx8 de f16c fma fma4 fpu fxsr "
	  "hypervisor lahf-lm lm mca mce misalignsse mmx msr mtrr npt nrip-save nx pae "
	  "pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdtscp sep sse sse2 sse4.1 "
	  "sse4.2 sse4a ssse3 svm syscall tbm tsc xop xsave" },
	{ "Opteron_G4", "AMD", false,
	  "3dnowprefetch abm aes apic avx clflush cmov cx16 cx8 de fma4 fpu fxsr "
	  "hypervisor lahf-lm lm mca mce misalignsse mmx msr mtrr npt nrip-save nx pae "
	  "pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdtscp sep sse sse2 sse4.1 "
	  "sse4.2 sse4a ssse3 svm syscall tsc xop xsave" },
	{ "Opteron_G3", "AMD", false,
	  "abm apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce "
	  "misalignsse mmx monitor msr mtrr nx pae pat pge pni popcnt pse pse36 rdtscp "
	  "sep sse sse2 sse4a svm syscall tsc" },
	{ "Opteron_G2", "AMD", true,
	  "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx msr "
	  "mtrr nx pae pat pge pni pse pse36 sep sse sse2 svm syscall tsc" },
	{ "Opteron_G1", "AMD", true,
	  "apic clflush cmov cx8 de fpu fxsr hypervisor lm mca mce mmx msr mtrr nx pae "
	  "pat pge pni pse pse36 sep sse sse2 syscall tsc" },
	{ "Nehalem-IBRS", "Intel", false,
	  "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx msr "
	  "mtrr nx pae pat pge pni popcnt pse pse36 sep spec-ctrl sse sse2 sse4.1 sse4.2 "
	  "ssse3 syscall tsc" },
	{ "Nehalem", "Intel", true,
	  "apic clflush cmov cx16 cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx msr "
	  "mtrr nx pae pat pge pni popcnt pse pse36 sep sse sse2 sse4.1 sse4.2 ssse3 "
	  "syscall tsc" },
	{ "IvyBridge-IBRS", "Intel", false,
	  "aes apic arat avx clflush cmov cx16 cx8 de erms f16c fpu fsgsbase fxsr "
	  "hypervisor lahf-lm lm mca mce mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt "
	  "pse pse36 rdrand rdtscp sep smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 "
	  "syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ "IvyBridge", "Intel", false,
	  "aes apic arat avx clflush cmov cx16 cx8 de erms f16c fpu fsgsbase fxsr "
	  "hypervisor lahf-lm lm mca mce mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt "
	  "pse pse36 rdrand rdtscp sep smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline x2apic xsave xsaveopt" },
	{ "Icelake-Server-noTSX", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512-vpopcntdq avx512bitalg "
	  "avx512bw avx512cd avx512dq avx512f avx512vbmi avx512vbmi2 avx512vl avx512vnni "
	  "bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase "
	  "fxsr gfni hypervisor invpcid la57 lahf-lm lm mca mce mmx movbe msr mtrr nx pae "
	  "pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "sep smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline umip vaes vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Icelake-Server", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512-vpopcntdq avx512bitalg "
	  "avx512bw avx512cd avx512dq avx512f avx512vbmi avx512vbmi2 avx512vl avx512vnni "
	  "bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase "
	  "fxsr gfni hle hypervisor invpcid la57 lahf-lm lm mca mce mmx movbe msr mtrr nx "
	  "pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed "
	  "rdtscp rtm sep smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall "
	  "tsc tsc-deadline umip vaes vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec "
	  "xsaveopt" },
	{ "Haswell-noTSX-IBRS", "Intel", false,
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma "
	  "fpu fsgsbase fxsr hypervisor invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx "
	  "pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp sep smep spec- "
	  "ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave "
	  "xsaveopt" },
	{ "Haswell-noTSX", "Intel", false,
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma "
	  "fpu fsgsbase fxsr hypervisor invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx "
	  "pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp sep smep sse "
	  "sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ "Haswell-IBRS", "Intel", false,
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma "
	  "fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce mmx movbe msr mtrr "
	  "nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp rtm sep smep "
	  "spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave "
	  "xsaveopt" },
	{ "Haswell", "Intel", false,
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma "
	  "fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce mmx movbe msr mtrr "
	  "nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp rtm sep smep "
	  "sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ "EPYC-Rome", "AMD", false,
	  "3dnowprefetch abm adx aes amd-stibp apic arat avx avx2 bmi1 bmi2 clflush "
	  "clflushopt clwb clzero cmov cr8legacy cx16 cx8 de f16c fma fpu fsgsbase fxsr "
	  "fxsr-opt hypervisor ibpb lahf-lm lm mca mce misalignsse mmx mmxext monitor "
	  "movbe msr mtrr npt nrip-save nx osvw pae pat pclmulqdq pdpe1gb perfctr-core "
	  "pge pni popcnt pse pse36 rdpid rdrand rdseed rdtscp sep sha-ni smap smep sse "
	  "sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall topoext tsc umip wbnoinvd xgetbv1 "
	  "xsave xsavec xsaveerptr xsaveopt xsaves" },
	{ "EPYC-Milan", "AMD", false,
	  "3dnowprefetch abm adx aes amd-ssbd amd-stibp apic arat avx avx2 bmi1 bmi2 "
	  "clflush clflushopt clwb clzero cmov cr8legacy cx16 cx8 de erms f16c fma fpu "
	  "fsgsbase fsrm fxsr fxsr-opt hypervisor ibpb ibrs invpcid lahf-lm lm mca mce "
	  "misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw pae pat "
	  "pcid pclmulqdq pdpe1gb perfctr-core pge pku pni popcnt pse pse36 rdpid rdrand "
	  "rdseed rdtscp sep sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm "
	  "svme-addr-chk syscall topoext tsc umip wbnoinvd xgetbv1 xsave xsavec "
	  "xsaveerptr xsaveopt xsaves" },
	{ "EPYC-IBPB", "AMD", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov "
	  "cr8legacy cx16 cx8 de f16c fma fpu fsgsbase fxsr fxsr-opt hypervisor ibpb "
	  "lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save "
	  "nx osvw pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdrand rdseed "
	  "rdtscp sep sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall "
	  "topoext tsc xgetbv1 xsave xsavec xsaveopt" },
	{ "EPYC", "AMD", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov "
	  "cr8legacy cx16 cx8 de f16c fma fpu fsgsbase fxsr fxsr-opt hypervisor lahf-lm "
	  "lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw "
	  "pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep "
	  "sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall topoext tsc "
	  "xgetbv1 xsave xsavec xsaveopt" },
	{ "Dhyana", "Hygon", false,
	  "3dnowprefetch abm adx apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov "
	  "cr8legacy cx16 cx8 de f16c fma fpu fsgsbase fxsr fxsr-opt hypervisor ibpb "
	  "lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save "
	  "nx osvw pae pat pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep smap "
	  "smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall topoext tsc xgetbv1 xsave "
	  "xsavec xsaveopt" },
	{ "Cooperlake", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-bf16 "
	  "avx512bw avx512cd avx512dq avx512f avx512vl avx512vnni bmi1 bmi2 clflush "
	  "clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle "
	  "hypervisor ibrs-all invpcid lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx "
	  "pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse pse36 "
	  "rdctl-no rdrand rdseed rdtscp rtm sep skip-l1dfl-vmentry smap smep spec-ctrl "
	  "ssbd sse sse2 sse4.1 sse4.2 ssse3 stibp syscall taa-no tsc tsc-deadline x2apic "
	  "xgetbv1 xsave xsavec xsaveopt" },
	{ "Conroe", "Intel", true,
	  "apic clflush cmov cx8 de fpu fxsr hypervisor lahf-lm lm mca mce mmx msr mtrr "
	  "nx pae pat pge pni pse pse36 sep sse sse2 ssse3 syscall tsc" },
	{ "Cascadelake-Server-noTSX", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512bw "
	  "avx512cd avx512dq avx512f avx512vl avx512vnni bmi1 bmi2 clflush clflushopt "
	  "clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hypervisor ibrs-all "
	  "invpcid lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq "
	  "pdpe1gb pge pku pni popcnt pse pse36 rdctl-no rdrand rdseed rdtscp sep "
	  "skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 "
	  "syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Cascadelake-Server", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq "
	  "avx512f avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de "
	  "erms f16c fma fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce mmx "
	  "movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 "
	  "rdrand rdseed rdtscp rtm sep smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 "
	  "ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ "Broadwell-noTSX-IBRS", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hypervisor invpcid lahf-lm lm mca mce mmx "
	  "movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc "
	  "tsc-deadline x2apic xsave xsaveopt" },
	{ "Broadwell-noTSX", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hypervisor invpcid lahf-lm lm mca mce mmx "
	  "movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline x2apic xsave xsaveopt" },
	{ "Broadwell-IBRS", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce "
	  "mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp rtm sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall "
	  "tsc tsc-deadline x2apic xsave xsaveopt" },
	{ "Broadwell", "Intel", false,
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fxsr hle hypervisor invpcid lahf-lm lm mca mce "
	  "mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand "
	  "rdseed rdtscp rtm sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline x2apic xsave xsaveopt" },
	{ "486", "unknown", true,
	  "fpu hypervisor pse" },
};
const size_t n_plan_cpu_models = ARRAY_LEN(plan_cpu_models);
