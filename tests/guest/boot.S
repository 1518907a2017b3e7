/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot sector that greets on the first serial port and on the screen, then echoes what comes in:
 * 'r' resets the machine. It needs no driver, so it boots from whatever bus the firmware reads.
 */
	.code16
	.globl _start
_start:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $0x7c00, %sp
	movw $text, %si
1:	lodsb
	testb %al, %al
	jz 3f
	movb $0x0e, %ah
	movw $0x0007, %bx
	pushw %ax
	int $0x10
	popw %ax
	call put
	jmp 1b
3:	movw $0x3fd, %dx
	inb %dx, %al
	testb $1, %al
	jz 4f
	movw $0x3f8, %dx
	inb %dx, %al
	cmpb $'r', %al
	je 5f
	call put
4:	sti
	hlt
	jmp 3b
5:	movb $0xfe, %al
	outb %al, $0x64
	jmp 5b

put:	pushw %ax
	movw $0x3fd, %dx
6:	inb %dx, %al
	testb $0x20, %al
	jz 6b
	popw %ax
	movw $0x3f8, %dx
	outb %al, %dx
	ret

text:	.asciz "\r\nguest: boot sector\r\n"
	.org 510
	.word 0xaa55
