"""The PMIx server of one step on one node: a process of its own, the user's.

libpmix talks to the tasks in a thread of its own; what it asks of its host is
carried to the main thread, which speaks with the step supervisor over a socket
and through it with the servers of the other nodes.  A fault in here ends this
process and with it the step, nothing else.
"""

from __future__ import annotations

import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn

from google.protobuf.message import DecodeError

from crane_compat import libpmix
from crane_compat.daemon.stepd.loop import READ, WRITE, Loop
from crane_compat.daemon.stepd.output import Identity
from crane_compat.daemon.stepd.stream import Assembler, Channel, Kind, StreamError, pack_number
from crane_compat.libpmix import Attribute, Deliver, Done, Rank, Regex, Short
from crane_compat.wire import pb

from .world import World


def namespace(world: World) -> str:
    return f"slurm.pmix.{world.job_id}.{world.step}"


def job_attributes(world: World, directory: str) -> list[tuple[str, Attribute]]:
    """What the tasks can ask about their job; keys are those of pmix_common.h."""
    ranks_on = world.ranks_on
    local = [Rank(rank) for rank in world.ranks]
    attributes: list[tuple[str, Attribute]] = [
        ("pmix.jobid", f"{world.job_id}.{world.step}"),
        ("pmix.spawned", False),
        ("pmix.nsdir", directory),
        ("pmix.tdir.rmclean", True),
        ("pmix.univ.size", world.size),
        ("pmix.job.size", world.size),
        ("pmix.job.napps", 1),
        ("pmix.app.size", world.size),
        ("pmix.max.size", world.size),
        ("pmix.local.size", len(local)),
        ("pmix.node.size", len(local)),
        ("pmix.num.nodes", len(world.names)),
        ("pmix.nmap", Regex("raw:" + ",".join(world.names))),
        ("pmix.pmap", Regex("raw:" + ";".join(",".join(map(str, ranks)) for ranks in ranks_on))),
        ("pmix.lpeers", ",".join(map(str, local))),
        ("pmix.lldr", local[0]),
    ]
    for node, ranks in enumerate(ranks_on):
        for index, rank in enumerate(ranks):
            task: list[tuple[str, Attribute]] = [
                ("pmix.rank", Rank(rank)),
                ("pmix.appnum", 0),
                ("pmix.aldr", Rank(0)),
                ("pmix.grank", Rank(rank)),
                ("pmix.apprank", Rank(rank)),
                ("pmix.lrank", Short(index)),
                ("pmix.nrank", Short(index)),
                ("pmix.hname", world.names[node]),
                ("pmix.nodeid", node),
            ]
            attributes.append(("pmix.pdata", task))
    return attributes


class Server:
    """The main thread's side."""

    def __init__(self, world: World, sock: socket.socket) -> None:
        self.world = world
        self.loop = Loop()
        self.channel = Channel(sock)
        self.library = libpmix.Library()
        self._assembler = Assembler()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake, self._waker = os.pipe()
        self._collectives: dict[str, Deliver] = {}
        self._counts: dict[str, int] = {}
        self._modexes: dict[int, tuple[int, Deliver]] = {}  # request → node asked, who waits
        self._requests = 0
        self._cut_off = False

    def start(self, user: Identity, directory: str) -> pb.PmixReady:
        """Bring the library up; what the tasks need of it.  Raises libpmix.Unusable, libpmix.Status."""
        host = libpmix.Host(
            joined=lambda rank: self._later(partial(self.channel.send, Kind.PMIX_JOINED, rank)),
            lost=lambda rank: self._later(partial(self._lost, rank)),
            finalized=lambda rank, done: self._later(partial(self._finalized, rank, done)),
            abort=lambda rank, status, done: self._later(partial(self._abort, rank, status, done)),
            fence=lambda ranks, data, deliver: self._later(partial(self._fence, ranks, data, deliver)),
            direct_modex=lambda rank, deliver: self._later(partial(self._ask, rank, deliver)),
        )
        self.library.serve(host, [("pmix.srvr.tmpdir", directory)])
        name, world = namespace(self.world), self.world
        self.library.register_namespace(name, len(world.ranks), job_attributes(world, directory))
        ready = pb.PmixReady()
        for rank in world.ranks:
            self.library.register_client(name, rank, user.uid, user.gid)
            ready.tasks.add(env=self.library.environment(name, rank))
        return ready

    def run(self) -> None:
        """Until the supervisor closes its end."""
        self.loop.watch(self._wake, READ, self._called)
        self._watch()
        self.loop.run()

    # ------------------------------------------------------------ between the threads

    def _later(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        os.write(self._waker, b"!")

    def _called(self, _events: int) -> None:
        os.read(self._wake, 4096)
        while self._calls:
            self._calls.popleft()()
        self._watch()

    # ------------------------------------------------------------ the supervisor

    def _watch(self) -> None:
        if self.channel.closed:
            self.loop.stop()
            return
        self.loop.watch(self.channel, READ | (WRITE if self.channel.wants_write else 0), self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self.channel.flush()
        if events & READ:
            try:
                for frame in self.channel.frames():
                    if (data := self._assembler.add(frame)) is not None:
                        self._message(frame.kind, data)
            except (StreamError, DecodeError):
                self.channel.close()
        self._watch()

    def _message(self, kind: int, data: bytes) -> None:
        if kind == Kind.GATHERED:
            gathered = pb.MpiGathered.FromString(data)
            if deliver := self._collectives.pop(gathered.name, None):
                if gathered.failed:
                    deliver(libpmix.ERR_LOST_CONNECTION, b"")
                else:
                    deliver(libpmix.SUCCESS, b"".join(gathered.parts))
        elif kind == Kind.RELAYED:
            relay = pb.MpiRelay.FromString(data)
            self._relayed(relay.node, pb.PmixModex.FromString(relay.data))
        elif kind == Kind.LEAVE:
            self._fail_all()

    def _fail_all(self) -> None:
        """The other nodes cannot be reached any more."""
        self._cut_off = True
        waiting = [*self._collectives.values(), *(deliver for _, deliver in self._modexes.values())]
        self._collectives.clear()
        self._modexes.clear()
        for deliver in waiting:
            deliver(libpmix.ERR_LOST_CONNECTION, b"")

    # ------------------------------------------------------------ what the library asks

    def _finalized(self, rank: int, done: Done) -> None:
        self.channel.send(Kind.PMIX_FINALIZED, rank)
        done(libpmix.SUCCESS)

    def _lost(self, rank: int) -> None:
        """A task broke off; what the others do with it cannot end well."""
        if rank < self.world.size:
            self.channel.send(Kind.MPI_ABORT, rank, pack_number(0))

    def _abort(self, rank: int, status: int, done: Done) -> None:
        self.channel.send(Kind.MPI_ABORT, rank, pack_number(status & 0xFF))
        done(libpmix.SUCCESS)

    def _fence(self, ranks: list[int], data: bytes, deliver: Deliver) -> None:
        if libpmix.RANK_WILDCARD in ranks:
            who, nodes = "all", list(range(len(self.world.names)))
        else:
            members = sorted(set(ranks))
            if not members or members[-1] >= self.world.size:
                deliver(libpmix.ERR_NOT_FOUND, b"")
                return
            from hashlib import sha256

            who = sha256(",".join(map(str, members)).encode()).hexdigest()
            nodes = sorted({self.world.node_of[rank] for rank in members})
        if nodes == [self.world.node]:
            deliver(libpmix.SUCCESS, data)
            return
        if self._cut_off:
            deliver(libpmix.ERR_LOST_CONNECTION, b"")
            return
        count = self._counts[who] = self._counts.get(who, 0) + 1
        name = f"pmix.{who}.{count}"
        self._collectives[name] = deliver
        gather = pb.MpiGather(name=name, nodes=nodes, data=data)
        self.channel.send_message(Kind.GATHER, gather.SerializeToString())

    def _ask(self, rank: int, deliver: Deliver) -> None:
        """Somebody here wants what a task elsewhere has put."""
        if rank >= self.world.size or self._cut_off:
            deliver(libpmix.ERR_NOT_FOUND, b"")
            return
        self._requests += 1
        node = self.world.node_of[rank]
        self._modexes[self._requests] = node, deliver
        self._relay(node, pb.PmixModex(request=self._requests, rank=rank))

    def _relay(self, node: int, modex: pb.PmixModex) -> None:
        relay = pb.MpiRelay(node=node, data=modex.SerializeToString())
        self.channel.send_message(Kind.RELAY, relay.SerializeToString())

    def _relayed(self, node: int, modex: pb.PmixModex) -> None:
        if modex.answer:
            asked, deliver = self._modexes.get(modex.request, (-1, None))
            if deliver is not None and asked == node:
                del self._modexes[modex.request]
                deliver(modex.status, modex.data)
            return

        def answer(status: int, data: bytes) -> None:
            found = pb.PmixModex(request=modex.request, answer=True, rank=modex.rank, status=status, data=data)
            self._later(partial(self._relay, node, found))

        self.library.request_modex(namespace(self.world), modex.rank, answer)


def _become(user: Identity) -> None:
    if os.geteuid() == 0:
        os.setgroups(user.groups)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)


def _keep_only(sock: socket.socket) -> socket.socket:
    """Let go of all the supervisor has open."""
    descriptor = os.dup2(sock.detach(), 3, inheritable=False)
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(3):  # our stderr is the node daemon's log, no place for a process of the user's to write to
        os.dup2(null, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > descriptor:
            with suppress(OSError):
                os.close(int(name))
    return socket.socket(fileno=descriptor)


def main(world: World, user: Identity, directory: str, sock: socket.socket) -> NoReturn:
    """The forked child's whole life."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sock = _keep_only(sock)
        _become(user)
        os.chdir("/")
        from setproctitle import setproctitle

        setproctitle(f"slurmstepd: pmix [{world.job_id}.{world.step}]")
        _serve(world, user, directory, sock)
        code = 0
    finally:  # whatever happens, the child must never return into its parent's loop
        os._exit(code)


def _serve(world: World, user: Identity, directory: str, sock: socket.socket) -> None:
    try:
        server = Server(world, sock)
        ready = server.start(user, directory)
    except Exception as exc:
        channel = Channel(sock)
        channel.send_message(Kind.PMIX_READY, pb.PmixReady(error=str(exc)).SerializeToString())
        return
    server.channel.send_message(Kind.PMIX_READY, ready.SerializeToString())
    server.run()
