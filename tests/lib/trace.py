# SPDX-License-Identifier: GPL-2.0-or-later
"""One system call made by another process, its filters put aside meanwhile: what stops it then is no
filter (ptrace(2), PTRACE_O_SUSPEND_SECCOMP; for root, and not from inside a filter). x86-64."""
import contextlib
import ctypes
import os
import time

SEIZE, INTERRUPT, GETREGS, SETREGS, SINGLESTEP, DETACH = 0x4206, 0x4207, 12, 13, 9, 17
SUSPEND_SECCOMP = 1 << 21
TRIES = 250
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base"
         " ds es fs gs").split()        # struct user_regs_struct
RED_ZONE = 128                          # bytes below its stack that are in use all the same
SYSCALL = b"\x0f\x05"
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulong) for name in NAMES]


def ptrace(what, pid, data=None):
    if LIBC.ptrace(what, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {what:#x} of {pid}")


class Traced:
    """A process that is stopped in a system call of its own, with call(): its result, or -errno."""

    def __init__(self, pid):
        self.pid = pid
        self.saved = Registers()

    def begin(self):
        """False: it is not in a system call, but at work; try again, it will wait for something."""
        ptrace(SEIZE, self.pid, SUSPEND_SECCOMP)
        ptrace(INTERRUPT, self.pid)
        os.waitpid(self.pid, 0)
        ptrace(GETREGS, self.pid, ctypes.byref(self.saved))
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            memory.seek(self.saved.rip - len(SYSCALL))
            return memory.read(len(SYSCALL)) == SYSCALL

    def call(self, number, *arguments):
        """An argument that is bytes lies on its stack."""
        regs = Registers.from_buffer_copy(self.saved)
        top = (self.saved.rsp - RED_ZONE - 4096) & ~15
        values = []
        for argument in arguments:
            if isinstance(argument, bytes):
                with open(f"/proc/{self.pid}/mem", "wb", buffering=0) as memory:
                    memory.seek(top)
                    memory.write(argument + b"\0")
                argument = top
            values.append(argument & (1 << 64) - 1)
        for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), values):
            setattr(regs, name, value)
        regs.rip -= len(SYSCALL)
        regs.rax, regs.orig_rax = number, (1 << 64) - 1     # and none to be restarted
        ptrace(SETREGS, self.pid, ctypes.byref(regs))
        ptrace(SINGLESTEP, self.pid)
        os.waitpid(self.pid, 0)
        ptrace(GETREGS, self.pid, ctypes.byref(regs))
        ptrace(SETREGS, self.pid, ctypes.byref(self.saved))
        return ctypes.c_long(regs.rax).value


@contextlib.contextmanager
def traced(pid):
    one = Traced(pid)
    for _ in range(TRIES):
        if one.begin():
            break
        ptrace(DETACH, pid)
        time.sleep(0.02)
    else:
        raise TimeoutError(f"process {pid} waits for nothing")
    try:
        yield one
    finally:
        ptrace(DETACH, pid)
