"""The system's libpmix, as far as a PMIx server needs it.

Layouts and numbers are those that OpenPMIx 4 and 5 share (pmix_common.h,
pmix_server.h); any other version is refused.  Nothing here knows about steps.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Array,
    Structure,
    Union,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_int,
    c_size_t,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
    cast,
    pointer,
    string_at,
)
from typing import Any, NamedTuple

LIBRARY = "libpmix.so.2"

#: Major versions whose structures are the ones below.
VERSIONS = (4, 5)

SUCCESS = 0
ERR_NOT_FOUND = -46
ERR_NOT_SUPPORTED = -47
ERR_LOST_CONNECTION = -61
OPERATION_SUCCEEDED = -157
EVENT_ACTION_COMPLETE = -334

RANK_WILDCARD = 0xFFFFFFFE

_BOOL, _STRING, _UINT16, _UINT32, _INFO, _DATA_ARRAY, _RANK, _REGEX = 1, 3, 13, 14, 24, 39, 40, 49


class Unusable(Exception):
    """There is no libpmix, or none that can be used; the text says why."""


# ---------------------------------------------------------------- structures


class Proc(Structure):
    """pmix_proc_t"""

    _fields_ = (("nspace", c_char * 256), ("rank", c_uint32))


class _ByteObject(Structure):
    _fields_ = (("bytes", c_char_p), ("size", c_size_t))


class _DataArray(Structure):
    _fields_ = (("type", c_uint16), ("size", c_size_t), ("array", c_void_p))


class _Data(Union):
    _fields_ = (
        ("string", c_char_p),
        ("flag", c_bool),
        ("uint16", c_uint16),
        ("uint32", c_uint32),
        ("bytes", _ByteObject),
        ("darray", POINTER(_DataArray)),
        ("size", c_uint64 * 3),
    )


class _Value(Structure):
    _fields_ = (("type", c_uint16), ("data", _Data))


class Info(Structure):
    """pmix_info_t"""

    _fields_ = (("key", c_char * 512), ("flags", c_uint32), ("value", _Value))


class Rank(int):
    """A number that PMIx takes as a rank (its own type)."""


class Short(int):
    """A number of 16 bits."""


class Regex(str):
    """A list of nodes or ranks in one of the forms that libpmix reads."""


#: What an attribute may be; a list is an array of attributes in one.
Attribute = bool | int | str | Rank | Short | Regex | list[tuple[str, "Attribute"]]


def infos(attributes: Sequence[tuple[str, Attribute]]) -> Array[Info]:
    """An array of pmix_info_t; what it points to lives as long as it."""
    made = (Info * len(attributes))()
    for info, (key, value) in zip(made, attributes, strict=True):
        info.key = key.encode()
        _fill(info.value, value)
    return made


def _fill(slot: _Value, value: Attribute) -> None:
    data = slot.data
    if isinstance(value, bool):
        slot.type, data.flag = _BOOL, value
    elif isinstance(value, Rank):
        slot.type, data.uint32 = _RANK, value
    elif isinstance(value, Short):
        slot.type, data.uint16 = _UINT16, value
    elif isinstance(value, int):
        slot.type, data.uint32 = _UINT32, value
    elif isinstance(value, Regex):
        text = value.encode()
        slot.type, data.bytes = _REGEX, _ByteObject(text, len(text) + 1)
    elif isinstance(value, str):
        slot.type, data.string = _STRING, value.encode()
    else:
        inner = infos(value)
        slot.type, data.darray = _DATA_ARRAY, pointer(_DataArray(_INFO, len(inner), cast(inner, c_void_p)))
        _kept.append(inner)


#: ctypes does not see that a structure refers to memory by a plain address.
_kept: list[Any] = []


# ---------------------------------------------------------------- functions

OpCallback = CFUNCTYPE(None, c_int, c_void_p)
ReleaseCallback = CFUNCTYPE(None, c_void_p)
ModexCallback = CFUNCTYPE(None, c_int, c_char_p, c_size_t, c_void_p, ReleaseCallback, c_void_p)
DmodexResponse = CFUNCTYPE(None, c_int, c_void_p, c_size_t, c_void_p)

_ClientEvent = CFUNCTYPE(c_int, POINTER(Proc), c_void_p, OpCallback, c_void_p)
_ClientEvent2 = CFUNCTYPE(c_int, POINTER(Proc), c_void_p, c_void_p, c_size_t, OpCallback, c_void_p)
_Abort = CFUNCTYPE(
    c_int, POINTER(Proc), c_void_p, c_int, c_char_p, POINTER(Proc), c_size_t, OpCallback, c_void_p
)  # fmt: skip
_Fence = CFUNCTYPE(
    c_int, POINTER(Proc), c_size_t, c_void_p, c_size_t, c_void_p, c_size_t, ModexCallback, c_void_p
)  # fmt: skip
_EventDone = CFUNCTYPE(None, c_int, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p)
_Event = CFUNCTYPE(None, c_size_t, c_int, POINTER(Proc), c_void_p, c_size_t, c_void_p, c_size_t, _EventDone, c_void_p)
_DirectModex = CFUNCTYPE(c_int, POINTER(Proc), c_void_p, c_size_t, ModexCallback, c_void_p)

#: Entries of pmix_server_module_t after direct_modex up to client_connected2, and some that later versions add.
_BETWEEN, _AFTER = 22, 12


class _Module(Structure):
    """pmix_server_module_t; what is null is not supported by its host."""

    _fields_ = (
        ("client_connected", _ClientEvent),
        ("client_finalized", _ClientEvent),
        ("abort", _Abort),
        ("fence_nb", _Fence),
        ("direct_modex", _DirectModex),
        ("between", c_void_p * _BETWEEN),
        ("client_connected2", _ClientEvent2),
        ("after", c_void_p * _AFTER),
    )


class Status(Exception):
    """A function of libpmix has failed."""


#: Called with success or not.
Done = Callable[[int], None]

#: Called with the outcome of an exchange of data.
Deliver = Callable[[int, bytes], None]


class Host(NamedTuple):
    """What the library asks of us; called in its own thread, and must return at once."""

    joined: Callable[[int], None]  # rank
    finalized: Callable[[int, Done], None]  # rank
    lost: Callable[[int], None]  # rank: has closed its connection without having finalized
    abort: Callable[[int, int, Done], None]  # rank, status
    fence: Callable[[list[int], bytes, Deliver], None]  # ranks (RANK_WILDCARD: all), data
    direct_modex: Callable[[int, Deliver], None]  # rank


class Library:
    """libpmix in this process.  Raises Unusable."""

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL(LIBRARY)
        except OSError as exc:
            raise Unusable(f"{LIBRARY} cannot be loaded: {exc}") from exc
        self._lib.PMIx_Get_version.restype = c_char_p
        self.version: str = self._lib.PMIx_Get_version().decode(errors="replace")
        self.major = major_of(self.version)
        self._buffers: dict[int, bytes] = {}
        self._release = ReleaseCallback(self._released)
        self._answers: dict[int, Deliver] = {}
        self._respond = DmodexResponse(self._responded)
        self._count = 0

    def serve(self, host: Host, attributes: Sequence[tuple[str, Attribute]]) -> None:
        """PMIx_server_init.  Raises Status, Unusable."""
        if self.major not in VERSIONS:
            raise Unusable(
                f"{LIBRARY} is {self.version.split(',')[0]}; versions {' and '.join(map(str, VERSIONS))} can be used"
            )
        self._module = _module(host, self._deliverer)
        self._call("PMIx_server_init", byref(self._module), infos(attributes), c_size_t(len(attributes)))
        self._on_event = _event(host)
        codes = (c_int * 1)(ERR_LOST_CONNECTION)
        self._lib.PMIx_Register_event_handler(codes, c_size_t(1), None, c_size_t(0), self._on_event, None, None)

    def register_namespace(self, name: str, local: int, attributes: Sequence[tuple[str, Attribute]]) -> None:
        """PMIx_server_register_nspace, to its end.  Raises Status."""
        made = infos(attributes)
        _kept.append(made)
        self._wait("PMIx_server_register_nspace", name.encode(), c_int(local), made, c_size_t(len(made)))

    def register_client(self, namespace: str, rank: int, uid: int, gid: int) -> None:
        """PMIx_server_register_client, to its end.  Raises Status."""
        proc = Proc(namespace.encode(), rank)
        self._wait("PMIx_server_register_client", byref(proc), c_uint32(uid), c_uint32(gid), c_void_p())

    def environment(self, namespace: str, rank: int) -> list[bytes]:
        """What the client needs in its environment (PMIx_server_setup_fork).  Raises Status."""
        env = POINTER(c_char_p)()
        self._call("PMIx_server_setup_fork", byref(Proc(namespace.encode(), rank)), byref(env))
        return list(_strings(env))

    def request_modex(self, namespace: str, rank: int, deliver: Deliver) -> None:
        """Ask for what a local client has put (PMIx_server_dmodex_request); `deliver` is called in another thread."""
        self._count += 1
        token = self._count
        self._answers[token] = deliver
        proc = Proc(namespace.encode(), rank)
        status = self._lib.PMIx_server_dmodex_request(byref(proc), self._respond, c_void_p(token))
        if status != SUCCESS and self._answers.pop(token, None):
            deliver(status, b"")

    def _responded(self, status: int, data: int | None, size: int, token: int | None) -> None:
        if deliver := self._answers.pop(token or 0, None):
            deliver(status, string_at(data, size) if data and size else b"")

    def _deliverer(self, callback: Any, context: int | None) -> Deliver:
        def deliver(status: int, data: bytes) -> None:
            self._count += 1
            token = self._count
            self._buffers[token] = data
            callback(status, data if data else None, len(data), context, self._release, c_void_p(token))

        return deliver

    def _released(self, token: int | None) -> None:
        self._buffers.pop(token or 0, None)

    def _call(self, function: str, *arguments: Any) -> None:
        status = getattr(self._lib, function)(*arguments)
        if status not in (SUCCESS, OPERATION_SUCCEEDED):
            raise Status(f"{function} failed with status {status}")

    def _wait(self, function: str, *arguments: Any) -> None:
        """Call a function that says later how it went."""
        import threading

        over = threading.Event()
        outcome: list[int] = []

        def done(status: int, _context: int | None) -> None:
            outcome.append(status)
            over.set()

        callback = OpCallback(done)
        status = getattr(self._lib, function)(*arguments, callback, c_void_p())
        if status == SUCCESS:
            over.wait()
            status = outcome[0]
        if status not in (SUCCESS, OPERATION_SUCCEEDED):
            raise Status(f"{function} failed with status {status}")


def _module(host: Host, deliverer: Callable[[Any, int | None], Deliver]) -> _Module:
    def connected(proc: Any, *_: Any) -> int:
        host.joined(proc.contents.rank)
        return OPERATION_SUCCEEDED

    def finalized(proc: Any, _object: Any, callback: Any, context: int | None) -> int:
        host.finalized(proc.contents.rank, lambda status: callback(status, context))
        return SUCCESS

    def abort(proc: Any, _object: Any, status: int, _text: Any, _procs: Any, _count: int, callback: Any,
              context: int | None) -> int:  # fmt: skip
        host.abort(proc.contents.rank, status, lambda outcome: callback(outcome, context))
        return SUCCESS

    def fence(procs: Any, count: int, _infos: Any, _ninfo: int, data: int | None, size: int, callback: Any,
              context: int | None) -> int:  # fmt: skip
        host.fence(
            [procs[index].rank for index in range(count)],
            string_at(data, size) if data and size else b"",
            deliverer(callback, context),
        )
        return SUCCESS

    def direct_modex(proc: Any, _infos: Any, _ninfo: int, callback: Any, context: int | None) -> int:
        host.direct_modex(proc.contents.rank, deliverer(callback, context))
        return SUCCESS

    return _Module(
        client_connected=_ClientEvent(connected),
        client_finalized=_ClientEvent(finalized),
        abort=_Abort(abort),
        fence_nb=_Fence(fence),
        direct_modex=_DirectModex(direct_modex),
        client_connected2=_ClientEvent2(connected),
    )


def _event(host: Host) -> Any:
    def happened(_id: int, _status: int, source: Any, _info: Any, _ninfo: int, _results: Any, _nresults: int,
                 callback: Any, context: int | None) -> None:  # fmt: skip
        if source:
            host.lost(source.contents.rank)
        if callback:
            callback(EVENT_ACTION_COMPLETE, None, 0, None, None, context)

    return _Event(happened)


def _strings(array: Any) -> Iterator[bytes]:
    index = 0
    while array and array[index] is not None:
        yield array[index]
        index += 1


def major_of(version: str) -> int:
    """
    >>> major_of("OpenPMIx 4.2.2rc2 (PMIx Standard: 4.1, ...)")
    4
    """
    import re

    found = re.search(r"(\d+)\.\d+", version)
    return int(found[1]) if found else 0


def installed() -> int | None:
    """The major version of this host's libpmix; None where there is none that can be used.

    It is looked at in a process of its own: it brings a dozen other libraries along.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.write(writer, b"%d" % Library().major)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return int(answer) if answer.isdigit() and int(answer) in VERSIONS else None
