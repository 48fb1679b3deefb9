"""The option table: what command lines, variables and scripts make of it."""

from __future__ import annotations

import glob
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crane_compat.parsers.directives import check_script, read_directives, split_words
from crane_compat.parsers.option_help import completions, help_text, usage_text
from crane_compat.parsers.option_table import ALL, OPTIONS
from crane_compat.parsers.options import EndProgram, OptionError, Submission, parse
from crane_compat.wire import pb

SHARED = os.environ.get("CRANE_SHARED") or os.path.join(os.path.dirname(__file__), "../../../shared")
SCRIPTS = sorted(glob.glob(os.path.join(SHARED, "corpus", "sbatch", "*")))


def sbatch(*argv: str, script: str = "#!/bin/sh\n", env: dict[str, str] | None = None) -> Submission:
    return parse("sbatch", argv, env or {}, script.encode(), "job.sh")


def refused(*argv: str, command: str = "sbatch", script: str = "#!/bin/sh\n") -> OptionError:
    with pytest.raises(OptionError) as caught:
        parse(command, argv, {}, script.encode() if command == "sbatch" else None, "job.sh")
    return caught.value


def test_arbitrary_distribution_takes_hosts_from_the_file_of_SLURM_HOSTFILE(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("n3\nn1  # a comment\nn3,n2\n")
    found = parse("srun", ["-m", "arbitrary", "true"], {"SLURM_HOSTFILE": str(hosts)})
    assert (found.specs[0].req_nodes, found.specs[0].num_tasks) == ("n3,n1,n3,n2", 4)
    with pytest.raises(OptionError):
        parse("srun", ["-m", "arbitrary", "true"], {"SLURM_HOSTFILE": str(tmp_path / "none")})
    assert not parse("srun", ["true"], {"SLURM_HOSTFILE": str(hosts)}).specs[0].req_nodes


def test_a_shape_of_nodes_says_how_many_tasks() -> None:
    def tasks(*argv: str) -> int:
        return sbatch(*argv).specs[0].num_tasks

    assert (tasks("-B", "2:2:1"), tasks("-B", "2:4", "-N2"), tasks("--sockets-per-node=2", "-N3")) == (4, 16, 6)
    assert (tasks("-B", "2:2", "-n", "3"), tasks("--sockets-per-node=2"), tasks("-B", "2:2", "-N1-2")) == (3, 0, 0)


# ---------------------------------------------------------------- the table itself


def test_names_are_unique_in_each_command() -> None:
    for command in ALL:
        mine = [option for option in OPTIONS if command in option.commands]
        assert len({option.name for option in mine}) == len(mine)
        shorts = [option.short for option in mine if option.short]
        assert len(set(shorts)) == len(shorts)


def test_the_table_names_fields_that_exist() -> None:
    fields = {field.name for field in pb.JobSpec.DESCRIPTOR.fields} | {
        field.name for field in pb.StepRequest.DESCRIPTOR.fields
    }
    for option in OPTIONS:
        for name in filter(None, option.spec.split(", ")):
            assert name in fields, option.name


@pytest.mark.parametrize("command", ALL)
def test_help_names_every_option(command: str) -> None:
    text = help_text(command)
    assert text.startswith(f"Usage: {command} ")
    assert usage_text(command).startswith(f"Usage: {command} ")
    shown = set(text.replace("=", " ").replace("[", " ").split())
    assert {f"--{o.name}" for o in OPTIONS if command in o.commands and o.status != "old"} == {
        word for word in shown if word.startswith("--")
    }
    assert max(map(len, text.splitlines())) <= 120


def test_completions_are_like_recorded() -> None:
    assert completions("sbatch", "no").splitlines() == [
        "--extra-node-info=", "--gpus-per-node=", "--ignore-pbs", "--no-kill=", "--no-kill ", "--no-requeue",
        "--nodefile=", "--nodelist=", "--nodes=", "--ntasks-per-node=", "--sockets-per-node=", "--tasks-per-node=",
        "--use-min-nodes", "--wait-all-nodes=", "",
    ]  # fmt: skip


# ---------------------------------------------------------------- words as getopt_long reads them


@pytest.mark.parametrize("argv", [["-n4"], ["-n", "4"], ["--ntasks=4"], ["--ntasks", "4"], ["-Hn4"]])
def test_spellings(argv: list[str]) -> None:
    assert sbatch(*argv).specs[0].num_tasks == 4


def test_shortened_names() -> None:
    spec = sbatch("--cpus-per-t=2", "--job-n", "x", "--exclus").specs[0]
    assert (spec.cpus_per_task, spec.name, spec.exclusive) == (2, "x", "exclusive")


def test_words_that_are_no_options() -> None:
    assert refused("--foo").lines == ["sbatch: unrecognized option '--foo'", 'Try "sbatch --help" for more information']
    assert refused("--cpus=2").lines[0].startswith("sbatch: option '--cpus=2' is ambiguous; possibilities: '--cpus-per")
    assert refused("-n").lines[0] == "sbatch: option requires an argument -- 'n'"
    assert refused("--ntasks").lines[0] == "sbatch: option '--ntasks' requires an argument"
    assert refused("-?").lines[0] == "sbatch: invalid option -- '?'"
    assert refused("-n=4").lines == ['sbatch: error: Invalid numeric value "=4" for --ntasks.']


def test_former_names() -> None:
    found = sbatch("--workdir=/x", "--share")
    assert (found.specs[0].work_dir, found.specs[0].oversubscribe) == ("/x", True)
    assert found.notices == [
        "warning: --workdir is the former name of --chdir",
        "warning: --share is the former name of --oversubscribe",
    ]
    assert refused("--work=x").lines[0] == "sbatch: unrecognized option '--work=x'"


def test_options_end_at_the_first_operand() -> None:
    found = sbatch("-n2", "job.sh", "-n3", "--foo")
    assert (found.specs[0].num_tasks, found.operands) == (2, ["job.sh", "-n3", "--foo"])
    assert sbatch("-n2", "--", "-x").operands == ["-x"]


# ---------------------------------------------------------------- sources


def test_the_command_line_beats_variables_beat_the_script() -> None:
    script = "#!/bin/sh\n#SBATCH -J script -t 5 -p a\n"
    env = {"SBATCH_JOB_NAME": "env", "SBATCH_TIMELIMIT": "6"}
    spec = sbatch("-J", "line", script=script, env=env).specs[0]
    assert (spec.name, spec.time_limit, spec.partition) == ("line", 6, "a")


def test_only_what_was_given_is_set() -> None:
    assert sbatch().specs[0] == pb.JobSpec()
    assert parse("srun", ["true"], {}).specs[0] == pb.JobSpec()


def test_memory_of_another_source_is_replaced() -> None:
    spec = sbatch("--mem-per-cpu=1G", script="#!/bin/sh\n#SBATCH --mem=2G\n").specs[0]
    assert (spec.HasField("mem_per_node"), spec.mem_per_cpu) == (False, 1024)
    assert "mutually exclusive" in refused("--mem=1", "--mem-per-gpu=1").lines[0]


@pytest.mark.parametrize(("value", "waits"), [("", True), ("1", True), ("yes", True), ("0", False), ("no", False)])
def test_variables_of_flags(value: str, waits: bool) -> None:
    assert sbatch(env={"SBATCH_WAIT": value}).flags.wait == waits


def test_mail_types_of_one_source_add_up() -> None:
    script = "#!/bin/sh\n#SBATCH --mail-type=END\n#SBATCH --mail-type=BEGIN\n"
    assert list(sbatch(script=script).specs[0].mail_type) == ["BEGIN", "END"]
    assert list(sbatch("--mail-type=FAIL", script=script).specs[0].mail_type) == ["FAIL"]
    assert not sbatch("--mail-type=NONE", script=script).specs[0].mail_type


# ---------------------------------------------------------------- heterogeneous jobs


def test_components_on_the_command_line() -> None:
    found = sbatch("-n1", ":", "-n2", "-p", "gpu", "job.sh")
    assert [spec.num_tasks for spec in found.specs] == [1, 2]
    assert [spec.partition for spec in found.specs] == ["", "gpu"]
    assert found.operands == ["job.sh"]


def test_a_colon_in_arguments_separates_nothing() -> None:
    found = sbatch("-J", ":", "job.sh", "a", ":", "-n2")
    assert ([spec.name for spec in found.specs], found.operands) == ([":"], ["job.sh", "a", ":", "-n2"])


def test_a_step_of_several_commands() -> None:
    found = parse("srun", ["-n1", "-l", "a", "x", ":", "-n2", "b"], {})
    assert found.commands == [["a", "x"], ["b"]]
    assert [(step.spec.num_tasks, step.label) for step in found.steps] == [(1, True), (2, True)]
    assert list(parse("srun", ["-N1", ":", "-N1", "a"], {}).words) == [["a"], ["a"]]


def test_what_a_component_hands_on() -> None:
    found = sbatch("-J", "x", "-A", "acct", "-n4", "-p", "gpu", ":", "-A", "other", ":", "-n1")
    assert [(s.name, s.account, s.num_tasks, s.partition) for s in found.specs] == [
        ("x", "acct", 4, "gpu"), ("x", "other", 0, ""), ("x", "other", 1, ""),
    ]  # fmt: skip


def test_components_in_the_script() -> None:
    found = sbatch("-J", "x", script="#!/bin/sh\n#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -n2 -c3\n")
    assert [(spec.num_tasks, spec.cpus_per_task) for spec in found.specs] == [(1, 0), (2, 3)]


# ---------------------------------------------------------------- scripts


def test_where_directives_end() -> None:
    script = "#!/bin/sh\n\n# x\n#SBATCH -n2\n##SBATCH -n3\n #SBATCH -n4\n# SBATCH -n5\n\t\ntrue\n#SBATCH -n6\n"
    assert read_directives("sbatch", script.encode()).components == [["-n2"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" -J 'a b' --comment=\"c d\"", ["-J", "a b", "--comment=c d"]),
        (' --comment=a"b c"d', ["--comment=ab cd"]),
        (" -J a\\ b # c", ["-J", "a b"]),
        (" --job-name=a#b", ["--job-name=a"]),
        ("\t-H\t", ["-H"]),
        (" ''", [""]),
        (" '\\''", ["'"]),
        (" $HOME %j", ["$HOME", "%j"]),
    ],
)
def test_words_of_a_directive(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_an_option_and_its_value_on_two_lines() -> None:
    assert sbatch(script="#!/bin/sh\n#SBATCH -J\n#SBATCH two\n").specs[0].name == "two"


def test_lines_of_other_schedulers_fill_gaps() -> None:
    script = "#!/bin/sh\n#SBATCH -J mine\n#BSUB -J other -n 4,8\n#BSUB -R 'span[hosts=1]' -W 1:30\n#PBS -N third\n"
    spec = sbatch(script=script).specs[0]
    assert (spec.name, spec.num_tasks, spec.time_limit) == ("mine", 8, 90)
    assert sbatch("--ignore-pbs", script=script).specs[0].num_tasks == 0
    assert sbatch(script=script, env={"SBATCH_IGNORE_PBS": "1"}).specs[0].num_tasks == 0


def test_pbs_resources() -> None:
    script = "#!/bin/sh\n#PBS -N x -q long\n#PBS -l nodes=2:ppn=4,walltime=01:00:00,mem=2gb\n"
    spec = sbatch(script=script).specs[0]
    assert (spec.min_nodes, spec.ntasks_per_node, spec.time_limit, spec.mem_per_node) == (2, 4, 60, 2048)


# ---------------------------------------------------------------- srun and salloc


def test_srun_within_an_allocation() -> None:
    found = parse("srun", ["--exclusive", "-r1", "-l", "hostname"], {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "3"})
    assert (found.flags.job_id, found.step.exact, found.step.relative, found.step.label) == (7, True, 1, True)
    assert (found.specs[0].num_tasks, found.specs[0].exclusive) == (3, "")


def test_components_for_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_HET_SIZE", "3")
    assert parse("srun", ["--het-group=0,2", "x"], {}).step.het_groups == [0, 2]
    assert parse("srun", ["--het-group=all", "x"], {}).step.het_groups == [0, 1, 2]
    assert refused("--het-group=3", "x", command="srun").code == 1


def test_salloc() -> None:
    found = parse("salloc", ["-I5", "--no-shell", "--bell", "-K9"], {})
    flags = found.flags
    assert (flags.immediate_secs, flags.no_shell, flags.bell, flags.kill_command) == (5, True, True, 9)


# ---------------------------------------------------------------- anything at all

REQUIRED = [option for option in OPTIONS if option.takes != "none" and "file" not in option.name]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(REQUIRED),
    st.text("0123456789-+:,.*%@[]=ab mkGx", max_size=12) | st.text(max_size=6) | st.just("9" * 5000),
)
def test_no_value_is_more_than_refused(option: object, value: str) -> None:
    assert isinstance(option, type(OPTIONS[0]))
    for command in option.commands:
        try:
            parse(command, [f"--{option.name}={value}", "x"], {})
        except OptionError as exc:
            assert exc.lines and all(exc.lines)
        except EndProgram as exc:
            assert exc.text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("-nHvx= a#'\"\\:\n", max_size=8), max_size=5), st.binary(max_size=60))
def test_no_script_is_more_than_refused(words: list[str], tail: bytes) -> None:
    script = b"#!/bin/sh\n" + "".join(f"#SBATCH {word}\n" for word in words).encode() + tail
    try:
        check_script(script)
        parse("sbatch", [], {}, script, "x")
    except OptionError as exc:
        assert exc.lines


@pytest.mark.skipif(not SCRIPTS, reason="no collection of scripts here")
def test_every_collected_script_has_a_verdict() -> None:
    verdicts = {"accepted": 0, "refused": 0}  # refused are templates to be filled in, and mistakes
    for path in SCRIPTS:
        with open(path, "rb") as file:
            script = file.read()
        try:
            check_script(script)
            parse("sbatch", [], {}, script, os.path.basename(path))
            verdicts["accepted"] += 1
        except OptionError as exc:
            assert exc.lines and exc.code in (1, 255), path
            verdicts["refused"] += 1
    assert verdicts["accepted"] >= 9 * verdicts["refused"], verdicts


def test_a_large_script_is_read_at_once() -> None:
    script = b"#!/bin/sh\n" + b"#SBATCH --comment='x' # y\n" * 1000 + b"# comment\n" * 400_000
    script += b"\ntrue" * 4
    assert len(script) < 4 << 20
    script = script.ljust(4 << 20, b"#")
    begun = time.perf_counter()
    check_script(script)
    assert parse("sbatch", [], {}, script, "x").specs[0].comment == "x"
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize("name", ["nodelist", "nodefile", "export-file"])
def test_a_file_name_with_a_nul(name: str) -> None:
    assert refused(f"--{name}=a/\0b").lines
