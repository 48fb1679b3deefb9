"""The command stub where there is no C compiler: does what stub.c does (its text is the longer explanation).

This file is installed as it stands, behind lines that set PYTHON and SYSCONFDIR,
and run with ``python -IS``: it imports nothing but the standard library's
small modules.
"""

import array
import os
import select
import signal
import socket
import struct
import sys

PYTHON: str = globals().get("PYTHON", sys.executable)
SYSCONFDIR: str = globals().get("SYSCONFDIR", "/etc/slurm")

FORWARDED = ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT")


CLOSED: list[int] = []  # standard descriptors that the caller closed


def reserve_standard_fds() -> None:
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            CLOSED.append(fd)
            os.open(os.devnull, os.O_RDWR)


def run_here(name: str, args: list[str]) -> None:
    for fd in CLOSED:
        os.close(fd)
    os.environ["CRANE_SYSCONFDIR"] = SYSCONFDIR
    try:
        os.execv(PYTHON, [PYTHON, "-I", "-X", "utf8", "-m", "crane_compat.commands", name, *args])
    except OSError as exc:
        print(f"{name}: error: cannot run {PYTHON}: {exc.strerror}", file=sys.stderr)
        os._exit(127)


def needs_terminal(name: str) -> bool:
    return name in ("salloc", "srun", "scrontab") and os.isatty(0)


def connect() -> socket.socket | None:
    conf = os.environ.get("SLURM_CONF") or SYSCONFDIR + "/slurm.conf"
    value = 0xCBF29CE484222325
    for byte in os.fsencode(os.path.realpath(conf)):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(f"/run/crane/{value:016x}/cmd.sock")
        peer = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    except OSError:
        return None
    return sock if peer[1] == 0 else None


def open_fds(sock: socket.socket) -> list[tuple[int, int]]:
    found = [(0xFFFFFFFF, os.open(".", os.O_PATH | os.O_DIRECTORY))]
    for word in sorted(os.listdir("/proc/self/fd"), key=int)[:249]:
        fd = int(word)
        try:
            os.fstat(fd)
        except OSError:
            continue
        if fd != sock.fileno() and fd not in CLOSED and all(fd != other for _, other in found):
            found.append((fd, fd))
    return found


def ignored_signals() -> int:
    mask = 0
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("SigIgn:"):
                mask = int(line.split()[1], 16) << 1 & 0xFFFFFFFF
    # the interpreter ignores these two by itself
    return mask & ~(1 << signal.SIGPIPE | 1 << signal.SIGXFSZ)


def send_call(sock: socket.socket, name: str, args: list[str], ignored: int) -> None:
    umask = os.umask(0)
    os.umask(umask)
    with open("/proc/self/environ", "rb") as file:  # os.environ has the interpreter's LC_CTYPE in it
        env = file.read().split(b"\0")[:-1]
    argv = [os.fsencode(word) for word in (name, *args)]
    fds = open_fds(sock)
    strings = [os.fsencode(SYSCONFDIR), *argv, *env]
    body = struct.pack("=IIQIIII", umask, os.getsid(0), ignored, len(argv), len(env), len(fds), 0)
    body += struct.pack(f"={len(fds)}I", *(number for number, _ in fds))
    body += b"".join(word + b"\0" for word in strings)
    data = struct.pack("=4sII", b"CRN1", len(body), len(fds)) + body
    rights = array.array("i", [fd for _, fd in fds])
    sent = sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    sock.sendall(data[sent:])


class Signals:
    """Passes signals on to the child; see keep_for_child in stub.c for those that come before it is known."""

    def __init__(self, sock: socket.socket, ignored: int) -> None:
        self.sock = sock
        self.child = -1
        self.coming = False
        self.early: list[int] = []
        self.numbers = [getattr(signal, "SIG" + word) for word in FORWARDED]
        self.numbers = [number for number in self.numbers if not ignored >> number & 1]
        for number in self.numbers:
            signal.signal(number, self.tell)
        if not ignored >> signal.SIGTSTP & 1:
            signal.signal(signal.SIGTSTP, self.suspend)

    def keep(self, number: int) -> bool:
        if not self.coming and not select.select([self.sock], [], [], 0)[0]:
            return False
        self.early.append(number)
        return True

    def tell(self, number: int, _frame: object = None) -> None:
        if self.child >= 0:
            try:
                signal.pidfd_send_signal(self.child, number)
            except OSError:
                pass
        elif not self.keep(number) and number not in (signal.SIGCONT, signal.SIGWINCH):
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def suspend(self, number: int, _frame: object = None) -> None:
        if self.child < 0 and self.keep(number):
            return
        if self.child >= 0:
            self.tell(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        if self.child >= 0:
            self.tell(signal.SIGCONT)

    def started(self, child: int) -> None:
        self.child = child
        for number in self.early:
            (self.suspend if number == signal.SIGTSTP else self.tell)(number)


def main() -> None:
    reserve_standard_fds()
    name = os.path.basename(sys.argv[0])
    args = sys.argv[1:]
    ignored = ignored_signals()
    sock = None if needs_terminal(name) else connect()
    if sock is None:
        return run_here(name, args)
    signal.signal(signal.SIGINT, signal.SIG_IGN if ignored >> signal.SIGINT & 1 else signal.SIG_DFL)
    signals = Signals(sock, ignored)
    kind = b""
    fds: list[int] = []
    try:
        send_call(sock, name, args, ignored)
        signals.coming = sock.recv(1, socket.MSG_PEEK) == b"P"
        kind, fds, _, _ = socket.recv_fds(sock, 1, 1)
    except OSError:
        pass
    if kind != b"P" or not fds:
        sock.close()
        return run_here(name, args)
    signals.started(fds[0])
    answer = b""
    while len(answer) < 6:
        part = sock.recv(6 - len(answer))
        if not part:
            os._exit(1)
        answer += part
    _, how, value = struct.unpack("=cci", answer)
    if how == b"S":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if value not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(value, signal.SIG_DFL)
        os.kill(os.getpid(), value)
        value += 128
    os._exit(value)


if __name__ == "__main__":
    main()
