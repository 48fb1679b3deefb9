"""The PMI wire grammar, and the key-value exchange of several nodes' servers through srun's `Exchange`."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crane_compat.commands.slurm.step_exchange import Exchange
from crane_compat.core import process_map
from crane_compat.daemon.stepd.loop import READ, Loop
from crane_compat.daemon.stepd.mpi import pmi, pmi_wire
from crane_compat.daemon.stepd.mpi.pmi_wire import Message, Reader, WireError
from crane_compat.daemon.stepd.mpi.world import World
from crane_compat.daemon.stepd.stream import MAX_PAYLOAD, Assembler, Channel, Kind, StreamError, unpack_number
from crane_compat.daemon.stepd.tasks import Task

# ---------------------------------------------------------------- the grammar

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True).filter(lambda name: name not in ("cmd", "command"))
WORDS = st.binary(max_size=60).map(lambda data: data.replace(b" ", b"").replace(b"\n", b""))


def _expected(arguments: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in arguments.items()}


@given(st.dictionaries(NAMES, WORDS, max_size=5))
def test_pmi1_is_read_as_written(arguments: dict[str, bytes]) -> None:
    (message,) = Reader().feed(pmi_wire.line("put", **arguments))
    assert message == Message(b"put", _expected(arguments))


@given(st.dictionaries(NAMES, st.binary(max_size=60), max_size=5))
def test_pmi2_is_read_as_written(arguments: dict[str, bytes]) -> None:
    reader = Reader()
    reader.version = 2
    (message,) = reader.feed(pmi_wire.packet("kvs-put", **arguments))
    assert message.command == b"kvs-put"
    assert message.arguments == {key.replace(b"_", b"-"): value for key, value in _expected(arguments).items()}


@given(st.lists(st.dictionaries(NAMES, WORDS, max_size=3), max_size=5), st.data())
def test_it_does_not_matter_where_the_stream_is_cut(wanted: list[dict[str, bytes]], data: st.DataObject) -> None:
    version = data.draw(st.sampled_from([1, 2]))
    reader = Reader()
    reader.version = version
    write: Callable[..., bytes] = pmi_wire.line if version == 1 else pmi_wire.packet
    stream = b"".join(write("put", **arguments) for arguments in wanted)
    got: list[Message] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += reader.feed(stream[:size])
        stream = stream[size:]
    assert len(got) == len(wanted)


def test_spawning_is_several_lines() -> None:
    messages = list(Reader().feed(b"mcmd=spawn\nnprocs=2\nexecname=/bin/x\nendcmd\ncmd=finalize\n"))
    assert messages == [Message(b"spawn", {}), Message(b"finalize", {})]


@pytest.mark.parametrize("data", [b"x" * (pmi_wire.LONGEST_LINE + 1), b"hello=1\n", b"mcmd=x\n" + b"a\n" * 5000])
def test_what_is_not_pmi1(data: bytes) -> None:
    with pytest.raises(WireError):
        list(Reader().feed(data))


# ---------------------------------------------------------------- servers of several nodes


class Step:
    """The PMI servers of a step's nodes, and what its srun does between them."""

    def __init__(self, node_of: list[int]) -> None:
        nodes = max(node_of) + 1
        self.aborts: list[tuple[int, int]] = []
        self.servers: list[pmi.Server] = []
        self.exchange = Exchange(
            lambda node, kind, data: self.servers[node].message(kind, data), lambda task: self._abort(task, 0)
        )
        for node in range(nodes):
            ranks = tuple(rank for rank, its in enumerate(node_of) if its == node)
            world = World(
                7, "0", node, ranks, tuple(f"n{index}" for index in range(nodes)), tuple(node_of),
                process_map.text_of(node_of),
            )  # fmt: skip
            tasks = [Task(rank, index, []) for index, rank in enumerate(ranks)]
            self.servers.append(pmi.Server(world, tasks, Loop(), self._sender(node), self._abort))
            self.exchange.arrived(node)
        self.clients = {rank: self.servers[node].clients[rank] for rank, node in enumerate(node_of)}

    def _sender(self, node: int) -> Callable[[int, bytes], None]:
        def send(kind: int, data: bytes) -> None:
            if kind == Kind.LEAVE:
                self.exchange.left(node, unpack_number(data))
            else:
                self.exchange.message(node, kind, data)

        return send

    def _abort(self, rank: int, code: int) -> None:
        self.aborts.append((rank, code))

    def say(self, rank: int, data: bytes) -> None:
        """What a task writes to its PMI_FD."""
        client = self.clients[rank]
        client.theirs.sendall(data)
        client._ready(READ)

    def heard(self, rank: int) -> bytes:
        """What has come back."""
        theirs = self.clients[rank].theirs
        theirs.setblocking(False)
        try:
            return theirs.recv(1 << 20)
        except BlockingIOError:
            return b""

    def ask(self, rank: int, data: bytes) -> bytes:
        self.say(rank, data)
        return self.heard(rank)


@contextmanager
def step(node_of: list[int]) -> Iterator[Step]:
    made = Step(node_of)
    try:
        yield made
    finally:
        for server in made.servers:
            server.close()
            server.loop.close()


INIT1 = b"cmd=init pmi_version=1 pmi_subversion=1\n"
INIT2 = b"cmd=init pmi_version=2 pmi_subversion=0\n"
LAYOUTS = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(
    lambda nodes: [sorted(set(nodes)).index(node) for node in nodes]
)
KEYS = st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)


@settings(deadline=None, max_examples=60)
@given(LAYOUTS, st.data())
def test_after_a_fence_everybody_sees_everything(node_of: list[int], data: st.DataObject) -> None:
    ranks = range(len(node_of))
    versions = [data.draw(st.sampled_from([1, 2])) for _ in ranks]
    with step(node_of) as one:
        for rank in ranks:
            assert b"rc=0" in one.ask(rank, INIT1 if versions[rank] == 1 else INIT2)
        everything: dict[str, bytes] = {}
        for _ in range(2):
            for rank in ranks:
                for key in data.draw(st.lists(KEYS, max_size=3)):
                    value = b"%d-%d" % (rank, len(everything))
                    everything[f"{rank}.{key}"] = value
                    answer = one.ask(rank, _put(versions[rank], f"{rank}.{key}", value))
                    assert b"rc=0" in answer
            order = data.draw(st.permutations(list(ranks)))
            for rank in order[:-1]:
                assert one.ask(rank, _fence(versions[rank])) == b""
            one.say(order[-1], _fence(versions[order[-1]]))
            for rank in ranks:
                assert b"rc=0" in one.heard(rank)
            for rank in ranks:
                for key, value in everything.items():
                    assert b"value=" + value in one.ask(rank, _get(versions[rank], key))
        assert not one.aborts


def _put(version: int, key: str, value: bytes) -> bytes:
    if version == 1:
        return pmi_wire.line("put", kvsname="x", key=key, value=value)
    return pmi_wire.packet("kvs-put", key=key, value=value)


def _get(version: int, key: str) -> bytes:
    return pmi_wire.line("get", kvsname="x", key=key) if version == 1 else pmi_wire.packet("kvs-get", key=key)


def _fence(version: int) -> bytes:
    return pmi_wire.line("barrier_in") if version == 1 else pmi_wire.packet("kvs-fence")


@settings(deadline=None, max_examples=60)
@given(LAYOUTS.filter(lambda nodes: len(nodes) > 1), st.data())
def test_a_fence_fails_when_a_task_dies(node_of: list[int], data: st.DataObject) -> None:
    ranks = list(range(len(node_of)))
    with step(node_of) as one:
        for rank in ranks:
            one.ask(rank, INIT1)
        victim = data.draw(st.sampled_from(ranks))
        others = [rank for rank in ranks if rank != victim]
        before = data.draw(st.integers(0, len(others)))
        for rank in others[:before]:
            one.say(rank, _fence(1))
        one.servers[node_of[victim]].ended(Task(victim, 0, []))
        for rank in others[before:]:
            one.say(rank, _fence(1))
        for rank in others:
            assert one.heard(rank) == b"cmd=barrier_out rc=-1\n"


ARGUMENTS = st.dictionaries(
    st.sampled_from(["key", "value", "exitcode", "pmi_version", "idx", "wait", "thrid", "kvsname"]),
    st.one_of(WORDS, st.sampled_from([b"", b"1", b"2", b"-1", b"--1", b"TRUE", b"9" * 30])),
    max_size=4,
)
SENSELESS = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda name, more: pmi_wire.line(name.decode(), **more), st.sampled_from(sorted(pmi._PMI1)), ARGUMENTS),
    st.builds(lambda name, more: pmi_wire.packet(name.decode(), **more), st.sampled_from(sorted(pmi._PMI2)), ARGUMENTS),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(SENSELESS, max_size=4), st.sampled_from([b"", INIT1, INIT2]))
def test_garbage_costs_its_sender_the_conversation_at_most(garbage: list[bytes], start: bytes) -> None:
    with step([0, 0]) as one:
        one.say(0, start)
        for data in garbage:
            if not one.clients[0].gone:
                one.say(0, data)
        assert b"maxes" in one.ask(1, INIT1 + b"cmd=get_maxes\n")


def test_longer_than_the_maxima() -> None:
    with step([0]) as one:
        one.ask(0, INIT1)
        for key, value in (("k" * (pmi.MAX_KEY + 1), b"v"), ("k", b"v" * (pmi.MAX_VALUE + 1)), ("", b"v")):
            assert b"cmd=put_result rc=-1" in one.ask(0, _put(1, key, value))
        assert b"rc=0" in one.ask(0, _put(1, "k" * pmi.MAX_KEY, b"v" * pmi.MAX_VALUE))


def test_a_full_store_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmi, "MAX_STORE", 1000)
    with step([0]) as one:
        one.ask(0, INIT1)
        answers = [one.ask(0, _put(1, f"key{number}", b"v" * 90)) for number in range(20)]
        assert b"rc=0" in answers[0]
        assert b"out_of_memory" in answers[-1]


def test_the_conversation_of_pmi1() -> None:
    with step([0, 1]) as one:
        assert one.ask(0, INIT1) == b"cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\n"
        for question, answer in (
            (b"cmd=get_maxes\n", b"cmd=maxes rc=0 kvsname_max=256 keylen_max=64 vallen_max=1024\n"),
            (b"cmd=get_appnum\n", b"cmd=appnum rc=0 appnum=0\n"),
            (b"cmd=get_my_kvsname\n", b"cmd=my_kvsname rc=0 kvsname=7.0\n"),
            (b"cmd=get_universe_size\n", b"cmd=universe_size rc=0 size=2\n"),
            (
                b"cmd=get kvsname=7.0 key=PMI_process_mapping\n",
                b"cmd=get_result rc=0 msg=success value=(vector,(0,2,1))\n",
            ),
            (b"cmd=get kvsname=7.0 key=none\n", b"cmd=get_result rc=-1 msg=key_not_found value=unknown\n"),
            (b"cmd=put kvsname=7.0 key=a value=b\n", b"cmd=put_result rc=0 msg=success\n"),
            (b"cmd=getbyidx kvsname=7.0 idx=0\n", b"cmd=getbyidx_results rc=0 nextidx=1 key=a val=b\n"),
            (b"cmd=getbyidx kvsname=7.0 idx=1\n", b"cmd=getbyidx_results rc=-2 reason=no_more_keyvals\n"),
            (b"mcmd=spawn\nnprocs=1\nendcmd\n", b"cmd=spawn_result rc=-1 msg=not_supported\n"),
            (b"cmd=finalize\n", b"cmd=finalize_ack rc=0\n"),
        ):
            assert one.ask(0, question) == answer
        one.ask(1, INIT1 + b"cmd=abort exitcode=7\n")
        assert one.aborts == [(1, 7)]


def test_the_conversation_of_pmi2() -> None:
    packet = pmi_wire.packet
    with step([0, 0, 1]) as one:
        assert one.ask(1, INIT2) == b"cmd=response_to_init rc=0 pmi_version=2 pmi_subversion=0\n"
        for question, answer in (
            (
                packet("fullinit", pmirank=1, threaded="FALSE"),
                packet(
                    "fullinit-response",
                    rc=0,
                    pmi_version=2,
                    pmi_subversion=0,
                    rank=1,
                    size=3,
                    appnum=0,
                    debugged="FALSE",
                    pmiverbose="FALSE",
                ),
            ),
            (packet("job-getid", thrid=5), packet("job-getid-response", rc=0, thrid=5, jobid="7.0")),
            (
                packet("info-getjobattr", key="PMI_process_mapping"),
                packet("info-getjobattr-response", rc=0, found="TRUE", value="(vector,(0,1,2),(1,1,1))"),
            ),
            (packet("info-getjobattr", key="x"), packet("info-getjobattr-response", rc=0, found="FALSE")),
            (packet("kvs-get", key="x"), packet("kvs-get-response", rc=0, found="FALSE")),
            (packet("spawn", ncmds=1), packet("spawn-response", rc=-1, errmsg="not supported")),
        ):
            assert one.ask(1, question) == answer


def test_waiting_for_an_attribute_of_the_node() -> None:
    with step([0, 0]) as one:
        one.ask(0, INIT2)
        one.ask(1, INIT2)
        assert one.ask(0, pmi_wire.packet("info-getnodeattr", key="shm", wait="TRUE")) == b""
        assert b"rc=0" in one.ask(1, pmi_wire.packet("info-putnodeattr", key="shm", value="a;b"))
        assert one.heard(0) == pmi_wire.packet("info-getnodeattr-response", rc=0, found="TRUE", value="a;b")


def test_without_srun_nodes_cannot_meet() -> None:
    with step([0, 1]) as one:
        one.ask(0, INIT1)
        one.say(0, _fence(1))
        one.servers[0].cut_off()
        assert one.heard(0) == b"cmd=barrier_out rc=-1\n"


# ---------------------------------------------------------------- messages in pieces


@settings(deadline=None)
@given(st.lists(st.integers(0, 3 * MAX_PAYLOAD), max_size=3))
def test_messages_of_any_length(sizes: list[int]) -> None:
    ours, theirs = socket.socketpair()
    sender, receiver, assembler = Channel(ours), Channel(theirs), Assembler()
    got: list[int] = []
    try:
        for size in sizes:
            sender.send_message(Kind.GATHER, b"x" * size)
        while len(got) < len(sizes):
            sender.flush()
            found = [assembler.add(frame) for frame in receiver.frames()]
            got += [len(message) for message in found if message is not None]
    finally:
        sender.close()
        receiver.close()
    assert got == sizes


def test_a_message_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from crane_compat.daemon.stepd import stream

    monkeypatch.setattr(stream, "MAX_MESSAGE", 10)
    assembler = Assembler()
    assert assembler.add(stream.Frame(Kind.GATHER, 1, b"12345")) is None
    with pytest.raises(StreamError):
        assembler.add(stream.Frame(Kind.GATHER, 1, b"678901"))


def test_a_relay_waits_for_the_node_that_comes_late() -> None:
    from crane_compat.wire import pb

    sent: list[tuple[int, int, bytes]] = []
    exchange = Exchange(lambda node, kind, data: sent.append((node, kind, data)), lambda task: None)
    exchange.arrived(0)
    exchange.message(0, Kind.RELAY, pb.MpiRelay(node=1, data=b"x").SerializeToString())
    assert sent == []
    exchange.arrived(1)
    assert sent == [(1, Kind.RELAYED, pb.MpiRelay(node=0, data=b"x").SerializeToString())]


@given(st.binary(max_size=50), st.sampled_from([Kind.GATHER, Kind.RELAY]))
def test_srun_takes_no_nonsense(data: bytes, kind: int) -> None:
    exchange = Exchange(lambda node, kind, data: None, lambda task: None)
    try:
        exchange.message(0, kind, data)
    except StreamError as exc:
        assert "MPI" in str(exc)
