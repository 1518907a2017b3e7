/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each step writes its letter to port 0x80. A hypervisor that only pretends to
 * a processor (one that runs kernels at ring 3, say) shows in the code segment
 * a guest sees, in the interrupt flag, in traps, or in the time a loop takes.
 */
#include "host/kvm_guest.h"
#include "host/probe.h"

#if defined(__x86_64__)
#define S(x) #x
#define X(x) S(x)
#define AT(label) X(KVM_GUEST_BASE) "+(" #label "-kvm_guest_start)"
#define STEP(c) "movb $'" c "', %al\n outb %al, $0x80\n"

__asm__(
".section .rodata\n"
".globl kvm_guest_start, kvm_guest_end, kvm_guest_trap\n"
"kvm_guest_start:\n"
".code16\n"
"	cli\n"
	STEP("r")
"	lgdtl " AT(kvm_gdtr) "\n"
"	movl %cr0, %eax\n"
"	orl $1, %eax\n"
"	movl %eax, %cr0\n"
"	ljmpl $8, $" AT(kvm_32) "\n"
".code32\n"
"kvm_32:\n"
"	movw $0x10, %ax\n"
"	movw %ax, %ds\n"
"	movw %ax, %es\n"
"	movw %ax, %ss\n"
"	movl $" X(KVM_GUEST_STACK) ", %esp\n"
	STEP("p")
"	movl %cr4, %eax\n"
"	orl $0x20, %eax\n"               /* PAE */
"	movl %eax, %cr4\n"
"	movl $" X(KVM_GUEST_PML4) ", %eax\n"
"	movl %eax, %cr3\n"
"	movl $0xc0000080, %ecx\n"        /* EFER: LME, SCE */
"	rdmsr\n"
"	orl $0x101, %eax\n"
"	wrmsr\n"
"	movl %cr0, %eax\n"
"	orl $0x80000000, %eax\n"         /* PG */
"	movl %eax, %cr0\n"
"	ljmp $0x18, $" AT(kvm_64) "\n"
".code64\n"
"kvm_64:\n"
	STEP("l")
"	movabs $" X(KVM_GUEST_HIGH) "+" AT(kvm_high) ", %rax\n"
"	jmp *%rax\n"
"kvm_high:\n"
	STEP("h")
"	movabs $" X(KVM_GUEST_HIGH) "+" X(KVM_GUEST_STACK) ", %rsp\n"
"	movw %cs, %ax\n"
"	outb %al, $0x81\n"
"	lidt kvm_idtr(%rip)\n"
"	sti\n"
"	pushfq\n"
"	popq %rax\n"
"	cli\n"
"	shrq $9, %rax\n"
"	andb $1, %al\n"
"	outb %al, $0x81\n"
"	ud2\n"
	STEP("t")
"	movl $" X(PROBE_ITERATIONS) ", %ecx\n"
"1:	decl %ecx\n"
"	jnz 1b\n"
	STEP("e")
"	hlt\n"
"kvm_guest_trap:\n"
"	addq $2, (%rsp)\n"               /* past the ud2 */
"	iretq\n"
".balign 8\n"
"kvm_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff\n"
"kvm_gdtr: .word 31\n"
"	.long " AT(kvm_gdt) "\n"
"kvm_idtr: .word 16 * 7 - 1\n"
"	.quad " X(KVM_GUEST_HIGH) "+" X(KVM_GUEST_IDT) "\n"
"kvm_guest_end:\n"
".text\n");
#else
const uint8_t kvm_guest_start[1], kvm_guest_end[1], kvm_guest_trap[1];
#endif
