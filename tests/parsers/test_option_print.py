"""What is printed of a request makes the same request again."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crane_compat.parsers import option_print
from crane_compat.parsers.directive_words import quoted, words_of
from crane_compat.parsers.option_table import OPTIONS
from crane_compat.parsers.options import EndProgram, OptionError, Submission, parse

#: values that some options take; most take some of them
VALUES = st.sampled_from(
    ["1", "2", "4", "10", "1-4", "100M", "2G", "1:30", "1-12", "a", "a,b", "a&b", "n[1-3]", "gpu:2", "tesla:1", "2:2:1",
     "block", "cyclic:block", "afterok:12", "B:USR1@60", "END", "0-9:3%2", "now+1hour", "yes", "none", "user", "A b",
     "it's \"so\"", "50%", "job", "NONE", "matlab:2", "#1", "\\"]
)  # fmt: skip
#: the clock, other users, files of the host and the terminal do not belong to the request
LEFT_OUT = {
    "begin", "deadline", "uid", "gid", "export-file", "nodefile", "chdir", "workdir", "help", "usage", "version",
    "autocomplete", "jobid", "het-group", "pack-group", "wrap",
}  # fmt: skip
CHOICE = st.tuples(st.sampled_from([o for o in OPTIONS if o.name not in LEFT_OUT]), VALUES)


def _words(command: str, chosen: list[tuple[object, str]]) -> list[str]:
    found = []
    for option, value in chosen:
        assert isinstance(option, type(OPTIONS[0]))
        if command in option.commands:
            found.append(f"--{option.name}" if option.takes == "none" else f"--{option.name}={value}")
    return found


def _read(command: str, words: list[str], script: bytes | None = None) -> Submission | None:
    try:
        return parse(command, words, {}, script, "x")
    except (OptionError, EndProgram):
        return None


def _request(found: Submission | None) -> object:
    return None if found is None else (found.specs, found.steps, found.flags)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["sbatch", "srun", "salloc"]), st.lists(st.lists(CHOICE, max_size=4), min_size=1, max_size=3))
def test_a_command_line_printed_and_read_again(command: str, components: list[list[tuple[object, str]]]) -> None:
    line: list[str] = []
    for index, chosen in enumerate(components):
        line += ([":"] if index else []) + _words(command, chosen)
    found = _read(command, [*line, "program", "-n", "1"])
    assume(found is not None and len(found.specs) == len(components))
    assert found is not None
    assert _request(_read(command, option_print.command_line(found))) == _request(found)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CHOICE, max_size=4), min_size=1, max_size=3))
def test_directives_printed_and_read_again(components: list[list[tuple[object, str]]]) -> None:
    lines = ["#!/bin/sh"]
    for index, chosen in enumerate(components):
        lines += ["#SBATCH hetjob"] if index else []
        lines += [f"#SBATCH {quoted(word)}" for word in _words("sbatch", chosen)]
    found = _read("sbatch", [], "\n".join(lines).encode())
    assume(found is not None)
    assert found is not None
    printed = "\n".join(["#!/bin/sh", *option_print.directives(found), ""])
    assert _request(_read("sbatch", [], printed.encode())) == _request(found)


@given(st.lists(st.text(st.characters(blacklist_characters="\n\r\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=12)))
def test_quoted_words_are_read_as_they_were(words: list[str]) -> None:
    assert [word.text for word in words_of(" ".join(map(quoted, words)))] == words
