"""#BSUB, #PBS and #CBATCH lines: what they become, and where everything stands."""

from __future__ import annotations

import glob
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crane_compat.parsers import getopt_long
from crane_compat.parsers.directive_words import Word, words_of
from crane_compat.parsers.directives import Directives, problems, read_directives, read_native
from crane_compat.parsers.native_options import NATIVE_OPTIONS, native_table
from crane_compat.parsers.option_table import OPTIONS
from crane_compat.parsers.options import EndProgram, OptionError, parse, table_of

SHARED = os.environ.get("CRANE_SHARED") or os.path.join(os.path.dirname(__file__), "../../../shared")
SCRIPTS = sorted(glob.glob(os.path.join(SHARED, "corpus", "bsub", "*")))


def read(*lines: str) -> Directives:
    return read_directives("sbatch", ("#!/bin/sh\n" + "".join(f"{line}\n" for line in lines)).encode(), "job")


def bsub(options: str) -> str:
    """What a #BSUB line becomes, as one text."""
    return " ".join(read(f"#BSUB {options}").foreign)


def pbs(options: str) -> str:
    return " ".join(read(f"#PBS {options}").foreign)


# ---------------------------------------------------------------- words and places


def test_words_have_places() -> None:
    line = "#SBATCH -J 'a b'\t--mem=1G#x"
    words = words_of(line[7:], "sbatch", "job", 3, 7)
    assert [(w.text, w.line, line[w.column - 1 : w.end - 1], w.cut) for w in words] == [
        ("-J", 3, "-J", False), ("a b", 3, "'a b'", False), ("--mem=1G", 3, "--mem=1G", True),
    ]  # fmt: skip


@given(st.text(st.sampled_from("ab-= \t#'\"\\é"), max_size=30))
def test_places_cover_all_that_is_no_blank(text: str) -> None:
    try:
        words = words_of(text)
    except OptionError as exc:
        assert "Unmatched" in exc.lines[0]
        return
    ends = [0]
    for word in words:
        assert not text[ends[-1] : word.column - 1].strip()
        assert ends[-1] <= word.column - 1 < word.end - 1 or not word.text
        ends.append(word.end - 1)
    rest = text[ends[-1] :].lstrip()
    assert not rest or rest.startswith("#")


def test_components_and_their_separators() -> None:
    found = read("#SBATCH -n1", "#SBATCH hetjob", "#SBATCH -n2 -c3")
    assert found.components == [["-n1"], ["-n2", "-c3"]]
    assert [(w.text, w.line, w.column) for w in found.separators] == [("hetjob", 3, 9)]


def test_an_error_says_which_option_it_was() -> None:
    script = b"#!/bin/sh\n#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -c1 --mem=x\n"
    with pytest.raises(OptionError) as caught:
        parse("sbatch", [], {}, script, "job")
    assert caught.value.origin == ("script", 1, 1)
    with pytest.raises(EndProgram) as ended:
        parse("sbatch", ["-n1", "--help"], {})
    assert ended.value.origin == ("command line", 0, 1)
    with pytest.raises(OptionError) as caught:
        parse("sbatch", [], {}, b"#!/bin/sh\n#BSUB -W soon\n", "job")
    assert caught.value.origin == ("other scheduler", 0, 0)
    with pytest.raises(OptionError) as caught:
        parse("sbatch", [], {}, b"#!/bin/sh\n\n#SBATCH -J 'x\n", "job")
    assert (caught.value.origin, caught.value.line) == (None, 3)


def test_a_command_line_is_read_as_far_as_it_goes() -> None:
    table = table_of("sbatch")
    reading = getopt_long.read(table, ["-Hn", "4", "--mem", "1G", "--no-such", "x"])
    assert [(t.option.name, t.value, t.begin, t.end) for t in reading.taken] == [
        ("hold", None, 0, 1), ("ntasks", "4", 0, 2), ("mem", "1G", 2, 4),
    ]  # fmt: skip
    assert (reading.end, str(reading.error)) == (4, "unrecognized option '--no-such'")
    assert getopt_long.read(table, ["-H", "--", "-n4"])[1:] == (2, None)
    assert getopt_long.read(table, ["-H", "x", "-n4"])[1:] == (1, None)


def test_everything_that_is_wrong_with_a_file() -> None:
    assert [p.kind for p in problems(b" \n")] == ["empty"]
    found = list(problems("é\nb\r\n\0".encode()))
    assert [(p.kind, p.line, p.column) for p in found] == [
        ("no-interpreter", 1, 1), ("nul", 3, 1), ("dos-line-ends", 2, 2),
    ]  # fmt: skip
    assert not list(problems(b"#!/bin/sh\n"))


# ---------------------------------------------------------------- #BSUB


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-n 4", "--ntasks 4"),
        ("-n4", "--ntasks 4"),
        ("-n 2,8", "--ntasks 8"),
        ("-W 90", "--time 90"),
        ("-W 1:30/hostA", "--time 1:30:00"),
        ("-q 'short long'", "--partition short,long"),
        ("-J 'name[1-10:2]%3'", "--job-name name --array 1-10:2%3"),
        ("-J '[1,3]'", "--array 1,3"),
        ("-M 4000", "--mem-per-cpu 4000K"),
        ("-M 4GB!", "--mem-per-cpu 4GB"),
        ("-m 'h1 h2+3 ~h9'", "--nodelist h1,h2 --exclude h9"),
        ("-o out.%J.%I", "--output out.%j.0"),
        ("-J a[1-2] -o out.%J.%I", "--job-name a --array 1-2 --output out.%A.%a"),
        ("-oo logs/", "--output logs/%j.out --open-mode truncate"),
        ("-e logs/ -J a[1-2]", "--error logs/%A_%a.err --job-name a --array 1-2"),
        ("-outdir d/%J -o x -e /y", "--output d/%j/x --error /y"),
        ("-i in -is other", "--input in --input other"),
        ("-P proj", "--account proj"),
        ("-G team", "--account team"),
        ("-G team -P proj", "--account proj"),
        ("-U rsv -Jd 'a text' -cwd /d -u me", "--reservation rsv --comment a text --chdir /d --mail-user me"),
        ("-x -H -r -rn -K -ti", "--exclusive --hold --requeue --no-requeue --wait --kill-on-invalid-dep yes"),
        ("-B -N", "--mail-type BEGIN --mail-type END,FAIL"),
        ("-nnodes 2", "--nodes 2 --exclusive"),
        ("-b 18:30", "--begin 18:30"),
        ("-t 2030:1:2:3:04", "--deadline 2030-01-02T03:04"),
        ("-w 'done(12) && ended(13)'", "--dependency afterok:12,afterany:13"),
        ("-w 'exit(12)||started(13)||14'", "--dependency afternotok:12?after:13?afterok:14"),
        ("-env 'all, A=1, ~B'", "--export ALL,A=1"),
        ("-env none", "--export NONE"),
        ("-gpu num=2:mode=exclusive_process", "--gpus-per-node 2"),
        ("-n 4 -gpu num=2/task", "--ntasks 4 --gpus-per-task 2"),
        ("-gpu num=2/task", "--gpus-per-node 2"),
        ("-gpu -", "--gpus-per-node 1"),
        ("-R 'span[ptile=4]'", "--ntasks-per-node 4"),
        ("-R span[hosts=1]", "--nodes 1"),
        ("-R 'span[hosts=-1] select[type==any]'", ""),
        ("-R 'span[stripe]'", "--distribution cyclic"),
        ("-R rusage[mem=2000]", "--mem 2000M"),
        ("-R rusage[mem=1.5GB/task]", "--mem-per-cpu 1536M"),
        ("-R 'rusage[mem=4GB, tmp=1GB:ngpus_excl_p=2]'", "--mem 4096M --tmp 1024M --gpus-per-node 2"),
        ("-R rusage[mem=2000/host] -R rusage[mem=100/task]", "--mem 2000M"),
        ("-M 4GB -R 'rusage[mem=2000]'", "--mem 2000M"),
        ("-M 4GB -R 'rusage[mem=2||mem=3]'", "--mem-per-cpu 4GB"),
        ("-R 'affinity[core(4)]'", "--cpus-per-task 4"),
        ("-R 'select[mem>4000] order[ut] same[model] cu[balance]'", ""),
        ("-R '{2*{span[hosts=1]}}'", ""),
        ("-L /bin/bash -Zs -sp 50 -a x -Is -c 60", ""),
        ("-nosuch value -n 2", "--ntasks 2"),
        ("-nosuch -n 2", "--ntasks 2"),
        ("word –n 2", ""),
        ("-W", ""),
    ],
)  # fmt: skip
def test_bsub_options(options: str, words: str) -> None:
    assert bsub(options) == words
    try:
        parse("sbatch", [], {}, f"#!/bin/sh\n#BSUB {options}\n".encode(), "job")
    except OptionError as exc:  # pragma: no cover
        pytest.fail(str(exc))


@pytest.mark.parametrize(
    "options",
    ["-app x", "-R 'select[mem>4]'", "-w 'done(\"name\")'", "-w 'done(1) && (done(2) || done(3))'", "-b 25",
     "-outdir %EJ", "-cwd d/%J", "-sla gold", "-nosuch", "word", "-n", "-m all", "-R 'span[block=4]'",
     "-R rusage[lic=1]", "-R '1*{select[x]}+2*{select[y]}'"],
)  # fmt: skip
def test_what_has_no_counterpart_is_left_out_and_told(options: str) -> None:
    (item,) = read(f"#BSUB {options}").other.items
    assert (item.becomes, item.needless) == ((), False)
    assert item.note


def test_where_translated_words_come_from() -> None:
    found = read("#BSUB -n 4", "#BSUB -R 'span[ptile=2] order[ut]'").other
    assert found.dialect == "#BSUB"
    assert [(w.text, w.line, w.column) for w in found.words] == [
        ("--ntasks", 2, 7), ("4", 2, 10), ("--ntasks-per-node", 3, 7), ("2", 3, 10),
    ]  # fmt: skip


def test_lines_behind_commands_count_up_to_a_point() -> None:
    assert read("true", "#BSUB -n 4").foreign == ["--ntasks", "4"]
    assert read(*["true"] * 99, "#BSUB -n 4").foreign == ["--ntasks", "4"]
    assert not read(*["true"] * 101, "#BSUB -n 4").foreign


def test_one_dialect_counts() -> None:
    found = read("#PBS -N 'x", "#BSUB -n 4").other
    assert (found.dialect, [w.text for w in found.words]) == ("#BSUB", ["--ntasks", "4"])


WORDS = st.sampled_from(
    ["-n", "-W", "-R", "-M", "-gpu", "-J", "-o", "-outdir", "-w", "-b", "-env", "-m", "-l", "-q", "-x", "-nosuch",
     "span[ptile=4]", "rusage[mem=", "num=2", "a[1-2]", "done(1)", "4", "1:30", "%J", "nodes=2:ppn=4,mem=2gb"]
) | st.text(st.sampled_from("[]{}()=:,-%~/&|!2aG "), max_size=12)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["#BSUB", "#PBS"]), st.lists(WORDS, max_size=6))
def test_what_lines_become_are_sbatch_options(prefix: str, words: list[str]) -> None:
    found = read(prefix + " " + " ".join("'" + word + "'" for word in words))
    reading = getopt_long.read(table_of("sbatch"), found.foreign)
    assert (reading.error, reading.end) == (None, len(found.foreign))
    for item in found.other.items:
        assert item.becomes or item.note or item.needless


@pytest.mark.skipif(not SCRIPTS, reason="no collection of scripts here")
def test_every_collected_bsub_script_can_be_read() -> None:
    for path in SCRIPTS:
        with open(path, "rb") as file:
            found = read_directives("sbatch", file.read(), path)
        assert getopt_long.read(table_of("sbatch"), found.foreign).error is None, path


# ---------------------------------------------------------------- #PBS


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-N x -q long -A me", "--job-name x --partition long --account me"),
        ("-l nodes=2:ppn=4,walltime=1:00:00,mem=2gb", "--nodes 2 --ntasks-per-node 4 --time 1:00:00 --mem 2g"),
        ("-lselect=2:ncpus=8:mpiprocs=4:ngpus=1", "--nodes 2 --cpus-per-task 8 --ntasks-per-node 4 --gres gpu:1"),
        ("-l procs=8,pmem=1gb,file=2gb,nice=5", "--ntasks 8 --mem-per-cpu 1g --tmp 2g --nice 5"),
        ("-l nodes=1:ppn=2+2:ppn=4 -h", "--hold"),
        ("-m abe -M me", "--mail-type FAIL,BEGIN,END --mail-user me"),
        ("-W depend=afterok:12 -W umask=027 -W block=true", "--dependency afterok:12 --wait"),
        ("-j oe -V -S /bin/sh -k oe -r y -z", ""),
        ("-v A,B=1", "--export A,B=1"),
    ],
)  # fmt: skip
def test_pbs_options(options: str, words: str) -> None:
    assert pbs(options) == words


@pytest.mark.parametrize("options", ["-l place=scatter", "-r y", "-W group_list=x", "-Y", "word", "-N"])
def test_pbs_options_that_are_left_out(options: str) -> None:
    (item,) = read(f"#PBS {options}").other.items
    assert (item.becomes, item.needless) == ((), False)
    assert item.note


# ---------------------------------------------------------------- #CBATCH


def test_native_lines_count_wherever_they_stand() -> None:
    script = b"#CBATCH -N 1 --job-name='a b' # x\ntrue\n #CBATCH -n 9\n#CBATCH --pod\n"
    assert read_native(script) == [
        Word("-N", 1, 9, 11), Word("1", 1, 12, 13), Word("--job-name=a b", 1, 14, 30), Word("--pod", 4, 9, 14),
    ]  # fmt: skip
    with pytest.raises(OptionError):
        read_native(b'#CBATCH -J "x\n')
    assert not read("#CBATCH -n 4").components[0]
    assert not read("#CBATCH -n 4").foreign


def test_native_options_are_known_by_their_whole_names() -> None:
    reading = getopt_long.read(
        native_table(), ["-N", "1", "--time=1:0:0", "-Q", "high", "--exclusive=true", "--part=x"]
    )
    assert [(t.option.name, t.value) for t in reading.taken] == [
        ("nodes", "1"), ("time", "1:0:0"), ("qos", "high"), ("exclusive", "true"),
    ]  # fmt: skip
    assert str(reading.error) == "unrecognized option '--part=x'"
    assert len({option.name for option in NATIVE_OPTIONS}) == len(NATIVE_OPTIONS)
    known = {option.name for option in OPTIONS if "sbatch" in option.commands}
    assert {option.counterpart for option in NATIVE_OPTIONS if option.counterpart} <= known
