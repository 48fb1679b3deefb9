"""What is fuzzed: for each grammar a function that lets nothing but its own error pass, and texts to begin with."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from crane_compat.lint import examine
from crane_compat.parsers import (
    arrays,
    begin_time,
    binding,
    cgroup_conf,
    constraint,
    crontab,
    dependency,
    device_request,
    distribution,
    gres_conf,
    hostlist,
    mail_types,
    multi_prog,
    options,
    signal_spec,
    size,
    slurm_conf,
    slurmdbd_conf,
    time_limit,
)
from crane_compat.parsers.directives import check_script, read_directives
from crane_compat.parsers.option_values import EndProgram, OptionError
from crane_compat.parsers.slurm_conf import ConfError

#: Seconds of the processor that no input of a fuzzer's size may take; counting coverage is part of them.
TOO_LONG = 2.0

NOW = 1_800_000_000.0


class TooSlow(Exception):
    """An input took longer than it should."""


@dataclass(frozen=True)
class Target:
    """`run` reads bytes; anything it raises is a fault."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def _value(parse: Callable[[str], object], *seeds: str, errors: tuple[type[Exception], ...] = (ValueError,)) -> Target:
    """A grammar of one value."""

    def run(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        start = time.process_time()
        with contextlib.suppress(*errors):
            parse(text)
        if time.process_time() - start > TOO_LONG:
            raise TooSlow(text[:200])

    return Target(run, tuple(seed.encode() for seed in seeds))


def _printed(parse: Callable[[str], object], *seeds: str) -> Target:
    """A grammar whose values print: printed and read again they are the same."""

    def both(text: str) -> object:
        value = parse(text)
        if parse(str(value)) != value:
            raise AssertionError(f"{text!r} prints as {value!s}")
        return value

    return _value(both, *seeds)


def _hosts(text: str) -> object:
    names = hostlist.expand(text)
    if hostlist.expand(hostlist.compress(names)) != names:
        raise AssertionError(f"{text!r} is not kept by compress")
    return names


def _script(data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(OptionError):
        check_script(data)
    with contextlib.suppress(OptionError):
        read_directives("sbatch", data, "job.sh")
    with contextlib.suppress(OptionError, EndProgram):
        options.parse("sbatch", [], {}, data, "job.sh")
    if time.process_time() - start > TOO_LONG:
        raise TooSlow(repr(data[:200]))


def _line(data: bytes) -> None:
    words = data.decode("utf-8", "surrogateescape").replace("\0", " ").split("\n")
    for command in ("sbatch", "srun", "salloc"):
        with contextlib.suppress(OptionError, EndProgram):
            options.parse(command, words, {})


def _lint(data: bytes) -> None:
    examine(data, "job.sh", isdir=lambda _: True)


def _file(load: Callable[[str], object], *seeds: bytes) -> Target:
    """A configuration file by itself: other files that it names are not looked for."""

    def run(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "the.conf")
            with open(path, "wb") as file:
                file.write(re.sub(rb"(?i)include", b"inclose", data))
            with contextlib.suppress(ConfError):
                load(path)

    return Target(run, seeds)


_SCRIPT_SEEDS = (
    b"#!/bin/sh\n#SBATCH -J 'a b' --mem=4G -n2\n#SBATCH hetjob\n#SBATCH -p x --gres=gpu:2\nsrun x\n#SBATCH -t 5\n",
    b'#!/bin/bash\n#BSUB -n 4,8 -W 1:30 -R "span[ptile=2] rusage[mem=4000]"\n#BSUB -J "a[1-10]%2" -w "done(12)"\nrun\n',
    b"#!/bin/csh\n#PBS -l nodes=2:ppn=4:gpus=1,walltime=01:00:00,mem=2gb -N x -j oe\n#PBS -t 1-9 -W depend=afterok:1\n",
    b"#!/bin/sh\n#CBATCH --job-name=x -N2 --mem 2G\n##SBATCH -n 1\ncat <<E\n#SBATCH -n 2\nE\n",
)

TARGETS: dict[str, Target] = {
    "arrays": _printed(arrays.parse_array, "0-99:3%5", "1,3,5-7", "0-4000000"),
    "begin_time": _value(
        lambda text: begin_time.parse_time(text, NOW),
        "now+1hour",
        "teatime",
        "fika",
        "16:00",
        "2030-01-02T03:04:05",
        "01/02/30-13:00",
        "tomorrow",
        "noon",
        "10:00pm",
    ),
    "binding": _value(
        lambda text: (binding.is_cpu_binding(text), binding.is_memory_binding(text), binding.is_gpu_binding(text)),
        "verbose,map_cpu:0,1,2",
        "mask_cpu:0x3,0xc",
        "local",
        "map_gpu:0,1",
        "single:2",
        "rank",
    ),
    "constraint": _printed(constraint.parse_constraint, "a&b", "[a|b]", "a*2&b*1", "(a&b)|c", "[(a&b)*2&(c)*1]"),
    "crontab": _value(
        lambda text: list(crontab.read(text)),
        "A=b\n#SCRON -J x\n*/5 1-3,7 1 jan mon-fri echo $A\n",
        "@daily x\n\t# y\n0 0 31 * 7 z",
        errors=(crontab.CrontabError,),
    ),
    "dependency": _printed(
        dependency.parse_dependency, "afterok:12:13", "afterany:12_3,singleton", "after:1+5?afternotok:2", "expand:7"
    ),
    "devices": _value(lambda text: device_request.parse_devices(text, "gpu"), "gpu:tesla:2,mps:100", "2", "a100:2"),
    "distribution": _printed(distribution.parse_distribution, "block:cyclic:fcyclic", "plane=4", "*:*,Pack"),
    "cgroup_conf": _file(cgroup_conf.load, b"CgroupPlugin=autodetect\nConstrainCores=yes\nAllowedRAMSpace=99.5\n"),
    "gres_conf": _file(gres_conf.load, b"NodeName=n[1-2] Name=gpu Type=a File=/dev/x[0-3]\nName=mps Count=200\n"),
    "hostlist": _value(_hosts, "n[1-3,7]", "a[01-10]b[1-2]", "n1,n2", "n[0-99999]", "x[1-2][3-4]"),
    "licenses": _value(device_request.parse_licenses, "matlab:2,idl", "a@server:3", "a|b:2"),
    "lint": Target(_lint, _SCRIPT_SEEDS),
    "mail_types": _value(mail_types.parse_mail_types, "BEGIN,END", "TIME_LIMIT_80", "NONE", "ALL"),
    "memory": _value(size.parse_memory, "4G", "100", "1T", "0"),
    "multi_prog": _value(
        lambda text: multi_prog.parse(text.encode(), 8, "x"),
        "0-3 ./a %t\n4,5 ./b %o\n* ./c 'd e'\n",
        errors=(multi_prog.MultiProgError,),
    ),
    "options": Target(_line, (b"-n2\n--mem=4G\nscript\n", b"-n\n1\n:\n-N2\n-p\nx\nprog\n", b"-tx\n--help\n")),
    "script": Target(_script, _SCRIPT_SEEDS),
    "signal": _printed(signal_spec.parse_signal_spec, "USR1@120", "B:10", "RB:TERM@1"),
    "slurm_conf": _file(
        lambda path: slurm_conf.load(path, strict=False),
        b"ClusterName=c\nSlurmctldHost=h(1.2.3.4)\nNodeName=n[1-3] CPUs=4 \\\n Gres=gpu:a:2 # x\nPartitionName=p\n",
        b'NodeName=DEFAULT CPUs=2\nNodeName=a,b State=DOWN Reason="x y"\nDownNodes=a\nSchedulerParameters=a,b=2\n',
    ),
    "slurmdbd_conf": _file(slurmdbd_conf.load, b"DbdHost=h\nStorageType=x\nPurgeJobAfter=2months\n"),
    "time_limit": _value(time_limit.parse_minutes, "90", "1:30:00", "1-12:00:00", "UNLIMITED"),
}
