"""``--mpi=pmi2``: the PMI server of one node.

Every task has one end of a socket pair in PMI_FD.  What the tasks put is kept
here until they meet in a fence (PMI-1: barrier); then the nodes exchange what is
new by way of srun.  Tasks may speak either protocol; both see the same values.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
from collections.abc import Callable

from google.protobuf.message import DecodeError

from crane_compat.daemon.stepd.loop import READ, WRITE, Loop
from crane_compat.daemon.stepd.stream import ALL, Kind, pack_number
from crane_compat.daemon.stepd.tasks import Task
from crane_compat.wire import pb

from . import pmi_wire
from .plugin import Abort, Send
from .pmi_wire import Message, Reader, WireError
from .world import World

#: Longest key and value (bytes); what get_maxes says of PMI-1, and PMI2_MAX_KEYLEN and PMI2_MAX_VALLEN.
MAX_NAME = 256
MAX_KEY = 64
MAX_VALUE = 1024

#: What all values of a step may take on a node (bytes).
MAX_STORE = 128 << 20

#: A client that does not read its answers is let go when so many bytes wait for it.
MAX_WAITING = 8 << 20

#: Descriptors of the clients' sockets begin here, out of the way of what programs take for granted.
FIRST_DESCRIPTOR = 16

_TRUE, _FALSE = "TRUE", "FALSE"

_NUMBER = re.compile(rb"-?\d{1,9}")


class Store:
    """The values of a step as its node knows them."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._fresh: dict[bytes, bytes] = {}
        self._size = 0

    def put(self, key: bytes, value: bytes) -> str:
        """Keep a value for the next exchange; why not, else ""."""
        if not 0 < len(key) <= MAX_KEY:
            return "invalid_key_length"
        if len(value) > MAX_VALUE:
            return "invalid_value_length"
        if self._size + len(key) + len(value) > MAX_STORE:
            return "out_of_memory"
        self._keep(key, value)
        self._fresh[key] = value
        return ""

    def _keep(self, key: bytes, value: bytes) -> None:
        old = self._values.get(key)
        self._size += len(value) - len(old) if old is not None else len(key) + len(value)
        self._values[key] = value

    def get(self, key: bytes) -> bytes | None:
        return self._values.get(key)

    def at(self, index: int) -> tuple[bytes, bytes] | None:
        """The index-th key with its value."""
        keys = list(self._values)
        return (keys[index], self._values[keys[index]]) if 0 <= index < len(keys) else None

    def take(self) -> bytes:
        """What was put since the last time, for the other nodes (pb.MpiPairs)."""
        fresh, self._fresh = self._fresh, {}
        return pb.MpiPairs(pairs=[pb.MpiPair(key=key, value=value) for key, value in fresh.items()]).SerializeToString()

    def merge(self, data: bytes) -> None:
        """Add what a node has put; values beyond what there is room for are left out.  Raises DecodeError."""
        for pair in pb.MpiPairs.FromString(data).pairs:
            if self._size + len(pair.key) + len(pair.value) <= MAX_STORE:
                self._keep(pair.key, pair.value)


class Client:
    """One task's conversation."""

    def __init__(self, server: Server, rank: int) -> None:
        self.server, self.rank = server, rank
        self.sock, self.theirs = (_moved(each) for each in socket.socketpair())
        self.sock.setblocking(False)
        self.reader = Reader()
        self.gone = False
        self._out = bytearray()
        self._descriptor = self.sock.fileno()

    def begin(self) -> None:
        self.theirs.close()
        self.server.loop.watch(self.sock, READ, self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self.gone:
            try:
                data = self.sock.recv(64 << 10)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            try:
                for message in self.reader.feed(data):
                    self.server.handle(self, message)
                    if self.gone:
                        return
            except WireError:
                self.close()

    def send(self, data: bytes) -> None:
        if self.gone:
            return
        self._out += data
        self._flush()
        if len(self._out) > MAX_WAITING:
            self.close()

    def _flush(self) -> None:
        while self._out:
            try:
                sent = self.sock.send(self._out)
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            del self._out[:sent]
        self.server.loop.watch(self.sock, READ | (WRITE if self._out else 0), self._ready)

    def close(self) -> None:
        """The task has gone, or does not keep to the protocol: it takes no further part."""
        if not self.gone:
            self.gone = True
            self.server.loop.unwatch(self._descriptor)
            self.sock.close()
            self.theirs.close()
            self.server.left(self)


def _moved(sock: socket.socket) -> socket.socket:
    return socket.socket(fileno=_move(sock.detach()))


def _move(descriptor: int) -> int:
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR)
    finally:
        os.close(descriptor)


class Server:
    """`plugin.Plugin` for PMI."""

    def __init__(self, world: World, tasks: list[Task], loop: Loop, send: Send, abort: Abort) -> None:
        self.world, self.loop, self._send, self._abort = world, loop, send, abort
        self.clients = {task.rank: Client(self, task.rank) for task in tasks}
        self.store = Store()
        self.name = f"{world.job_id}.{world.step}"
        self._node_attributes: dict[bytes, bytes] = {}
        self._awaited: dict[bytes, list[tuple[Client, Message]]] = {}  # attributes that somebody waits for
        self._fence = 0  # number of the fence that comes next
        self._entered: dict[Client, Message] = {}
        self._closed = False
        self._departed: int | None = None  # the first task of ours that takes part no more: fences cannot succeed
        self._unreachable = False

    # ------------------------------------------------------------ plugin.Plugin

    def helpers(self) -> set[int]:
        return set()

    def prepare(self, task: Task) -> None:
        client = self.clients[task.rank]
        task.inherited.append(client.theirs.fileno())
        task.env |= {
            b"PMI_FD": b"%d" % client.theirs.fileno(),
            b"PMI_JOBID": self.name.encode(),
            b"PMI_RANK": b"%d" % task.rank,
            b"PMI_SIZE": b"%d" % self.world.size,
        }

    def forked(self, task: Task) -> None:
        self.clients[task.rank].begin()

    def ended(self, task: Task) -> None:
        self.clients[task.rank].close()

    def message(self, kind: int, data: bytes) -> None:
        if kind != Kind.GATHERED:
            return
        try:
            gathered = pb.MpiGathered.FromString(data)
            if gathered.name != self._fence_name() or not self._entered:
                return
            for part in () if gathered.failed else gathered.parts:
                self.store.merge(part)
        except DecodeError:
            gathered = pb.MpiGathered(failed=True)
        self._end_fence(not gathered.failed)

    def cut_off(self) -> None:
        self._unreachable = not self.world.alone
        self._check_fence()

    def close(self) -> None:
        self._closed = True
        for client in self.clients.values():
            client.close()

    # ------------------------------------------------------------ fences

    def _fence_name(self) -> str:
        return f"pmi.{self._fence}"

    def left(self, client: Client) -> None:
        """A client is gone; called once of each."""
        self._entered.pop(client, None)
        if self._closed:
            return
        if self._departed is None:
            self._departed = client.rank
            if not self.world.alone:
                self._send(Kind.LEAVE, pack_number(client.rank))
        for key in list(self._awaited):
            self._awaited[key] = [waiting for waiting in self._awaited[key] if waiting[0] is not client]
        self._check_fence()

    def enter_fence(self, client: Client, message: Message) -> None:
        self._entered[client] = message
        self._check_fence()
        if len(self._entered) == len(self.clients) and not self._unreachable:
            if self.world.alone:
                self._end_fence(True)
                return
            nodes = range(len(self.world.names))
            gather = pb.MpiGather(name=self._fence_name(), nodes=nodes, data=self.store.take())
            self._send(Kind.GATHER, gather.SerializeToString())

    def _check_fence(self) -> None:
        """A fence that somebody is in and that cannot be completed any more fails at once, and ends the step.

        MPI libraries do not all look at how a fence went, and wait for the missing task in other ways.
        """
        if self._entered and (self._departed is not None or self._unreachable):
            self._end_fence(False)
            self._abort(ALL if self._departed is None else self._departed, 0)

    def _end_fence(self, success: bool) -> None:
        entered, self._entered = self._entered, {}
        self._fence += 1
        code = 0 if success else -1
        for client, message in entered.items():
            if client.reader.version == 1:
                client.send(pmi_wire.line("barrier_out", rc=code))
            else:
                self.answer(client, message, code, **({} if success else {"errmsg": "a process has left"}))

    # ------------------------------------------------------------ the commands

    def handle(self, client: Client, message: Message) -> None:
        """Do what a client asks.  Raises WireError where nobody could know what it wants."""
        handlers = _PMI2 if client.reader.version == 2 else _PMI1
        handler = handlers.get(message.command)
        if handler is not None:
            handler(self, client, message)
        elif client.reader.version == 2:
            self.answer(client, message, -1, errmsg="not supported")
        else:
            raise WireError(f"unknown command: {message.command!r}")

    def answer(self, client: Client, message: Message, code: int = 0, **arguments: str | bytes | int) -> None:
        """Answer in PMI-2, to the thread that has asked."""
        if (thread := message.arguments.get(b"thrid")) is not None:
            arguments = {"thrid": thread, **arguments}
        client.send(pmi_wire.packet(message.command.decode(errors="replace") + "-response", rc=code, **arguments))

    def init(self, client: Client, message: Message) -> None:
        version = message.arguments.get(b"pmi_version")
        if version not in (b"1", b"2"):
            client.send(pmi_wire.line("response_to_init", rc=-1, pmi_version=2, pmi_subversion=0))
            return
        subversion = 1 if version == b"1" else 0
        client.send(pmi_wire.line("response_to_init", rc=0, pmi_version=version, pmi_subversion=subversion))
        client.reader.version = int(version)

    def abort(self, client: Client, message: Message) -> None:
        code = message.arguments.get(b"exitcode", b"")
        self._abort(client.rank, int(code) & 0xFF if _NUMBER.fullmatch(code) else 0)

    # -- PMI-1

    def maxes(self, client: Client, _message: Message) -> None:
        client.send(pmi_wire.line("maxes", rc=0, kvsname_max=MAX_NAME, keylen_max=MAX_KEY, vallen_max=MAX_VALUE))

    def app_number(self, client: Client, _message: Message) -> None:
        client.send(pmi_wire.line("appnum", rc=0, appnum=0))

    def universe_size(self, client: Client, _message: Message) -> None:
        client.send(pmi_wire.line("universe_size", rc=0, size=self.world.size))

    def my_name(self, client: Client, _message: Message) -> None:
        client.send(pmi_wire.line("my_kvsname", rc=0, kvsname=self.name))

    def put(self, client: Client, message: Message) -> None:
        reason = self.store.put(message.arguments.get(b"key", b""), message.arguments.get(b"value", b""))
        client.send(pmi_wire.line("put_result", rc=-1 if reason else 0, msg=reason or "success"))

    def get(self, client: Client, message: Message) -> None:
        value = self._value(message.arguments.get(b"key", b""))
        if value is None:
            client.send(pmi_wire.line("get_result", rc=-1, msg="key_not_found", value="unknown"))
        else:
            client.send(pmi_wire.line("get_result", rc=0, msg="success", value=value))

    def get_by_index(self, client: Client, message: Message) -> None:
        text = message.arguments.get(b"idx", b"")
        index = int(text) if text.isdigit() and len(text) < 10 else -1
        found = self.store.at(index)
        if found is None:
            client.send(pmi_wire.line("getbyidx_results", rc=-2, reason="no_more_keyvals"))
        else:
            client.send(pmi_wire.line("getbyidx_results", rc=0, nextidx=index + 1, key=found[0], val=found[1]))

    def finalize(self, client: Client, _message: Message) -> None:
        client.send(pmi_wire.line("finalize_ack", rc=0))

    def _unsupported(self, client: Client, message: Message) -> None:
        name = message.command.decode()
        client.send(pmi_wire.line(_RESULTS[name], rc=-1, msg="not_supported"))

    # -- PMI-2

    def full_init(self, client: Client, message: Message) -> None:
        self.answer(
            client, message, pmi_version=2, pmi_subversion=0, rank=client.rank, size=self.world.size, appnum=0,
            debugged=_FALSE, pmiverbose=_FALSE,
        )  # fmt: skip

    def job_id(self, client: Client, message: Message) -> None:
        self.answer(client, message, jobid=self.name)

    def job_attribute(self, client: Client, message: Message) -> None:
        key = message.arguments.get(b"key", b"")
        known = {b"PMI_process_mapping": self.world.mapping, b"universeSize": str(self.world.size)}
        if key in known:
            self.answer(client, message, found=_TRUE, value=known[key])
        else:
            self.answer(client, message, found=_FALSE)

    def put_node_attribute(self, client: Client, message: Message) -> None:
        key, value = message.arguments.get(b"key", b""), message.arguments.get(b"value", b"")
        if not 0 < len(key) <= MAX_KEY or len(value) > MAX_VALUE or len(self._node_attributes) >= _MOST_ATTRIBUTES:
            self.answer(client, message, -1, errmsg="invalid length")
            return
        self._node_attributes[key] = value
        self.answer(client, message)
        for waiting, asked in self._awaited.pop(key, ()):
            self.answer(waiting, asked, found=_TRUE, value=value)

    def node_attribute(self, client: Client, message: Message) -> None:
        key = message.arguments.get(b"key", b"")
        if key in self._node_attributes:
            self.answer(client, message, found=_TRUE, value=self._node_attributes[key])
        elif message.arguments.get(b"wait", b"").upper() == b"TRUE" and self._departed is None:
            self._awaited.setdefault(key, []).append((client, message))
        else:
            self.answer(client, message, found=_FALSE)

    def kvs_put(self, client: Client, message: Message) -> None:
        reason = self.store.put(message.arguments.get(b"key", b""), message.arguments.get(b"value", b""))
        self.answer(client, message, -1 if reason else 0, **({"errmsg": reason} if reason else {}))

    def kvs_get(self, client: Client, message: Message) -> None:
        value = self._value(message.arguments.get(b"key", b""))
        if value is None:
            self.answer(client, message, found=_FALSE)
        else:
            self.answer(client, message, found=_TRUE, value=value)

    def finalize2(self, client: Client, message: Message) -> None:
        self.answer(client, message)

    def _value(self, key: bytes) -> bytes | None:
        if key != b"PMI_process_mapping":
            return self.store.get(key)
        mapping = self.world.mapping.encode()
        return mapping if len(mapping) <= MAX_VALUE else None  # clients find their neighbours by themselves then


#: Attributes that the tasks of a node may set.
_MOST_ATTRIBUTES = 4096

Handler = Callable[[Server, Client, Message], None]

_PMI1: dict[bytes, Handler] = {
    b"init": Server.init,
    b"get_maxes": Server.maxes,
    b"get_appnum": Server.app_number,
    b"get_universe_size": Server.universe_size,
    b"get_my_kvsname": Server.my_name,
    b"put": Server.put,
    b"get": Server.get,
    b"getbyidx": Server.get_by_index,
    b"barrier_in": Server.enter_fence,
    b"finalize": Server.finalize,
    b"abort": Server.abort,
    b"spawn": Server._unsupported,
    b"publish_name": Server._unsupported,
    b"unpublish_name": Server._unsupported,
    b"lookup_name": Server._unsupported,
}

#: How PMI-1 answers what is not to be had.
_RESULTS = {
    "spawn": "spawn_result",
    "publish_name": "publish_result",
    "unpublish_name": "unpublish_result",
    "lookup_name": "lookup_result",
}

_PMI2: dict[bytes, Handler] = {
    b"fullinit": Server.full_init,
    b"job-getid": Server.job_id,
    b"info-getjobattr": Server.job_attribute,
    b"info-putnodeattr": Server.put_node_attribute,
    b"info-getnodeattr": Server.node_attribute,
    b"kvs-put": Server.kvs_put,
    b"kvs-get": Server.kvs_get,
    b"kvs-fence": Server.enter_fence,
    b"finalize": Server.finalize2,
    b"abort": Server.abort,
}
