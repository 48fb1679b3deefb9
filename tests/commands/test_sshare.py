"""sshare's columns: which there are, how they are named, and what becomes of values that are too long."""

from __future__ import annotations

import os
import pwd

import pytest

from crane_compat.commands.format.documents import PARSERS, Unwritable, check_parser
from crane_compat.commands.slurm import sshare
from crane_compat.wire import pb

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (None, 6, "       "),
        ("", -4, "     "),
        ("physics", 5, "phys+ "),
        ("physics", -9, "physics   "),
        (123456789, 4, "123456789 "),
        (1.0, 10, "  1.000000 "),
        (1.0, -10, "1.000000   "),
        (float("inf"), 10, "       inf "),
        (12345.678901, 10, "1.2346e+04 "),
        (12345.678901, 12, "12345.678901 "),
        (12345.678901, 11, "1.23457e+04 "),
        (1234567890.0, -10, "1.2346e+09 "),
        (0.5, 5, "5.000000e-01 "),
    ],
)
def test_values_in_columns(value: sshare.Value, width: int, text: str) -> None:
    assert sshare.padded(value, width) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("account,user", ["Account-20", "User10"]),
        ("Grp,Raw,norm,eff,fair,lev,tres,p,i,c,a", [
            "GrpTRESMins30", "RawShares10", "NormShares11", "EffectvUsage13", "FairShare10", "LevelFS10",
            "TRESRunMins30", "Partition12", "ID6", "Cluster10", "Account-20",
        ]),
        ("user%-5,rawu%30,id%x,normu%0", ["User-5", "RawUsage30", "ID6", "NormUsage11"]),
        ("user,USER, user", ["User10"]),
    ],
)  # fmt: skip
def test_names_of_columns(text: str, names: list[str]) -> None:
    assert [f"{column.name}{width}" for column, width in sshare.columns_of(text)] == names


def test_unknown_columns() -> None:
    with pytest.raises(sshare.Failed, match='Invalid field requested: "nope"'):
        sshare.columns_of("user,Nope%5")


def test_columns_of_the_layouts() -> None:
    plain = "account,user,rawshares,normshares,rawusage,effectvusage,fairshare"
    settings = sshare.read_options(["-m", "-l"])
    assert sshare.default_fields(sshare.read_options([]), True) == plain
    long = "account,user,partition,rawshares,normshares,rawusage,normusage,effectvusage,fairshare"
    assert sshare.default_fields(settings, True) == f"{long},levelfs,grptresmins,tresrunmins"
    assert sshare.default_fields(settings, False) == f"{long},grptresmins,tresrunmins"


@pytest.mark.parametrize(
    ("argv", "users"),
    [
        ([], [ME]),
        (["-a"], []),
        (["-u", "x,Y", "--users=x"], ["x", "y"]),
        (["-u", "x", "-a"], []),
        (["-a", "-u", "x"], ["x"]),
        (["-u", "-1"], []),
        (["-u", str(os.getuid())], [ME]),
        (["-u", ""], [ME]),
    ],
)
def test_users_asked_for(argv: list[str], users: list[str]) -> None:
    assert sshare.read_options(argv).users == users


def test_of_two_ways_to_separate_the_later_counts() -> None:
    layouts = [sshare.read_options(argv).layout for argv in (["-p"], ["-P"], ["-pP"], ["-Pp"], [])]
    assert [(layout.parsable, layout.ending) for layout in layouts] == [
        (True, True), (True, False), (True, False), (True, True), (False, False),
    ]  # fmt: skip


def test_accounts_are_set_in_under_those_that_are_shown() -> None:
    reply = pb.Shares(
        shares=[
            pb.Share(account="root"),
            pb.Share(account="root", user="root", parent="root"),
            pb.Share(account="science", parent="root"),
            pb.Share(account="chem", parent="science"),
            pb.Share(account="chem", user="bob", parent="chem"),
        ]
    )
    assert [row.label for row in sshare._rows(reply, False)] == ["root", " root", " science", "  chem", "   chem"]
    assert [row.label for row in sshare._rows(reply, True)] == ["root", "chem"]
    del reply.shares[:3]
    assert [row.label for row in sshare._rows(reply, False)] == ["chem", " chem"]


def test_factor_of_accounts_is_shown_where_the_method_gives_them_one() -> None:
    share = pb.Share(account="chem", factor=0.25)
    rows = [sshare.Row(share, "chem", pb.Shares(fair_tree=tree)) for tree in (True, False)]
    assert [sshare._factor(row) for row in rows] == [None, 0.25]


@pytest.mark.parametrize("wanted", ["", "v0.0.44", "v0.0.43+complex", "data_parser/v0.0.41", "+fast"])
def test_data_parsers_there_are(wanted: str) -> None:
    check_parser("sshare", wanted, "json")


def test_data_parsers_there_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unwritable) as refused:
        check_parser("sshare", "v9", "yaml")
    assert refused.value.status == 1
    assert refused.value.lines[0] == "sshare: error: load_plugins: unable to find plugin: data_parser/v9"
    assert refused.value.lines[2].startswith("sshare: error: application/x-yaml output not supported")
    with pytest.raises(SystemExit) as listed:
        sshare.read_options(["--yaml=list"])
    told = capsys.readouterr()
    assert (listed.value.code, told.out, told.err) == (0, "\n".join(PARSERS) + "\n", "Possible data_parser plugins:\n")
