"""The controller's fair share: what jobs use is kept, priorities follow it, sshare is told what its caller may see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from crane_compat.core import states as st
from crane_compat.core.admission import Identity
from crane_compat.core.job import Job
from crane_compat.daemon.controller import persistence, shares
from crane_compat.daemon.controller.controller import Controller
from crane_compat.daemon.controller.store import Store
from crane_compat.scheduling.usage import Decay
from crane_compat.wire import pb
from tests.core.machine_room import ALICE, BOB, ROOT, MachineRoom

from .test_private_data import ask

HALF_LIFE = Decay(3600.0)
CONF = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageTRES=gres/gpu
PriorityType=priority/multifactor
PriorityWeightFairshare=1000
PriorityDecayHalfLife=0-01:00
"""


def document(**usage_factor: float) -> dict[str, Any]:
    """root → science → physics (alice, bob), chem (bob); alice coordinates science."""

    def assoc(number: int, parent: int, account: str, user: str = "", default: bool = True) -> dict[str, Any]:
        return {
            "id": number, "parent_id": parent, "account": account, "user": user, "is_default": bool(user) and default,
            "qos": ["normal"], "default_qos": "normal", "shares": 1, "limits": {"GrpTRESMins": {"cpu": number}},
        }  # fmt: skip

    return {
        "users": [{"name": "alice"}, {"name": "bob"}],
        "accounts": [
            {"name": "root"}, {"name": "science", "parent": "root", "coordinators": ["alice"]},
            {"name": "physics", "parent": "science"}, {"name": "chem", "parent": "root"},
        ],
        "associations": [
            assoc(1, 0, "root"), assoc(2, 1, "science"), assoc(3, 2, "physics"), assoc(4, 3, "physics", "alice"),
            assoc(5, 3, "physics", "bob"), assoc(6, 1, "chem"), assoc(7, 6, "chem", "bob", default=False),
        ],
        "qos": [{"id": 1, "name": "normal", "limits": {"UsageFactor": usage_factor.get("normal", 1.0)}}],
    }  # fmt: skip


class Site:
    """A controller whose jobs run at once, and its clock."""

    def __init__(self, where: Path, monkeypatch: pytest.MonkeyPatch, extra: str = "") -> None:
        self.clock = 1_000_000.0
        monkeypatch.setattr(shares.time, "time", lambda: self.clock)
        self.room = MachineRoom(where, extra=CONF + extra)
        self.store = Store(f"sqlite:///{where}/state.sqlite")
        self.store.open()
        self.where = where
        self.document = document()
        self.crash()
        for node in self.controller.cluster.nodes.values():
            node.record.state, node.connected = st.NODE_IDLE, True
            self.controller.cluster.touch_node(node)
        self.know()

    def _begin(self) -> Controller:
        async def make() -> Controller:
            return Controller(self.room.conf, self.store, 0)

        found = asyncio.run(make())
        persistence.restore(found.cluster, self.store)
        found.shares.restore(self.store)
        known = {who.uid: who for who in (ALICE, BOB, ROOT)}
        found.identities.of = lambda uid, gid: known[uid]  # type: ignore[method-assign]
        return found

    def know(self) -> None:
        """Accounting is there."""
        self.controller.cluster.accounts.load(self.document)
        self.controller.cluster.limits.accounts_changed()
        self.controller.shares.tree_changed()

    def commit(self) -> None:
        changes, _ = self.controller.cluster.take()
        batch = persistence.batch_of(self.controller.cluster, changes)
        self.controller.shares.write(changes.jobs, batch)
        if batch:
            self.store.commit(batch)

    def crash(self, conf: str = "") -> None:
        """A new controller finds what was committed, and perhaps other settings; accounting cannot be reached yet."""
        if conf:
            self.room = MachineRoom(self.where, extra=conf)
            self.room.now = self.clock
        self.controller = self._begin()
        self.room.cluster = self.controller.cluster

    def at(self, seconds: float) -> None:
        """So much later."""
        self.clock += seconds
        self.room.now = self.clock

    def tick(self) -> None:
        async def once() -> None:
            self.controller.shares.tick(self.clock)
            await asyncio.sleep(0.01)

        asyncio.run(once())
        self.commit()

    def run(self, who: Identity = ALICE, seconds: float = 0.0, **fields: object) -> Job:
        """A job that has started, and ended where `seconds` are given."""
        job = self.room.submit(who, **fields)
        assert self.room.schedule() == 1
        self.commit()
        if seconds:
            self.at(seconds)
            self.room.finish(self.room.job(job.id))
            self.commit()
        return job

    def used(self, who: Identity = ROOT) -> dict[str, int]:
        told = ask(self.controller, who, share_info=pb.ShareInfo()).shares.shares
        return {f"{s.account}/{s.user}": int(s.usage_raw) for s in told}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_jobs_are_charged_when_they_end_and_periodically(site: Site) -> None:
    site.run(ALICE, 100, num_tasks=4)
    left = int(4 * HALF_LIFE.lasting(0, 100, 100))
    assert site.used() == {
        "root/": left, "science/": left, "physics/": left, "physics/alice": left, "physics/bob": 0,
        "chem/": 0, "chem/bob": 0,
    }  # fmt: skip
    site.run(BOB, num_tasks=2, account="chem")
    site.at(200)
    assert site.used()["chem/bob"] == 0
    site.tick()
    assert site.used()["chem/bob"] == pytest.approx(400, abs=30) and site.used()["chem/"] > 370
    site.at(3600)
    assert site.used()["physics/alice"] == pytest.approx(left * HALF_LIFE.factor(3800), abs=2)


def test_a_crash_forgets_and_doubles_nothing(site: Site) -> None:
    site.tick()
    site.run(ALICE, 100, num_tasks=4)
    running = site.run(BOB, num_tasks=2)
    site.at(50)
    before = site.used()
    site.crash()
    site.crash()  # before accounting has said anything
    site.know()
    assert site.used() == before
    site.at(50)
    site.tick()
    site.crash()
    site.know()
    site.at(100)
    site.room.finish(site.room.job(running.id))
    site.commit()
    assert site.used()["physics/bob"] == pytest.approx(400, abs=15)
    site.crash()
    site.know()
    assert site.used()["physics/bob"] == pytest.approx(400, abs=15)


def test_usage_factors_and_resources_are_known_after_a_crash_without_accounting(site: Site) -> None:
    site.document = document(normal=3.0)
    site.know()
    job = site.run(ALICE, gres="gpu:1")
    site.at(10)
    site.crash()
    site.at(10)
    site.room.finish(site.room.job(job.id))
    site.commit()
    site.know()
    assert site.used()["physics/alice"] == pytest.approx(60, abs=1)
    wanted = pb.ShareInfo(users=["alice"], accounts=["physics"])
    _, share = ask(site.controller, ROOT, share_info=wanted).shares.shares
    assert share.tres_used["gres/gpu"] == pytest.approx(60, abs=1) and dict(share.tres_limit) == {"cpu": 4}


def test_settings_that_changed_while_the_controller_was_away(site: Site) -> None:
    """What was kept has decayed as it had to until now, and goes on as the site wants it from here."""
    job = site.run(ALICE, gres="gpu:1")
    site.at(100)
    site.room.finish(site.room.job(job.id))
    site.commit()
    used = HALF_LIFE.lasting(0, 100, 100)
    site.at(3600)
    changed = CONF.replace("AccountingStorageTRES=gres/gpu", "AccountingStorageTRES=license/matlab,gres/gpu")
    changed = changed.replace("PriorityDecayHalfLife=0-01:00", "PriorityDecayHalfLife=0")
    for _ in range(2):
        site.crash(changed)
        site.know()
        site.commit()
        told = ask(site.controller, ROOT, share_info=pb.ShareInfo()).shares.shares[0]
        assert told.usage_raw == pytest.approx(used / 2) and told.tres_used["gres/gpu"] == pytest.approx(used / 2)
        assert "license/matlab" not in told.tres_used
        site.at(3600)


def test_what_running_jobs_may_still_take(site: Site) -> None:
    site.run(ALICE, num_tasks=2, time_limit=10)
    site.at(60)
    site.tick()
    told = {s.assoc_id: s.tres_run["cpu"] for s in ask(site.controller, ROOT, share_info=pb.ShareInfo()).shares.shares}
    assert told == {1: 1080.0, 2: 1080.0, 3: 1080.0, 4: 1080.0, 5: 0.0, 6: 0.0, 7: 0.0}


def test_priorities_follow(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "RENEWED_AT_ONCE", 2)
    site.tick()
    waiting = [site.room.submit(who, begin_time=site.clock + 9e6) for who in (ALICE, BOB) * 3]
    given = site.room.submit(ROOT, priority=77, begin_time=site.clock + 9e6)
    held = site.room.submit(ALICE, hold=True)
    assert {job.record.priority for job in waiting} == {1000}
    site.run(ALICE, 100)
    site.controller.cluster.wants_scheduling = False
    site.at(300)
    site.tick()
    assert [job.record.priority for job in waiting] == [333, 666] * 3
    assert (given.record.priority, held.record.priority) == (77, 0)
    assert site.controller.cluster.wants_scheduling
    assert site.room.submit(ALICE).record.priority == 333
    site.crash()
    site.know()
    site.tick()
    assert site.controller.cluster.jobs[waiting[0].id].record.priority == 333


def test_priorities_only_rise_where_the_site_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, monkeypatch, "PriorityFlags=INCR_ONLY\n")
    site.tick()
    job = site.room.submit(ALICE, begin_time=site.clock + 9e6)
    site.run(ALICE, 100)
    site.at(300)
    site.tick()
    assert job.record.priority == 1000 and site.room.submit(ALICE).record.priority == 333


def test_other_weights_count_at_once(site: Site) -> None:
    site.tick()
    job = site.room.submit(ALICE, begin_time=site.clock + 9e6)
    (site.where / "slurm.conf").write_text((site.where / "slurm.conf").read_text().replace("=1000\n", "=500\n"))
    site.controller.reload()
    assert job.record.priority == 500


def test_history_is_taken_once(site: Site) -> None:
    assert site.controller.shares.history_call() == {"half_life": 3600.0, "since": 0.0, "now": site.clock}

    async def take() -> None:
        site.controller.shares.take_history({"4": {"billing": 500.0, "gres/gpu": 20.0, "license/gone": 1.0}})

    asyncio.run(take())
    site.commit()
    assert site.used()["science/"] == 500
    site.crash()
    site.know()
    assert site.used()["science/"] == 500 and site.controller.shares.history_call() is None


def test_who_sees_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, monkeypatch, "PrivateData=usage\n")
    assert list(site.used(ROOT)) == [
        "root/", "chem/", "chem/bob", "science/", "physics/", "physics/alice", "physics/bob",
    ]  # fmt: skip
    assert list(site.used(ALICE)) == ["science/", "physics/", "physics/alice", "physics/bob"]
    assert list(site.used(BOB)) == ["chem/bob", "physics/bob"]


def test_without_accounting_there_are_no_shares_but_age(tmp_path: Path) -> None:
    room = MachineRoom(tmp_path, extra="PriorityWeightAge=1000\nPriorityMaxAge=0-01:00\n")

    async def make_controller() -> Controller:
        return Controller(room.conf, Store(f"sqlite:///{tmp_path}/x.sqlite"), 0)

    controller = asyncio.run(make_controller())
    controller.identities.of = lambda uid, gid: ROOT  # type: ignore[method-assign]
    reply = ask(controller, ROOT, share_info=pb.ShareInfo())
    assert reply.HasField("shares") and not reply.shares.shares

    controller.cluster = room.cluster
    job = room.submit(begin_time=room.now + 9e6)
    job.record.accrue_time = room.now

    def priority(later: float) -> int:
        controller.shares.tick(room.now + later)
        return job.record.priority

    assert [priority(later) for later in (0, 299, 300, 1799, 1800)] == [1, 1, 83, 499, 499]
    assert priority(2099) == 583
