"""scrontab: jobs that begin again and again, as a table says (scrontab(1))."""

from __future__ import annotations

import contextlib
import getopt
import os
import pwd
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field

from crane_compat import paths
from crane_compat.commands import caller
from crane_compat.commands.slurm import submission
from crane_compat.commands.slurm.controller_call import Controller
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core.errors import Errno, RequestError
from crane_compat.parsers import crontab, getopt_long, options
from crane_compat.parsers.slurm_conf import ConfError, SlurmConf, load
from crane_compat.wire import pb

USAGE = """\
usage:	scrontab [-u user] file
	scrontab [-u user] [ -e | -l | -r | -v]
	-e	change the table in an editor (without options on a terminal: this)
	-l	show the table
	-r	remove the table and its jobs
	-u	whose table it is
"""

#: What the editor shows to a user who has no table.
EXAMPLE = """\
# minute hour day-of-month month day-of-week command
# Options of sbatch for the next command stand before it, in lines that begin with #SCRON:
#   #SCRON --time=10
#   30 6 * * mon /usr/local/bin/report
"""

#: Options of sbatch that are none of a job which begins again and again.
_NOT_HERE = frozenset({"array", "autocomplete", "help", "parsable", "test-only", "usage", "version", "wait", "wrap"})


class Fatal(Exception):
    """The command ends here, with this line."""


class Wrong(Exception):
    """The table cannot be taken: the lines at fault, and what is said of them besides."""

    def __init__(self, first: int, last: int, said: str) -> None:
        self.first, self.last, self.said = first, last, said
        super().__init__(said)


@dataclass
class Arguments:
    uid: int = field(default_factory=os.getuid)
    mode: str = ""  # "e", "l", "r"; "" = take the table from `file`
    file: str = "-"
    verbosity: int = 0


def _arguments(argv: list[str]) -> Arguments | None:
    """What is asked for; None where that cannot be told.  Raises Fatal."""
    try:
        found, operands = getopt.gnu_getopt(argv, "elru:v")
    except getopt.GetoptError:
        return None
    args = Arguments()
    for name, value in found:
        match name[1]:
            case "u":
                args.uid = _uid(value)
            case "v":
                args.verbosity += 1
            case mode:
                if mode == "e" and not sys.stdin.isatty():
                    raise Fatal("Standard input is not a TTY")
                args.mode = mode if mode == "r" or not args.mode else args.mode
    if len(operands) > (0 if args.mode else 1):
        return None
    if operands:
        args.file = operands[0]
    elif not args.mode and sys.stdin.isatty():
        args.mode = "e"
    return args


def _uid(text: str) -> int:
    try:
        return pwd.getpwuid(int(text)).pw_uid if text.isdecimal() else pwd.getpwnam(text).pw_uid
    except (KeyError, OverflowError, ValueError):
        raise Fatal(f"Could not find user {text}") from None


def main(argv: list[str]) -> int:
    """Run scrontab; the exit status."""
    voice = Voice("scrontab")
    try:
        args = _arguments(argv)
        if args is None:
            sys.stderr.write(USAGE)
            return 1
        path = paths.conf_path()
        try:
            conf = load(path, strict=False)
        except (ConfError, OSError) as exc:
            raise Fatal(f"cannot read {path}: {exc}") from exc
        if "enable" not in conf.params("ScronParameters"):
            raise Fatal("scrontab is disabled on this cluster")
        return Scrontab(voice, args, conf, submission.submit_line("scrontab", argv)).run()
    except Fatal as exc:
        voice.fatal(str(exc))
        return 1


class Scrontab:
    """One run, where there are crontabs."""

    def __init__(self, voice: Voice, args: Arguments, conf: SlurmConf, line: str) -> None:
        self.voice, self.args, self.conf, self.line = voice, args, conf, line
        self.controller = Controller("scrontab")
        try:
            self.user = pwd.getpwuid(args.uid)
        except KeyError:
            raise Fatal(f"uid_to_dir({args.uid}) failed") from None

    def run(self) -> int:
        if self.args.mode == "r":
            return self._remove()
        if self.args.mode == "":
            return self._take(self._given())
        text = self._kept()
        if self.args.mode == "e":
            return self._edit(EXAMPLE if text is None else text)
        if text is None:
            print(f"no crontab for {self.user.pw_name}")
            return 1
        sys.stdout.write(text)
        return 0

    # ------------------------------------------------------------ the table

    def _kept(self) -> str | None:
        """The user's table, lines whose jobs were cancelled as comments; None where there is none.  Raises Fatal."""
        try:
            reply = self.controller.ask(pb.Request(get_crontab=pb.GetCrontab(uid=self.args.uid))).crontab
        except RequestError as exc:
            if exc.errno == Errno.JOB_SCRIPT_MISSING:
                return None
            raise Fatal(f"slurm_request_crontab failed: {exc.text}") from None
        disabled = [(lines.first, lines.last) for lines in reply.crontab.disabled]
        return crontab.comment_out(os.fsdecode(reply.crontab.text), disabled, "#DISABLED: ")

    def _given(self) -> str:
        """The table in the file named, or on standard input.  Raises Fatal."""
        if self.args.file == "-":
            return os.fsdecode(sys.stdin.buffer.read())
        try:
            with open(self.args.file, "rb") as file:
                return os.fsdecode(file.read())
        except OSError:
            raise Fatal(f"failed to open {self.args.file}") from None

    def _remove(self) -> int:
        try:
            self.controller.ask(pb.Request(update_crontab=pb.UpdateCrontab(uid=self.args.uid, remove=True)))
        except RequestError as exc:
            raise Fatal(f"slurm_remove_crontab failed: {exc.text}") from None
        return 0

    def _take(self, text: str) -> int:
        """Hand in a table that nobody can be asked about."""
        try:
            self._submit(text)
        except Wrong as exc:
            print(exc.said)
            return 1
        return 0

    def _edit(self, text: str) -> int:
        """Have the user change the table until it can be taken, or is given up."""
        while True:
            before, text = text, self._edited(text)
            if text == before:
                self.voice.info("No modification made")
                return 0
            try:
                self._submit(text)
                return 0
            except Wrong as exc:
                lines = "line(s) is" if exc.said == _ERRORS else "lines are"
                question = (
                    f"{exc.said}\nThe failed {lines} commented out with #BAD:\nDo you want to retry the edit? (y/n) "
                )
                if not _yes(question):
                    return 0
                text = crontab.comment_out(text, [(exc.first, exc.last)], "#BAD: ")

    def _edited(self, text: str) -> str:
        """What the user's editor makes of a text.  Raises Fatal."""
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        place = os.environ.get("TMPDIR") or "/tmp"
        try:
            file, name = tempfile.mkstemp(prefix="scrontab-", dir=place)
        except OSError as exc:
            raise Fatal(f"error creating temp crontab file '{place}/scrontab-XXXXXX': {exc.strerror}") from None
        try:
            with open(file, "wb") as stream:
                stream.write(os.fsencode(text))
            sys.stdout.flush()
            try:
                status = subprocess.run([*shlex.split(editor), name], check=False).returncode
            except (OSError, ValueError):
                status = 127
            if status:
                raise Fatal("editor returned non-zero exit code")
            with open(name, "rb") as stream:  # anew: editors put another file in its place
                return os.fsdecode(stream.read())
        except OSError as exc:
            raise Fatal(f"error reopening temp crontab file '{name}': {exc.strerror}") from None
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name)

    # ------------------------------------------------------------ its jobs

    def _submit(self, text: str) -> None:
        """Have the controller take the table.  Raises Wrong."""
        update = pb.UpdateCrontab(uid=self.args.uid, text=os.fsencode(text), jobs=self._jobs(text))
        try:
            response = self.controller.ask(pb.Request(update_crontab=update))
            reply = response.crontab
        except RequestError as exc:
            response, reply = pb.Response(), pb.CrontabReply(rc=int(exc.errno), error=exc.text)
        for line in response.messages:
            self.voice.info(line)
        if reply.rc:
            failed = f"{reply.failed.first}-{reply.failed.last}" if reply.failed.first else "(null)"
            raise Wrong(
                reply.failed.first or 1,
                reply.failed.last,
                f"There was an issue with the job submission on lines {failed}\n"
                f"The error code return was: {reply.error}\n"
                f"The error message was: {reply.message or '(null)'}",
            )

    def _jobs(self, text: str) -> list[pb.JobSpec]:
        """A job for each entry.  Raises Wrong."""
        jobs: list[pb.JobSpec] = []
        words: list[str] = []
        try:
            for item in crontab.read(text):
                if isinstance(item, crontab.Options):
                    words += item.words
                    self._check(item, words)
                else:
                    jobs.append(self._job(item, words))
                    words = []
        except crontab.CrontabError as exc:
            for reason in exc.reasons:
                self.voice.error(reason)
            raise Wrong(exc.line, exc.line, _ERRORS) from exc
        return jobs

    def _check(self, line: crontab.Options, words: Sequence[str]) -> None:
        """Are the options of a line, and of those before it, options of a job?  Raises CrontabError."""

        def invalid(word: str, *reasons: str) -> crontab.CrontabError:
            return crontab.CrontabError(line.line, *reasons, f"Invalid option found in #SCRON line: {word}")

        reading = getopt_long.read(options.table_of("sbatch"), line.words)
        if reading.end < len(line.words):
            raise invalid(line.words[reading.end])
        for taken in reading.taken:
            if taken.option.name in _NOT_HERE:
                raise invalid(line.words[taken.begin])
        try:
            options.parse("sbatch", words, {})
        except options.EndProgram:
            raise invalid(line.words[-1]) from None
        except options.OptionError as exc:
            before = len(getopt_long.read(options.table_of("sbatch"), words).taken) - len(reading.taken)
            number = exc.origin.number - before if exc.origin is not None else -1
            word = line.words[reading.taken[number].end - 1] if 0 <= number < len(reading.taken) else line.words[-1]
            reasons = [text.removeprefix("sbatch: ").removeprefix("error: ") for text in exc.lines]
            raise invalid(word, *reasons) from None

    def _job(self, entry: crontab.Entry, words: Sequence[str]) -> pb.JobSpec:
        """The job of an entry.  Raises Wrong."""
        try:
            found = options.parse("sbatch", words, {}, filters=self._filters())
        except options.OptionError as exc:
            sys.stderr.write("".join(f"{line}\n" for line in exc.lines))
            print("cli_filter plugin terminated with error")
            raise Wrong(entry.first, entry.last, _ERRORS) from None
        spec = found.specs[0]
        spec.batch = spec.get_user_env = True
        spec.command = options.unicode(entry.command)
        spec.name = spec.name or spec.command.split(" ")[0]
        spec.work_dir = os.path.join(self.user.pw_dir, spec.work_dir) if spec.work_dir else self.user.pw_dir
        for name in ("std_in", "std_out", "std_err"):
            if pattern := getattr(spec, name):
                setattr(spec, name, os.path.join(spec.work_dir, pattern))
        script = ["#!/bin/sh", "# A job of a crontab (scrontab).", *entry.directives, f"# {entry.written}"]
        spec.script = os.fsencode("\n".join([*script, entry.command, ""]))
        spec.env.append(b"SLURM_GET_USER_ENV=1")
        spec.umask = os.umask(0)
        os.umask(spec.umask)
        spec.alloc_node = os.uname().nodename
        spec.alloc_sid = caller.session_id()
        spec.submit_line = self.line
        spec.cron.CopyFrom(pb.CronEntry(spec=entry.when.text, line_start=entry.first, line_end=entry.last))
        return spec

    def _filters(self) -> options.Filter | None:
        plugins = self.conf.get("CliFilterPlugins")
        if not plugins:
            return None
        from crane_compat.filters.cli import CliFilters

        return CliFilters("sbatch", str(plugins), self.conf.directory, self.conf.cluster_name)


_ERRORS = "There are errors in your crontab."


def _yes(question: str) -> bool:
    """Ask until the answer is yes or no; no answer is no."""
    while True:
        sys.stdout.write(question)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line or line[:1] in "nN":
            return False
        if line[:1] in "yY":
            return True
