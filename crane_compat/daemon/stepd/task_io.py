"""The tasks' standard streams on their way to and from srun.

Each task has a pipe per stream (task 0 a terminal with ``--pty``; standard
output is a terminal with ``-u``, so that the program flushes line by line).
Unless unbuffered, whole lines go to srun, so that lines of several tasks are
not mixed.  Source: srun(1) --unbuffered, --pty, --label.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable

from . import stream
from .loop import READ, WRITE, Loop

#: A line longer than this (bytes) is sent in pieces.
LONGEST_LINE = 8192

#: A further listener (sattach) that is so many bytes behind is cut off: it must not hold up the tasks.
FARTHEST_BEHIND = 8 << 20

#: Standard input waiting for slow tasks (bytes) above which srun is not read any further.
INPUT_HIGH_WATER = 1 << 20


def set_window(descriptor: int, rows: int, columns: int) -> None:
    """Tell a terminal its size."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def open_terminal(raw_output: bool) -> tuple[int, int]:
    """A pseudo terminal (master, slave); with `raw_output` newlines stay as the program wrote them."""
    master, slave = os.openpty()
    if raw_output:
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
    return master, slave


class Output:
    """One stream of one task towards srun."""

    def __init__(self, streams: Streams, kind: int, rank: int, source: int, by_line: bool) -> None:
        self.streams, self.kind, self.rank, self.source = streams, kind, rank, source
        self.loop = streams.loop
        self.by_line = by_line
        self._partial = bytearray()
        self.closed = False
        os.set_blocking(source, False)
        self.resume()

    def resume(self) -> None:
        if not self.closed:
            self.loop.watch(self.source, READ, self._ready)

    def pause(self) -> None:
        if not self.closed:
            self.loop.unwatch(self.source)

    def _ready(self, _events: int) -> None:
        self._read_once()
        self.streams.after_output()

    def _read_once(self) -> bool:
        """Take what is there; False where there is nothing (more)."""
        if self.closed:
            return False
        try:
            data = os.read(self.source, 64 << 10)
        except BlockingIOError:
            return False
        except OSError:  # EIO: the terminal's last user is gone
            data = b""
        if not data:
            self.close()
            return False
        if not self.by_line:
            self.streams.send(self.kind, self.rank, data)
            return True
        end = data.rfind(b"\n") + 1
        if end:
            self.streams.send(self.kind, self.rank, bytes(self._partial) + data[:end])
            self._partial[:] = data[end:]
        else:
            self._partial += data
        if len(self._partial) >= LONGEST_LINE:
            self._send_partial()
        return True

    def _send_partial(self) -> None:
        if self._partial:
            self.streams.send(self.kind, self.rank, bytes(self._partial))
            self._partial.clear()

    def drain(self, final: bool) -> None:
        """Pass on what the task has written; with `final` also a last line without its end, and close."""
        while self._read_once():
            pass
        if final:
            self.close()

    def close(self) -> None:
        if not self.closed:
            self._send_partial()
            self.closed = True
            self.loop.unwatch(self.source)
            os.close(self.source)


class Input:
    """One task's standard input from srun; `sink` is its own, also where it leads to a terminal."""

    def __init__(self, loop: Loop, sink: int, terminal: bool, on_room: Callable[[], None]) -> None:
        self.loop, self.sink, self.terminal, self.on_room = loop, sink, terminal, on_room
        self._waiting = bytearray()
        self._ending = False
        self.closed = False
        os.set_blocking(sink, False)

    def __len__(self) -> int:
        return len(self._waiting)

    def feed(self, data: bytes) -> None:
        if not self.closed and not self._ending:
            self._waiting += data
            self._write(WRITE)

    def end(self) -> None:
        """No more will come; the task sees the end of its input once it has read the rest."""
        if self.terminal:
            self.feed(b"\x04")
        self._ending = True
        if not self._waiting:
            self.close()

    def _write(self, _events: int) -> None:
        if self.closed:  # the pipe end is gone; nothing is watched any more
            return
        while self._waiting:
            try:
                sent = os.write(self.sink, memoryview(self._waiting)[: 64 << 10])
            except BlockingIOError:
                self.loop.watch(self.sink, WRITE, self._write)
                return
            except OSError:  # the task does not read (any more)
                self._waiting.clear()
                self.close()
                self.on_room()
                return
            del self._waiting[:sent]
        self.loop.unwatch(self.sink)
        if self._ending:
            self.close()
        self.on_room()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.loop.unwatch(self.sink)
            os.close(self.sink)


class Streams:
    """All streams of a node's tasks, over one channel to srun."""

    def __init__(self, loop: Loop, channel: stream.Channel, on_signal: Callable[[int], None]) -> None:
        self.loop, self.channel, self.on_signal = loop, channel, on_signal
        self.on_message: Callable[[int, bytes], None] = lambda _kind, _data: None  # of MPI, from srun
        self.on_lost: Callable[[], None] = lambda: None  # srun is gone
        self._assembler = stream.Assembler()
        self._descriptor = channel.fileno()
        self._lost = False
        self._descriptors: dict[stream.Channel, int] = {}
        self.outputs: dict[int, list[Output]] = {}
        self.inputs: dict[int, Input] = {}
        self.terminal = -1
        self._paused = False
        self.attached: list[stream.Channel] = []
        self.watch()

    def send(self, kind: int, rank: int, data: bytes = b"") -> None:
        """A frame to srun and to everybody who has attached."""
        self.channel.send(kind, rank, data)
        for channel in list(self.attached):
            channel.send(kind, rank, data)
            if channel.waiting > FARTHEST_BEHIND:
                channel.close()
            self._watch_attached(channel)

    # -- further listeners

    def attach(self, channel: stream.Channel) -> None:
        """From now on this one hears all, and may give input."""
        self.attached.append(channel)
        self._watch_attached(channel)

    def _watch_attached(self, channel: stream.Channel) -> None:
        if channel not in self.attached:
            return
        if channel.closed:
            self.attached.remove(channel)
            self.loop.unwatch(self._descriptors.pop(channel))
            return
        self._descriptors.setdefault(channel, channel.fileno())

        def ready(events: int) -> None:
            if events & WRITE:
                channel.flush()
            if events & READ:
                try:
                    for frame in channel.frames():
                        self._frame(frame)
                except stream.StreamError:
                    channel.close()
            self._watch_attached(channel)

        self.loop.watch(channel, READ | (WRITE if channel.wants_write else 0), ready)

    # -- set-up, before each task is forked

    def add_output(self, rank: int, kind: int, source: int, by_line: bool) -> None:
        self.outputs.setdefault(rank, []).append(Output(self, kind, rank, source, by_line))

    def add_input(self, rank: int, sink: int, terminal: bool = False) -> None:
        self.inputs[rank] = Input(self.loop, sink, terminal, self.watch)

    # -- the channel

    def watch(self) -> None:
        """Watch the channel for what can be done with it now."""
        if self.channel.closed:
            if not self._lost:
                self._lost = True
                self.loop.unwatch(self._descriptor)
                self._release()
            return
        full = any(len(each) > INPUT_HIGH_WATER for each in self.inputs.values())
        events = (0 if full else READ) | (WRITE if self.channel.wants_write else 0)
        self.loop.watch(self.channel, events, self._ready)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self.channel.flush()
        if events & READ:
            try:
                for frame in self.channel.frames():
                    if frame.kind not in stream.TO_MPI:
                        self._frame(frame)
                    elif (message := self._assembler.add(frame)) is not None:
                        self.on_message(frame.kind, message)
            except stream.StreamError:
                self.channel.close()
        self.after_output()

    def after_output(self) -> None:
        """Pause or resume reading from tasks as the channel fills and empties."""
        if self.channel.full != self._paused:
            self._paused = self.channel.full
            for outputs in self.outputs.values():
                for each in outputs:
                    each.pause() if self._paused else each.resume()
        self.watch()

    def _release(self) -> None:
        """srun is gone: input ends, output is thrown away from now on."""
        for each in self.inputs.values():
            each.end()
        for outputs in self.outputs.values():
            for output in outputs:
                output.resume()
        self.on_lost()

    def _frame(self, frame: stream.Frame) -> None:
        targets = [each for rank, each in self.inputs.items() if frame.rank in (stream.ALL, rank)]
        if frame.kind == stream.Kind.STDIN:
            for each in targets:
                each.feed(frame.data)
        elif frame.kind == stream.Kind.STDIN_EOF:
            for each in targets:
                each.end()
        elif frame.kind == stream.Kind.SIGNAL:
            self.on_signal(stream.unpack_number(frame.data))
        elif frame.kind == stream.Kind.WINDOW and self.terminal >= 0:
            set_window(self.terminal, *stream.unpack_window(frame.data))

    # -- the end

    def drain(self, rank: int, final: bool = False) -> None:
        """Pass on everything a task has written."""
        for each in self.outputs.get(rank, ()):
            each.drain(final)

    def finish(self) -> None:
        """Close every task stream after passing on the rest."""
        for each in self.inputs.values():
            each.close()
        for rank in self.outputs:
            self.drain(rank, final=True)
