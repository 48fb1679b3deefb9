"""A single-threaded event loop: descriptors and timers, nothing else.

asyncio would cost each supervisor more memory than all the rest of it.
"""

from __future__ import annotations

import heapq
import selectors
import time
from collections.abc import Callable
from typing import Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Callback = Callable[[int], None]


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


class Loop:
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[Timer] = []
        self._stopped = False

    def watch(self, what: int | HasFileno, events: int, callback: Callback) -> None:
        """Call `callback(events)` when `what` is ready; with no events, stop watching it."""
        if not events:
            self.unwatch(what)
            return
        try:
            key = self._selector.get_key(what)
        except KeyError:
            self._selector.register(what, events, callback)
            return
        if key.events != events or key.data is not callback:
            self._selector.modify(what, events, callback)

    def unwatch(self, what: int | HasFileno) -> None:
        try:
            self._selector.unregister(what)
        except (KeyError, ValueError):
            pass

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
            timeout = max(0.0, self._timers[0].when - time.monotonic()) if self._timers else None
            for key, events in self._selector.select(timeout):
                # An earlier callback of this round may have let go of this descriptor.
                if self._selector.get_map().get(key.fd) is key:
                    key.data(events)
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
        self._selector.close()
