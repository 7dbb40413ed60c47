"""end_thread.py PROGRAM ARGUMENTS...: runs a program, and has the thread whose name it reads from standard input end as if
the kernel had ended it: nothing of it runs any more. Ends with the program's exit code.

Attaches to the thread (ptrace(2), which a parent may always do), and has it call exit(2) as its next system call. x86-64
only.
"""

import ctypes
import os
import subprocess
import sys
import time

ATTACH, DETACH, PEEKTEXT, GETREGS, SETREGS = 16, 17, 1, 12, 13
WALL = 0x40000000
EXIT = 60
# struct user_regs_struct: 27 registers, of which these are set.
ORIG_RAX, RAX, RDI, RIP = 15, 10, 14, 16

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread, address=None, data=None):
    ctypes.set_errno(0)
    result = libc.ptrace(request, thread, address, data)
    if ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {request}")
    return result


def end(thread):
    """Whether the thread was in a system call, so that the instruction for one was found, and has ended."""
    ptrace(ATTACH, thread)
    os.waitpid(thread, WALL)
    registers = (ctypes.c_ulonglong * 27)()
    ptrace(GETREGS, thread, None, ctypes.byref(registers))
    instruction = registers[RIP] - 2
    found = ptrace(PEEKTEXT, thread, instruction) & 0xFFFF == 0x050F
    if found:
        registers[RIP], registers[RAX], registers[RDI] = instruction, EXIT, 0
        # No call to go on with.
        registers[ORIG_RAX] = 2**64 - 1
        ptrace(SETREGS, thread, None, ctypes.byref(registers))
    ptrace(DETACH, thread)
    return found


def name_of(process, thread):
    try:
        with open(f"/proc/{process}/task/{thread}/comm") as comm:
            return comm.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        # It ended as it should.
        return None


def main():
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    name = sys.stdin.readline().strip()
    for _ in range(2000):
        # The oldest thread of this name: one that begins has that of its creator for a moment.
        threads = sorted(os.listdir(f"/proc/{program.pid}/task"), key=int)
        thread = next((thread for thread in threads if name_of(program.pid, thread) == name), None)
        if thread and end(int(thread)):
            print("ended", flush=True)
            sys.exit(program.wait())
        time.sleep(0.005)
    program.kill()
    sys.exit(f"no thread {name} in a system call")


main()
