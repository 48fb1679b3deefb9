"""slurm.conf as a value: keys, lines, nodes, partitions, old dialects, diagnostics."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from lark import Lark, Token, Tree, UnexpectedInput

from crane_compat.core import states as st
from crane_compat.parsers import conf_lines
from crane_compat.parsers.conf_lines import Line, LineError
from crane_compat.parsers.slurm_conf import ConfError, SlurmConf, load
from crane_compat.parsers.slurm_keys import KEYS, LINE_KEYS
from crane_compat.wire import INFINITE

GOLDEN = Path(__file__).parents[1] / "golden/slurm-25.11/profiles"
EXAMPLES = Path(__file__).parents[2] / "slurm.conf.examples"
HEAD = "ClusterName=Lab\nSlurmctldHost=head(10.0.0.1)\n"
NODES = "NodeName=n[1-4] CPUs=4\n"


@pytest.fixture
def conf(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Load a file of this text (behind a cluster and a controller)."""

    def make(text: str, *, head: str = HEAD, strict: bool = False, **others: str) -> SlurmConf:
        for name, content in others.items():
            (tmp_path / f"{name}.conf").write_text(content)
        path = tmp_path / "slurm.conf"
        path.write_text(head + text)
        return load(str(path), strict=strict)

    return make


def texts(conf: SlurmConf, severity: str = "") -> list[str]:
    return [
        f"{d.line}:{d.column} {d.key}: {d.text}" for d in conf.diagnostics if not severity or d.severity == severity
    ]


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("SlurmUser=slurm # who", "SlurmUser", "slurm"),
        ("SlurmUser = slurm", "SlurmUser", "slurm"),
        ("slurmUSER=slurm\r", "SlurmUser", "slurm"),
        ('MailProg="/bin/a b"', "MailProg", "/bin/a b"),
        ("MailProg='x'", "MailProg", "'x'"),
        ("MailProg=/a\\#b", "MailProg", "/a#b"),
        ("MailProg=/a\\\\b", "MailProg", "/a\\b"),
        ("MailProg=/a\\\nb", "MailProg", "/ab"),
        ("MailProg=/a\\  \nb", "MailProg", "/ab"),
        ("Prolog= Epilog=/x", "Prolog", ("Epilog=/x",)),
        ("SlurmctldPort=6815-6817", "SlurmctldPort", "6815-6817"),
        ("HealthCheckInterval=03600", "HealthCheckInterval", 1920),
        ("HealthCheckInterval=0x10", "HealthCheckInterval", 16),
        ("KillWait=UNLIMITED", "KillWait", 65535),
        ("TrackWCKey=up", "TrackWCKey", True),
        ("KillWait=1\nKillWait=2", "KillWait", 2),
        ("Prolog=/a\nProlog=/b", "Prolog", ("/a", "/b")),
    ],
)
def test_values(conf, text: str, key: str, value: object) -> None:  # type: ignore[no-untyped-def]
    assert conf(text + "\n", strict=True).get(key) == value


def test_defaults_and_params(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("SchedulerParameters=defer,bf_window=10\nNodeName=a CPUs=1\n")
    assert (value.get("kIlLwAiT"), value.given("KillWait")) == (30, False)
    assert value.params("SchedulerParameters") == {"defer": None, "bf_window": "10"}
    assert (value.cluster_name, value.controllers) == ("lab", (("head", "10.0.0.1"),))
    with pytest.raises(KeyError):
        value.get("NoSuchKey")


def test_file_names(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("SlurmdSpoolDir=/s/%n/%h%%\n")
    assert value.path_of("SlurmdSpoolDir", node="n1", host="vm") == "/s/n1/vm%"


def test_include(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("include nodes.conf\nInclude lab.conf\n", nodes=NODES, lab="KillWait=7\n")
    assert (len(value.nodes), value.get("KillWait")) == (4, 7)
    assert conf("Include %c.conf\n", lab="KillWait=8\n").get("KillWait") == 8


@pytest.mark.parametrize("name", ["*.conf", "nowhere.conf", "slurm.conf"])
def test_include_that_cannot_be_followed(conf, name: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfError) as error:
        conf(f"Include {name}\n", strict=True)
    assert error.value.errors[-1].startswith('"Include" failed in file ')
    assert any(d.key == "Include" for d in conf(f"Include {name}\n").diagnostics)


def test_one_parameter_a_line(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("KillWait=5 WaitTime=6\n")
    assert (value.get("KillWait"), value.get("WaitTime")) == (5, 0)
    with pytest.raises(ConfError, match=r'Parse error in file .*slurm.conf line 3: " WaitTime=6"'):
        conf("KillWait=5 WaitTime=6\n", strict=True)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("UnkillabeStepProgram=/x", "did you mean UnkillableStepProgram?"),
        ("CoresPerSocket=4", "does the line before lack its backslash?"),
        ("ConstrainCores=yes", "belongs into cgroup.conf"),
        ("StorageUser=x", "belongs into slurmdbd.conf"),
        ("{{ nodes }}", "template"),
        ("; KillWait=3", "comments begin with #"),
        ("DefMemPerCPU=1GB", "without a unit"),
    ],
)
def test_hints(conf, line: str, hint: str) -> None:  # type: ignore[no-untyped-def]
    found = conf(line + "\n").diagnostics
    assert [(d.line, d.severity) for d in found] == [(3, "error")]
    assert hint in found[0].hint


def test_errors_name_file_line_and_column(conf) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfError) as error:
        conf("NodeName=n1 CPUs=x\n  KillWait=-1\n", strict=True)
    assert error.value.errors == ("KillWait value (-1) is less than zero", 'CPUs value "x" is not a valid number')
    assert (error.value.line, error.value.column, len(error.value.diagnostics)) == (4, 3, 2)


def test_places_in_continued_lines(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("NodeName=n1 \\\n  CPUs=2 \\\n  Wieght=3\nFoo=1\n")
    assert [(d.line, d.column, d.key) for d in value.diagnostics] == [(5, 3, "Wieght"), (6, 1, "Foo")]
    assert value.nodes[0].cpus == 2


# ---------------------------------------------------------------- nodes


def test_node_ports_addresses_and_order(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf(
        "SlurmdPort=7000\nNodeName=b[1-2] NodeHostname=h[1-2] NodeAddr=10.0.0.[1-2] Port=[17001-17002]\nNodeName=a\n"
    )
    assert [(n.name, n.hostname, n.address, n.port, n.port_set, n.index) for n in value.nodes] == [
        ("b1", "h1", "10.0.0.1", 17001, True, 0),
        ("b2", "h2", "10.0.0.2", 17002, True, 1),
        ("a", "a", "a", 7000, False, 2),
    ]


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("CPUs=8", (8, 1, 8, 1, 1)),
        ("Procs=8", (8, 1, 8, 1, 1)),
        ("Sockets=2 CoresPerSocket=4", (8, 1, 2, 4, 1)),
        ("Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", (16, 1, 2, 4, 2)),
        ("CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", (8, 1, 2, 4, 2)),
        ("CPUs=16 Boards=2 SocketsPerBoard=2 CoresPerSocket=4", (16, 2, 2, 4, 1)),
        ("Boards=2 Sockets=4 CoresPerSocket=2", (8, 2, 2, 2, 1)),
        ("CPUs=8 CoresPerSocket=4", (8, 1, 2, 4, 1)),
        ("CPUs=5 Sockets=2 CoresPerSocket=4", (8, 1, 2, 4, 1)),
        ("", (1, 1, 1, 1, 1)),
    ],
)
def test_node_layout(conf, text: str, layout: tuple[int, ...]) -> None:  # type: ignore[no-untyped-def]
    value = conf(f"NodeName=n1 {text}\n")
    node = value.nodes[0]
    assert (node.cpus, node.boards, node.sockets, node.cores, node.threads) == layout
    assert bool(value.diagnostics) == ("CPUs=5" in text)


def test_node_defaults_hold_for_the_lines_below(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf(
        "NodeName=a\nNodeName=DEFAULT CPUs=4 RealMemory=100 Feature=x State=DRAIN\nNodeName=b\n"
        "NodeName=DEFAULT RealMemory=200\nNodeName=c CPUs=2\n"
    )
    assert [(n.cpus, n.memory, n.features) for n in value.nodes] == [(1, 1, ""), (4, 100, "x"), (2, 200, "x")]
    assert value.nodes[1].state == st.NODE_UNKNOWN | st.NODE_DRAIN


def test_down_nodes(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf(NODES + 'DownNodes=n[2-3] State=FAIL Reason="bad disk"\n')
    assert [n.state for n in value.nodes[:2]] == [st.NODE_UNKNOWN, st.NODE_UNKNOWN | st.NODE_FAILING]
    assert value.nodes[2].reason == "bad disk"
    assert value.down_nodes == ((("n2", "n3"), "FAIL", "bad disk"),)


@pytest.mark.parametrize(
    "text",
    [
        "NodeName=n1\nNodeName=n1\n",
        "NodeName=n1\nPartitionName=p Nodes=n9\n",
        "NodeName=n1\nPartitionName=p\nPartitionName=p\n",
        "NodeName=n[1-3] Port=[1-2]\n",
        "NodeName=n1 State=AWAY\n",
        "FirstJobId=0\n",
    ],
)
def test_what_only_the_controller_refuses(conf, text: str) -> None:  # type: ignore[no-untyped-def]
    value = conf(text, strict=True)
    assert len(value.fatal) == 1


# ---------------------------------------------------------------- partitions


def test_partition(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf(
        "NodeName=n[1-4] Feature=big\nNodeName=m1\nNodeSet=large Feature=big\n"
        "PartitionName=DEFAULT MaxTime=60 State=DOWN\n"
        "PartitionName=p Nodes=m1,large Default=YES DefaultTime=1-0 OverSubscribe=FORCE MaxNodes=2 AllowGroups=ALL\n"
        "PartitionName=q Nodes=ALL MaxTime=UNLIMITED State=UP Priority=7 Shared=YES:3 DefMemPerCPU=10\n"
        "PartitionName=empty\n"
    )
    p, q, empty = value.partitions
    assert (p.nodes, list(p.node_names)) == ("n[1-4],m1", ["n1", "n2", "n3", "n4", "m1"])
    assert (p.is_default, p.max_time, p.default_time, p.default_time_set) == (True, 60, 1440, True)
    assert (p.state, p.oversubscribe, p.max_nodes, p.allow_groups) == (st.PARTITION_DOWN, "FORCE:4", 2, "")
    assert (q.max_time, q.state, q.priority_tier, q.priority_job_factor) == (INFINITE, st.PARTITION_UP, 7, 7)
    assert (q.oversubscribe, q.def_mem_per_cpu, q.HasField("max_mem_per_cpu")) == ("YES:3", 10, False)
    assert (len(empty.node_names), empty.max_nodes, empty.priority_tier) == (0, INFINITE, 1)
    assert value.diagnostics == ()


@pytest.mark.parametrize("text", ["MaxTime=abc", "State=ON", "Hidden=maybe", "MaxNodes=few", "OverSubscribe=SOME"])
def test_bad_partition_values(conf, text: str) -> None:  # type: ignore[no-untyped-def]
    line = f"PartitionName=p {text}\n"
    assert [d.column for d in conf(line).diagnostics] == [17]
    with pytest.raises(ConfError):
        conf(line, strict=True)


def test_accounts_allowed_and_denied(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("PartitionName=p AllowAccounts=a DenyAccounts=b\n")
    assert (value.partitions[0].allow_accounts, value.partitions[0].deny_accounts) == ("a", "")
    assert texts(value) == ["3:33 DenyAccounts: ignored: AllowAccounts is given too"]


# ---------------------------------------------------------------- old dialects


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("FastSchedule=2", "SlurmdParameters", "config_overrides"),
        (
            "FastSchedule=2\nSlurmdParameters=l3cache_as_socket",
            "SlurmdParameters",
            "l3cache_as_socket,config_overrides",
        ),
        ("FastSchedule=2\nSlurmdParameters=config_overrides", "SlurmdParameters", "config_overrides"),
        ("SelectType=select/cons_res", "SelectType", "select/cons_tres"),
        ("CryptoType=crypto/munge", "CredType", "cred/munge"),
        ("AccountingStoreJobComment=YES", "AccountingStoreFlags", "job_comment"),
        ("AccountingStorageType=accounting_storage/mysql", "AccountingStorageType", "accounting_storage/slurmdbd"),
        ("SchedulerParameters=preempt_strict_order,max_depend_depth=3", "PreemptParameters", "strict_order"),
        ("SchedulerParameters=preempt_strict_order,max_depend_depth=3", "DependencyParameters", "max_depend_depth=3"),
        ("TopologyPlugin=topology/none", "TopologyPlugin", "topology/flat"),
        ("SelectType=select/linear", "SelectTypeParameters", "CR_Memory"),
    ],
)
def test_old_settings(conf, text: str, key: str, value: str) -> None:  # type: ignore[no-untyped-def]
    found = conf(text + "\n", strict=True)
    assert found.get(key) == value
    assert found.diagnostics or "linear" in text


def test_old_controllers(conf) -> None:  # type: ignore[no-untyped-def]
    value = conf("ControlMachine=a\nControlAddr=1.2.3.4\nBackupController=b\n", head="ClusterName=x\n", strict=True)
    assert value.controllers == (("a", "1.2.3.4"), ("b", "b"))
    assert "write SlurmctldHost=a(1.2.3.4)" in [d.hint for d in value.diagnostics]


def test_every_obsolete_or_unused_key_is_named_once(conf) -> None:  # type: ignore[no-untyped-def]
    samples = {"bool": "yes", "u16": "7", "u32": "7", "u64": "7"}
    for name, key in KEYS.items():
        if name in LINE_KEYS or name in ("clustername", "slurmctldhost", "firstjobid") or key.type == "array":
            continue
        value = conf(f"{name}={samples.get(key.type, 'word')}\n", strict=True)
        named = [d for d in value.diagnostics if d.key.lower() == name]
        if key.status == "O":
            assert named and named[0].line == 3 and named[0].hint, name
        else:
            assert bool(named) == (key.status == "A" or name in ("controlmachine", "backupcontroller")), name


# ---------------------------------------------------------------- the grammar, and all of it

GRAMMAR = Lark((Path(conf_lines.__file__).parent / "slurm_conf.lark").read_text())
LINES = some.lists(
    some.from_regex(r"[A-Za-z.]{1,4}( ?[-+*/]?= ?)(\"[a-z =]{0,4}\"|[a-z\"'=,]{1,5})[ \t]{0,2}", fullmatch=True),
    max_size=3,
).map("".join) | some.text(alphabet='aB=" +-\t_', max_size=12)


@given(LINES.filter(str.strip))
def test_hand_written_reader_and_grammar_agree(text: str) -> None:
    try:
        mine: list[tuple[str, str]] | None = [(w.key, w.value) for w in conf_lines.words(Line("f", 1, text))]
    except LineError:
        mine = None
    try:
        tree = GRAMMAR.parse(text)
    except UnexpectedInput:
        theirs = None
    else:
        theirs = []
        for word in (child for child in tree.children if isinstance(child, Tree)):
            key = next(token for token in word.children if isinstance(token, Token) and token.type == "KEY")
            value = next(child for child in word.children if isinstance(child, Tree))
            raw = str(value.children[0])
            theirs.append((str(key), raw[1:-1] if value.data == "quoted" else raw))
    assert mine == theirs


@given(some.text(alphabet='NodePartinm=[]-,:1290\\\n"# ', max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    lines = list(conf_lines.logical_lines(text, "f"))
    for line in lines:
        assert 1 <= line.number <= text.count("\n") + 1
        conf_lines.scan(line)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in GOLDEN.glob("*/slurm.conf")))
def test_recorded_profiles(name: str) -> None:
    value = load(str(GOLDEN / name / "slurm.conf"), strict=True)
    assert not value.fatal
    assert not [d for d in value.diagnostics if d.severity == "error"]


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/slurm.conf")))
def test_examples(name: str) -> None:
    value = load(str(EXAMPLES / name / "slurm.conf"), strict=True)
    assert not value.fatal
    assert sum(p.is_default for p in value.partitions) == 1


def test_ten_thousand_nodes(conf) -> None:  # type: ignore[no-untyped-def]
    text = "NodeName=n[1-10000] CPUs=64\nPartitionName=a Nodes=ALL\nPartitionName=b Nodes=n[1-5000]\n"
    start = time.process_time()
    value = conf(text)
    assert time.process_time() - start < 1
    assert (len(value.nodes), value.partitions[1].nodes) == (10000, "n[1-5000]")
