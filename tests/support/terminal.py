"""Runs a program on a pseudo-terminal, as a person at a keyboard does.

Usage: terminal.py STEPS PROGRAM [ARGUMENT...]

STEPS is JSON: a list of [words to wait for, keys to press]. Prints JSON: the exit code, all that the terminal showed, and
whether it echoes at the end.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60


def main():
    steps, program = json.loads(sys.argv[1]), sys.argv[2:]
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(terminal, number)
        os.close(controller)
        os.execvp(program[0], program)
    shown, seen, end = "", 0, time.monotonic() + PATIENCE
    code = None
    while code is None and time.monotonic() < end:
        if select.select([controller], [], [], 0.05)[0]:
            shown += os.read(controller, 65536).decode(errors="replace")
        elif steps and (found := shown.find(steps[0][0], seen)) >= 0:
            seen = found + len(steps[0][0])
            # The program prints a question a moment before it reads keys.
            time.sleep(0.2)
            os.write(controller, steps[0][1].encode())
            steps = steps[1:]
        else:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
    if code is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        code = -1
    echo = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
    print(json.dumps({"code": code, "shown": shown, "echo": echo, "left": len(steps)}))


main()
