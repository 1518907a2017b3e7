/* SPDX-License-Identifier: GPL-2.0-or-later */
.code16
.globl _start
_start:
  cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%ss; mov $0x7000,%sp; sti
  mov $msg,%si
1: lodsb; test %al,%al; jz 2f; call putc; jmp 1b
2: # echo loop; p=poweroff r=reset c=pvpanic f=flood
  mov $0x3fd,%dx; in %dx,%al; test $1,%al; jz 2b
  mov $0x3f8,%dx; in %dx,%al
  cmp $'p',%al; je off
  cmp $'r',%al; je rst
  cmp $'c',%al; je crash
  cmp $'f',%al; je flood
  call putc; jmp 2b
off: mov $0x604,%dx; mov $0x2000,%ax; out %ax,%dx; jmp 2b
rst: mov $0xcf9,%dx; mov $6,%al; out %al,%dx; jmp 2b
crash: mov $0x505,%dx; mov $1,%al; out %al,%dx; jmp 2b
flood: mov $'F',%al; call putc; jmp flood
putc: push %dx; push %ax; mov $0x3fd,%dx
3: in %dx,%al; test $0x20,%al; jz 3b
  pop %ax; mov $0x3f8,%dx; out %al,%dx; pop %dx; ret
msg: .asciz "\r\nBOOTED\r\n"
.org 510
.word 0xaa55
