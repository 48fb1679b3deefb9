"""srun: run a step, inside an allocation or in one of its own.

Source: srun(1) and the recordings.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
from collections.abc import Iterable

from crane_compat import paths
from crane_compat.commands.slurm import allocation, submission
from crane_compat.commands.slurm.allocation import Allocation, GivenUp
from crane_compat.commands.slurm.step_watch import Listener, Manner, StepRefused, StepWatch, own_descriptor
from crane_compat.commands.slurm.voice import Voice
from crane_compat.core import states
from crane_compat.core.errors import TEXT, Errno, RequestError
from crane_compat.daemon.rpc.client import Client, Unreachable
from crane_compat.daemon.stepd.output import Names
from crane_compat.wire import pb

#: The letters of a file name pattern that differ between tasks: such files are opened on the nodes.
TASK_LETTERS = ("%t", "%n", "%N")


class Failed(Exception):
    """What was wrong has been said; `code` is the exit status."""

    def __init__(self, code: int = 1) -> None:
        self.code = code
        super().__init__(code)


def find_command(name: str, work_dir: str, env: Iterable[bytes]) -> str:
    """The program's path where PATH or the directory tells it; what the user wrote where they do not.

    `env` is what the tasks get (--export may leave PATH out).  The nodes look again: theirs may be other files.
    """
    if "/" in name:
        return name if name.startswith("/") else os.path.join(work_dir, name)
    search = next((os.fsdecode(item[5:]) for item in env if item.startswith(b"PATH=")), "")
    for place in search.split(":"):
        path = os.path.join(place, name)
        with contextlib.suppress(OSError):
            if place and name and stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK):
                return path
    return name


# ---------------------------------------------------------------- the step's files


def _per_task(pattern: str) -> bool:
    """Does the file's name differ between tasks?"""
    if "\\" in pattern:
        return False
    import re

    return any(re.search("%\\d*" + letter[1], pattern) for letter in TASK_LETTERS)


class Files:
    """Where the step's three streams go: to the nodes' files, to files of ours, or through us."""

    def __init__(self, voice: Voice, request: pb.StepRequest, names: Names) -> None:
        self.voice, self.request, self.names = voice, request, names
        self.opened: dict[str, int] = {}

    def apply(self, manner: Manner) -> None:
        """Fill `manner` and the request's file names.  Raises Failed."""
        spec = self.request.spec
        manner.stdout = own_descriptor("stdout", 1)
        manner.stderr = own_descriptor("stderr", 2)
        out, err = spec.std_out, spec.std_err or spec.std_out
        spec.std_out, manner.stdout, manner.stdout_rank = self._output(out, manner.stdout, manner.stdout_rank, "stdout")
        spec.std_err, manner.stderr, manner.stderr_rank = self._output(err, manner.stderr, manner.stderr_rank, "stderr")
        self._input(spec, manner)

    def _output(self, pattern: str, ours: int, rank: int, name: str) -> tuple[str, int, int]:
        """(pattern for the nodes, our descriptor, the only rank shown)"""
        if pattern in ("", "all"):
            return "", ours, rank
        if pattern == "none":
            return "/dev/null", ours, rank
        if pattern.isdigit():
            return "", ours, int(pattern)
        if _per_task(pattern) or pattern == "/dev/null":
            return pattern, ours, rank
        return "", self._open(pattern, name), rank

    def _open(self, pattern: str, name: str) -> int:
        spec = self.request.spec
        path = os.path.join(spec.work_dir, self.names.expand(pattern))
        if path not in self.opened:
            append = spec.open_mode.startswith("a")
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if append else os.O_TRUNC)
            try:
                self.opened[path] = os.open(path, flags, 0o666)
            except OSError as exc:
                self.voice.error(f"Could not open {name} file: {exc.strerror}")
                raise Failed from exc
        return self.opened[path]

    def _input(self, spec: pb.JobSpec, manner: Manner) -> None:
        pattern, spec.std_in = spec.std_in, ""
        if pattern == "none":
            spec.std_in, manner.stdin = "/dev/null", None
        elif pattern.isdigit() and int(pattern) < self.tasks:
            manner.stdin_rank = int(pattern)
        elif pattern in ("", "all"):
            pass
        elif _per_task(pattern):
            spec.std_in, manner.stdin = pattern, None
        else:
            path = os.path.join(spec.work_dir, self.names.expand(pattern))
            try:
                manner.stdin = os.open(path, os.O_RDONLY | os.O_NOCTTY)
            except OSError as exc:
                self.voice.error(f"Could not open stdin file: {exc.strerror}")
                raise Failed from exc

    @property
    def tasks(self) -> int:
        return self.request.spec.num_tasks or 1


# ---------------------------------------------------------------- the pieces of a run


def _listening_host(addresses: list[str]) -> str:
    """Where the nodes reach us: loopback if they all are on this host."""
    here = {"localhost", os.uname().nodename, "::1"}
    if all(address in here or address.startswith("127.") for address in addresses):
        return "127.0.0.1"
    return os.uname().nodename


def _port_range(conf: str) -> tuple[int, int] | None:
    """SrunPortRange; only looked for where other hosts must reach us, through whatever firewall."""
    import re

    try:
        with open(conf, encoding="utf-8", errors="replace") as file:
            found = re.findall(r"(?mi)^\s*SrunPortRange\s*=\s*(\d+)-(\d+)", file.read())
    except OSError:
        return None
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def _addresses(client: Client, jobs: list[pb.JobRecord]) -> list[str]:
    """The addresses of the jobs' nodes."""
    names = [node.node for job in jobs for node in job.nodes]
    if names == [os.environ.get("SLURMD_NODENAME")]:
        return ["127.0.0.1"]
    reply = client.call(pb.Request(list_nodes=pb.ListNodes(names=names)))
    return [node.address for node in reply.nodes.nodes]


def _existing_jobs(voice: Voice, client: Client, job_id: int) -> list[pb.JobRecord]:
    """The allocation we are in: of a heterogeneous job all components.  Raises Failed."""
    response = client.call(pb.Request(list_jobs=pb.ListJobs(job_ids=[job_id], details=True)), check=False)
    # an array's id stands for all of its tasks; here it is the job of that number, the array's last task
    jobs = [job for job in response.jobs.jobs if job_id in (job.job_id, job.het_job_id)]
    text = ""
    if response.rc or not jobs:
        text = response.error or TEXT[Errno.INVALID_JOB_ID]
    elif states.is_finished(jobs[0].state):
        text = TEXT[Errno.ALREADY_DONE]
    elif states.is_pending(jobs[0].state):
        text = TEXT[Errno.JOB_PENDING]
    if text:
        voice.error(f"Unable to confirm allocation for job {job_id}: {text}")
        voice.info(f"Check SLURM_JOB_ID environment variable. Expired or invalid job {job_id}")
        raise Failed
    return jobs


def _fit(voice: Voice, spec: pb.JobSpec, job: pb.JobRecord) -> None:
    """Fit node and task counts into the allocation.  Raises Failed."""
    allocated = len(job.nodes)
    if spec.HasField("min_nodes") and spec.min_nodes > allocated:
        voice.error(f"Only allocated {allocated} nodes asked for {spec.min_nodes}")
        raise Failed
    nodes = spec.min_nodes if spec.HasField("min_nodes") else allocated
    if spec.HasField("num_tasks") and spec.num_tasks < nodes:
        if not spec.exc_nodes and not spec.req_nodes:
            voice.info(f"warning: can't run {spec.num_tasks} processes on {nodes} nodes, setting nnodes to "
                       f"{spec.num_tasks}")  # fmt: skip
        spec.min_nodes = spec.max_nodes = spec.num_tasks


#: A part of the step: the job (component) it runs in, and what it is there.
Part = tuple[pb.JobRecord, pb.StepRequest]


def _parts(voice: Voice, asked: submission.Asked, jobs: list[pb.JobRecord]) -> list[Part]:
    """Which component runs what: those that --het-group names, else the n-th part in the n-th.  Raises Failed."""
    by_offset = {job.het_offset: job for job in jobs}
    parts: list[Part] = []
    for index, (request, given) in enumerate(zip(asked.steps, asked.givens, strict=True)):
        groups = list(request.het_groups) or [index]
        for group in groups:
            if group not in by_offset:
                voice.error(f"Attempt to run a job step with het group value of {group}, "
                            f"but the job allocation has maximum value of {max(by_offset)}")  # fmt: skip
                raise Failed
            own = pb.StepRequest()
            own.CopyFrom(request)
            if len(jobs) > 1:
                _component_defaults(own.spec, by_offset[group], given)
            parts.append((by_offset[group], own))
    return parts


def _component_defaults(spec: pb.JobSpec, job: pb.JobRecord, given: dict[str, str | None]) -> None:
    """The variables that we find are those of the first component; what was not asked for is this one's."""
    from crane_compat.core.job_env import total_tasks

    if "nodes" not in given:
        spec.ClearField("min_nodes")
        spec.ClearField("max_nodes")
    if "ntasks" not in given:
        spec.ClearField("num_tasks")
        if "nodes" not in given and "ntasks-per-node" not in given and (tasks := total_tasks(job)) is not None:
            spec.num_tasks = tasks
    if not given.keys() & {"mem", "mem-per-cpu", "mem-per-gpu"}:
        for field in ("mem_per_node", "mem_per_cpu", "mem_per_gpu"):
            spec.ClearField(field)


def _read_multi_prog(voice: Voice, request: pb.StepRequest) -> None:
    """Take the --multi-prog file into the request and check it.  Raises Failed."""
    from crane_compat.parsers.multi_prog import MultiProgError, parse

    name = os.fsdecode(request.spec.argv[0]) if request.spec.argv else ""
    try:
        with open(os.path.join(request.spec.work_dir, name), "rb") as file:
            request.multi_prog_conf = file.read()
    except OSError as exc:
        voice.error(f"Could not open multi_prog config file {name}")
        raise Failed from exc
    try:
        parse(request.multi_prog_conf, request.spec.num_tasks or 1, name)
    except MultiProgError as exc:
        for text in exc.lines:
            voice.error(text)
        raise Failed from exc


def _names_program(path: str) -> bool:
    """Is a --prolog or --epilog wanted?"""
    return bool(path) and path.lower() != "none"


class Run:
    """One command line's step."""

    def __init__(self, voice: Voice, asked: submission.Asked, conf: str) -> None:
        self.voice, self.asked, self.conf = voice, asked, conf
        self.worst_status = 0
        self.cancelled = False  # by ^C
        self.own_allocation = False

    def step(self, client: Client, parts: list[Part], addresses: list[str]) -> int:
        """Run the step over `client`: srun's exit code.  Raises Failed, Unreachable."""
        asked, voice = self.asked, self.voice
        job, request = parts[0]
        spec = request.spec
        for part_job, part in parts:
            part.job_id = part_job.job_id
            if name := asked.given.get("job-name"):
                part.spec.name = name
            part.srun_pid = os.getpid()
            part.srun_host = os.uname().nodename
        manner = asked.manner()
        manner.own_allocation, manner.no_kill = self.own_allocation, spec.no_kill
        names = Names(
            job_id=job.job_id,
            step=str(job.next_step_id),
            node=job.batch_host or (job.nodes[0].node if job.nodes else ""),
            node_index=0,
            rank=0,
            user=job.user,
            job_name=job.spec.name,
            array_job_id=job.array_job_id,
            array_task_id=job.array_task_id if job.HasField("array_task_id") else 0xFFFFFFFE,
            restarts=job.restarts,
        )
        Files(voice, request, names).apply(manner)
        if request.pty:
            self._terminal(request, manner)
        host = _listening_host(addresses)
        try:
            listener = Listener.on(host, None if host.startswith("127.") else _port_range(self.conf))
        except OSError as exc:
            voice.error(f"cannot listen for the step's input and output: {exc.strerror}")
            raise Failed from exc
        for _, part in parts:
            part.spec.std_in, part.spec.std_out, part.spec.std_err = spec.std_in, spec.std_out, spec.std_err
            if part.spec.argv and not part.multi_prog:
                command = os.fsdecode(part.spec.argv[0])
                part.spec.argv[0] = os.fsencode(find_command(command, part.spec.work_dir, part.spec.env))
        watch = StepWatch(voice, listener, manner, self.conf)
        self._before_start(watch, parts)
        request.components.extend(part for _, part in parts[1:])
        if filters := asked.filters:
            watch.on_created = lambda step: filters.post_submit(0, step.job_id, step.step_id)
        try:
            code = watch.run(client, request)
        except StepRefused as exc:
            for text in exc.reason.details:
                voice.error(text)
            voice.error(f"Unable to create step for job {job.job_id}: {exc.reason.text}")
            raise Failed from exc
        if watch.step is not None:
            self._beside("epilog", asked.flags.epilog, parts[0], watch.step)
        self.cancelled = watch.cancelled
        self.worst_status = watch.worst_status or (code << 8 if code and not watch.worst else 0)
        return code

    def _before_start(self, watch: StepWatch, parts: list[Part]) -> None:
        """Let the step's tasks wait for --prolog and --bcast, where they are asked for; raises then Failed."""
        flags = self.asked.flags
        sends = flags.bcast is not None and not parts[0][1].multi_prog
        if not sends and not _names_program(flags.prolog):
            return
        for _, part in parts:
            part.hold_launch = True
        plans = [(job, os.fsdecode(part.spec.argv[0]), part.spec.work_dir) for job, part in parts]

        def ready(created: pb.StepCreated) -> None:
            self._beside("prolog", flags.prolog, parts[0], created.step)
            for step, plan in zip((created.step, *created.components), plans, strict=True):
                start = self._send(step, *plan) if sends else pb.StartStep(job_id=step.job_id, step_id=step.step_id)
                try:
                    with Client.controller(self.conf, "srun") as client:
                        client.call(pb.Request(start_step=start))
                except RequestError as exc:
                    self.voice.error(exc.text)
                    raise Failed from exc

        watch.before_start = ready

    def _send(self, step: pb.StepRecord, job: pb.JobRecord, program: str, directory: str) -> pb.StartStep:
        """--bcast: bring the program to the step's nodes.  Raises Failed, Unreachable."""
        from crane_compat.commands.slurm.step_bcast import StepBcast

        start = StepBcast(self.voice, self.conf, self.asked.flags).send(job, step, program, directory)
        if start is None:
            self.voice.error(f"Failed to broadcast '{program}'. Step launch aborted.")
            raise Failed
        return start

    def _beside(self, kind: str, path: str, part: Part, step: pb.StepRecord) -> None:
        """Run --prolog or --epilog here, with the step's command line as its arguments; how it ends changes nothing.

        Source: srun(1), and the recorded environments.
        """
        if not _names_program(path):
            return
        if not os.access(path, os.R_OK | os.X_OK):
            self.voice.info(f"Access denied for {path}: Permission denied")
            return
        import subprocess

        from crane_compat.core.job_env import srun_script_env

        env: dict[bytes, bytes] = dict(os.environb)
        env |= srun_script_env(part[0], step, part[1], self.asked.cluster, self.conf)
        env[b"SLURM_SCRIPT_CONTEXT"] = f"{kind}_srun".encode()
        sys.stdout.flush()
        try:
            done = subprocess.run([path, *self.asked.operands], stdin=subprocess.DEVNULL, env=env, check=False)
        except OSError as exc:
            self.voice.error(f"--{kind}={path}: {exc.strerror}")
            return
        self.voice.verbose(f"srun {kind} rc = {done.returncode}")

    def _terminal(self, request: pb.StepRequest, manner: Manner) -> None:
        try:
            size = os.get_terminal_size(0)
        except OSError as exc:
            self.voice.error(f"ioctl(TIOCGWINSZ): {exc.strerror}")
            self.voice.error("Not using a pseudo-terminal, disregarding --pty option")
            request.pty = False
            return
        request.win_rows, request.win_cols = size.lines, size.columns
        request.spec.env.extend([b"SLURM_PTY_WIN_COL=%d" % size.columns, b"SLURM_PTY_WIN_ROW=%d" % size.lines])
        manner.terminal = True
        manner.label = request.label = False

    def inside(self, client: Client, job_id: int) -> int:
        """In an allocation that exists."""
        parts = _parts(self.voice, self.asked, _existing_jobs(self.voice, client, job_id))
        for job, request in parts:
            _fit(self.voice, request.spec, job)
        return self.step(client, parts, _addresses(client, [job for job, _ in parts]))

    def alone(self, client: Client) -> int:
        """In an allocation of our own, given back at the end."""
        self.own_allocation = True
        asked = self.asked
        for spec in asked.specs:
            spec.interactive = spec.srun_job = True
        granted = allocation.obtain(
            self.voice, allocation.SRUN, client, self.conf, asked.specs, float(asked.flags.immediate_secs)
        )
        code = 1
        self.worst_status = 1 << 8
        try:
            code = self._in_granted(granted)
        finally:
            if self.cancelled:
                allocation.revoke(self.conf, "srun", granted.job.job_id)
            else:
                allocation.complete(self.conf, "srun", granted.job.job_id, self.worst_status)
        return code

    def _in_granted(self, granted: Allocation) -> int:
        allocation.await_ready(self.voice, allocation.SRUN, granted, self.conf, self.voice.verbose)
        parts = list(zip(granted.jobs, self.asked.steps, strict=True))
        if len(parts) > 1:
            from crane_compat.core.job_env import het_alloc_env

            env = het_alloc_env(granted.jobs, granted.cluster, self.conf)
            for _, request in parts:
                request.spec.env.extend(os.fsencode(f"{name}={value}") for name, value in env.items())
        with Client.controller(self.conf, "srun") as client:
            several = len(parts) > 1
            addresses = (not several and granted.node_addrs) or _addresses(client, granted.jobs)
            return self.step(client, parts, addresses)


def main(argv: list[str]) -> int:
    """Run the command line; its exit status."""
    try:
        asked = submission.parse("srun", argv)
    except submission.Refused as exc:
        return exc.code
    voice = Voice("srun", asked.flags.verbose, asked.flags.quiet)
    conf = paths.conf_path()
    run = Run(voice, asked, conf)
    try:
        if asked.step.multi_prog:
            _read_multi_prog(voice, asked.step)
        with Client.controller(conf, "srun") as client:
            if asked.flags.test_only:
                return allocation.test_only(voice, client, asked.specs)
            if asked.flags.job_id is not None:
                return run.inside(client, asked.flags.job_id)
            return run.alone(client)
    except Unreachable:
        voice.error(f"Unable to allocate resources: {TEXT[Errno.COMMUNICATIONS_CONNECTION]}")
        return 1
    except (GivenUp, Failed) as exc:
        return exc.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        sys.stdout.flush()
