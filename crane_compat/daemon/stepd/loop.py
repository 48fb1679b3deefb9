"""A single-threaded event loop over epoll(7): descriptors and timers, nothing else.

asyncio would cost each supervisor more memory than all the rest of it, and the
selectors module more time than the few events of a short step.
"""

from __future__ import annotations

import contextlib
import heapq
import select
import time
from collections.abc import Callable
from typing import Protocol

READ, WRITE = 1, 2

_IN = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP
_OUT = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
_MASKS = {READ: select.EPOLLIN, WRITE: select.EPOLLOUT, READ | WRITE: select.EPOLLIN | select.EPOLLOUT}

Callback = Callable[[int], None]

#: Seconds; epoll takes no more than 24 days, and a job without a limit has its deadline in a year.
LONGEST_WAIT = 86400.0


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Timer:
    """A pending call; `cancel` makes it never happen."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None

    def __lt__(self, other: Timer) -> bool:
        return self.when < other.when


def _descriptor(what: int | HasFileno) -> int:
    return what if isinstance(what, int) else what.fileno()


class Loop:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[int, Callback]] = {}
        self._timers: list[Timer] = []
        self._stopped = False

    def watch(self, what: int | HasFileno, events: int, callback: Callback) -> None:
        """Call `callback(events)` when `what` is ready; with no events, stop watching it.

        Raises PermissionError for what is always ready (a plain file).
        """
        descriptor = _descriptor(what)
        if not events:
            self.unwatch(descriptor)
            return
        before = self._watched.get(descriptor)
        if before is None:
            self._epoll.register(descriptor, _MASKS[events])
        elif before[0] != events:
            self._epoll.modify(descriptor, _MASKS[events])
        self._watched[descriptor] = (events, callback)

    def unwatch(self, what: int | HasFileno) -> None:
        """Stop watching; a descriptor that is closed already may be given by its number."""
        descriptor = _descriptor(what)
        if self._watched.pop(descriptor, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer = Timer(time.monotonic() + seconds, action)
        heapq.heappush(self._timers, timer)
        return timer

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopped:
            while self._timers and self._timers[0].action is None:
                heapq.heappop(self._timers)
            timeout = min(max(0.0, self._timers[0].when - time.monotonic()), LONGEST_WAIT) if self._timers else None
            for descriptor, mask in self._epoll.poll(timeout):
                # An earlier callback of this round may have let go of this descriptor.
                watched = self._watched.get(descriptor)
                if watched is not None:
                    ready = (READ if mask & _IN else 0) | (WRITE if mask & _OUT else 0)
                    watched[1](ready & watched[0] or watched[0])
                if self._stopped:
                    return
            now = time.monotonic()
            while self._timers and self._timers[0].when <= now:
                action = heapq.heappop(self._timers).action
                if action is not None:
                    action()
                if self._stopped:
                    return

    def close(self) -> None:
        self._epoll.close()
