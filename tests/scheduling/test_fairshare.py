"""Fair share: shares add up, who has used more comes later, and the two algorithms give what their pages say."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crane_compat.core.accounts import Association
from crane_compat.parsers.slurm_conf import load
from crane_compat.scheduling.fairshare import FairShare, Member, Method, Policy, Tree, period_start
from crane_compat.scheduling.usage import Decay, Usage

shares = some.one_of(some.integers(0, 10), some.integers(1, 10), some.none())


@some.composite
def trees(draw: some.DrawFn, share: some.SearchStrategy[int | None] = shares) -> list[Association]:
    """Up to fourteen accounts and users below a root, in any order of their numbers."""
    found = [assoc(1, 0, "root")]
    accounts = [(1, "root")]
    for number in range(2, draw(some.integers(3, 15))):
        above, name = draw(some.sampled_from(accounts))
        if draw(some.booleans()):
            found.append(assoc(number, above, name, f"u{number}", draw(share)))
        else:
            found.append(assoc(number, above, f"a{number}", shares=draw(share)))
            accounts.append((number, f"a{number}"))
    return found


def assoc(number: int, parent: int, account: str, user: str = "", shares: int | None = 1) -> Association:
    return Association(number, user, account, "", (), "", bool(user), parent_id=parent, shares=shares)


def calculated(found: list[Association], used: dict[int, float], method: Method = Method.FAIR_TREE) -> Tree:
    tree = Tree(found)
    tree.take(used)
    tree.calculate(Policy(method=method))
    return tree


def users(tree: Tree) -> Iterator[Member]:
    return (member for member in tree.members.values() if member.is_user)


def spent(draw: some.DrawFn, found: list[Association]) -> dict[int, float]:
    whole = some.integers(0, 1000).map(float)
    return {one.id: draw(whole) for one in found if one.user}


# ------------------------------------------------------------ properties


@given(some.data())
def test_shares_of_those_who_share_add_up_to_one(data: some.DataObject) -> None:
    found = data.draw(trees())
    tree = calculated(found, spent(data.draw, found))
    for member in tree.members.values():
        sharing = [taker for taker in member.takers if taker.assoc.shares is not None]
        if any(taker.assoc.shares for taker in sharing):
            assert sum(taker.shares_norm for taker in sharing) == pytest.approx(1.0)
        else:
            assert all(taker.shares_norm == 0.0 for taker in sharing)


@given(some.data())
def test_usage_of_accounts_is_that_of_their_users(data: some.DataObject) -> None:
    found = data.draw(trees())
    used = spent(data.draw, found)
    tree = calculated(found, used)
    assert tree.root is not None and tree.root.used == pytest.approx(sum(used.values()))
    sums = tree.sums({number: Usage(seconds) for number, seconds in used.items()})
    for number, member in tree.members.items():
        assert member.used == pytest.approx(sums[number].billing)
        if not member.is_user:
            assert member.used == pytest.approx(sum(child.used for child in member.children))


@given(some.data())
def test_ranks_fill_the_scale_from_the_top(data: some.DataObject) -> None:
    found = data.draw(trees())
    tree = calculated(found, spent(data.draw, found))
    factors = sorted((member.factor for member in users(tree)), reverse=True)
    for place, factor in enumerate(factors):
        ties = sum(other == factor for other in factors)
        first = factors.index(factor)
        assert factor == pytest.approx((len(factors) - first) / len(factors)) and first <= place < first + ties
    assert all(member.factor == 0.0 for member in tree.members.values() if not member.is_user)


@given(some.data())
def test_all_in_the_better_served_account_come_later(data: some.DataObject) -> None:
    found = data.draw(trees(some.integers(1, 10)))
    tree = calculated(found, spent(data.draw, found))

    def below(member: Member) -> list[float]:
        return [member.factor] if member.is_user else [f for child in member.children for f in below(child)]

    for member in tree.members.values():
        for one in member.takers:
            for other in member.takers:
                if one.rank_level > other.rank_level and below(one) and below(other):
                    assert min(below(one)) >= max(below(other))


@pytest.mark.parametrize("method", [Method.FAIR_TREE, Method.CLASSIC])
@given(data=some.data())
def test_more_usage_never_helps(method: Method, data: some.DataObject) -> None:
    found = data.draw(trees())
    used = spent(data.draw, found)
    if not used:
        return
    number = data.draw(some.sampled_from(sorted(used)))
    before = calculated(found, used, method).members[number].factor
    more = used | {number: used[number] + data.draw(some.integers(1, 10000))}
    assert calculated(found, more, method).members[number].factor <= before + 1e-9


@pytest.mark.parametrize("method", list(Method))
@given(data=some.data())
def test_time_that_goes_by_for_all_changes_no_order(method: Method, data: some.DataObject) -> None:
    found = data.draw(trees())
    used = spent(data.draw, found)
    now = calculated(found, used, method)
    later = calculated(found, {number: seconds / 1024 for number, seconds in used.items()}, method)  # ten half-lives
    for number, member in now.members.items():
        assert later.members[number].factor == pytest.approx(member.factor)


@pytest.mark.parametrize("method", [Method.CLASSIC, Method.DEPTH_OBLIVIOUS])
@given(data=some.data())
def test_factors_of_the_formula_stay_in_range(method: Method, data: some.DataObject) -> None:
    found = data.draw(trees())
    for member in calculated(found, spent(data.draw, found), method).members.values():
        assert 0.0 <= member.factor <= 1.0 and math.isfinite(member.usage_efctv)


# ------------------------------------------------------------ by hand

#: root → physics (3 shares: alice 1, bob 1), chem (1 share: carol 1)
SITE = [
    assoc(1, 0, "root"), assoc(2, 1, "physics", shares=3), assoc(3, 1, "chem"), assoc(4, 2, "physics", "alice"),
    assoc(5, 2, "physics", "bob"), assoc(6, 3, "chem", "carol"),
]  # fmt: skip


def test_fair_tree_by_hand() -> None:
    tree = calculated(SITE, {4: 30.0, 5: 10.0, 6: 60.0})
    m = tree.members
    assert (m[2].shares_norm, m[2].usage_efctv, m[2].level_fs) == (0.75, 0.4, pytest.approx(1.875))
    assert m[3].level_fs == pytest.approx(0.25 / 0.6)
    assert m[4].level_fs == pytest.approx(0.5 / 0.75) and m[5].level_fs == pytest.approx(2.0)
    assert (m[5].factor, m[4].factor, m[6].factor) == (1.0, pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_classic_by_hand() -> None:
    tree = calculated(SITE, {4: 30.0, 5: 10.0, 6: 60.0}, Method.CLASSIC)
    m = tree.members
    assert (m[4].shares_norm, m[6].shares_norm) == (0.375, 0.25)
    assert m[4].usage_efctv == pytest.approx(0.3 + (0.4 - 0.3) / 2)  # half of what bob left over
    assert m[4].factor == pytest.approx(2 ** -(0.35 / 0.375))
    assert m[6].factor == pytest.approx(2 ** -(0.6 / 0.25))
    assert tree.root is not None and tree.root.factor == 0.5


def test_damping() -> None:
    tree = Tree(SITE)
    tree.take({4: 30.0, 5: 10.0, 6: 60.0})
    tree.calculate(Policy(method=Method.CLASSIC, dampening=3.0))
    assert tree.members[6].factor == pytest.approx(2 ** -(0.6 / 0.25 / 3))


def test_depth_oblivious_in_balance() -> None:
    tree = calculated(SITE, {4: 37.5, 5: 37.5, 6: 25.0}, Method.DEPTH_OBLIVIOUS)
    assert [tree.members[number].factor for number in (4, 5, 6)] == pytest.approx([0.5, 0.5, 0.5])


def test_those_who_have_used_nothing_are_equal() -> None:
    assert {member.factor for member in users(calculated(SITE, {}))} == {1.0}


def test_shares_of_the_parent() -> None:
    """fairshare=parent: users are as entitled as their account, an account's members join its siblings."""
    found = [
        assoc(1, 0, "root"), assoc(2, 1, "group", shares=None), assoc(3, 2, "group", "alice", 3),
        assoc(4, 1, "root", "bob", 1), assoc(5, 1, "lab"), assoc(6, 5, "lab", "carol", None),
    ]  # fmt: skip
    tree = calculated(found, {3: 10.0, 4: 10.0, 6: 10.0})
    assert tree.members[3].shares_norm == 3 / 5 and tree.members[4].shares_norm == 1 / 5
    assert tree.members[6].shares_norm == 1 / 5 and tree.members[6].level_fs == math.inf
    assert tree.members[3].factor == 1.0


def test_a_tree_without_a_root_or_with_a_circle_is_borne() -> None:
    assert Tree([assoc(2, 1, "physics")]).members == {}
    circle = Tree([assoc(1, 0, "root"), assoc(2, 3, "a"), assoc(3, 2, "b"), assoc(4, 4, "c")])
    assert 1 in circle.members


# ------------------------------------------------------------ the whole


def test_what_a_removed_association_has_used_stays_with_its_account() -> None:
    fair = FairShare(Policy(decay=Decay(0.0)), 0.0)
    fair.take_tree(SITE)
    fair.ledger.add(5, Usage(10.0))
    fair.ledger.add(6, Usage(30.0))
    fair.calculate(10.0)
    fair.take_tree([one for one in SITE if one.id != 5])
    usage = fair.usage(10.0)
    assert (usage[2].billing, usage[1].billing) == (10.0, 40.0)
    assert fair.tree.members[2].used == 10.0


@pytest.mark.parametrize(
    ("period", "begin"),
    [
        ("NONE", 0.0),
        ("DAILY", (2026, 8, 19)),
        ("WEEKLY", (2026, 8, 16)),
        ("MONTHLY", (2026, 8, 1)),
        ("QUARTERLY", (2026, 7, 1)),
        ("YEARLY", (2026, 1, 1)),
    ],
)
def test_periods_begin(period: str, begin: tuple[int, int, int] | float) -> None:
    now = time.mktime((2026, 8, 19, 15, 30, 0, 0, 0, -1))  # a Wednesday
    wanted = time.mktime((*begin, 0, 0, 0, 0, 0, -1)) if isinstance(begin, tuple) else begin
    assert period_start(period, now) == wanted


def test_usage_is_forgotten_when_a_period_ends() -> None:
    now = time.mktime((2026, 8, 19, 15, 30, 0, 0, 0, -1))
    fair = FairShare(Policy(decay=Decay(0.0), reset="MONTHLY"), now)
    fair.take_tree(SITE)
    fair.ledger.add(6, Usage(30.0))
    fair.calculate(now + 60)
    assert fair.usage(now + 60)[1].billing == 30.0
    fair.calculate(now + 20 * 86400)
    assert fair.usage(now + 20 * 86400)[1].billing == 0.0
    (row,) = fair.ledger.rows()
    assert (row.assoc_id, row.billing) == (6, 0.0)


def test_now_forgets_at_every_reading() -> None:
    fair = FairShare(Policy(reset="NOW"), 0.0)
    fair.take_tree(SITE)
    for _ in range(2):
        fair.ledger.add(6, Usage(30.0))
        fair.configure(Policy(reset="NOW"), 1.0)
        assert fair.usage(1.0)[1].billing == 0.0


def test_it_is_time_after_a_period_or_when_the_clock_was_put_back() -> None:
    fair = FairShare(Policy(calc_period=300.0), 1000.0)
    assert fair.due(1000.0)
    fair.calculate(1000.0)
    assert not fair.due(1299.0) and fair.due(1300.0) and fair.due(500.0)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("", Policy()),
        ("PriorityDecayHalfLife=0", Policy(decay=Decay(0.0))),
        ("PriorityDecayHalfLife=1-12\nPriorityCalcPeriod=2", Policy(decay=Decay(129600.0), calc_period=120.0)),
        ("PriorityUsageResetPeriod=weekly", Policy(reset="WEEKLY")),
        ("PriorityFlags=NO_FAIR_TREE,INCR_ONLY", Policy(method=Method.CLASSIC, increase_only=True)),
        ("PriorityFlags=DEPTH_OBLIVIOUS", Policy(method=Method.DEPTH_OBLIVIOUS)),
        ("FairShareDampeningFactor=5", Policy(dampening=5.0)),
    ],
)  # fmt: skip
def test_policy_of_slurm_conf(tmp_path: Path, lines: str, wanted: Policy) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text(f"ClusterName=c\nSlurmctldHost=h\n{lines}\nNodeName=n1\nPartitionName=p Nodes=n1\n")
    assert Policy.of(load(str(conf), strict=True)) == wanted
