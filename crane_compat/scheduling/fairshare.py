"""Fair share: what associations are entitled to, what they have used, and the factor of priority that follows.

Two methods: the Fair Tree, which ranks all users by how well each level of the tree has been served, and the older
one, 2^(-effective usage / shares / FairShareDampeningFactor), with or without regard to the depth of the tree.

Source: fair_tree.html, priority_multifactor.html (Slurm 25.11), slurm.conf(5), sshare(1), recordings.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from crane_compat.core.accounts import Association
from crane_compat.parsers.slurm_conf import SlurmConf
from crane_compat.parsers.time_limit import INFINITE, parse_minutes
from crane_compat.scheduling.usage import Decay, Ledger, Usage

#: Slurm's word for "no number": where its arithmetic shows it, ours does
NO_VAL = 0xFFFFFFFE

#: How strongly a parent that is served badly or too well draws its children (DEPTH_OBLIVIOUS).
_DEPTH_FORCE = 5.0


class Method(Enum):
    FAIR_TREE = "fair tree"
    CLASSIC = "classic"
    DEPTH_OBLIVIOUS = "depth oblivious"


@dataclass(frozen=True, slots=True)
class Policy:
    """What slurm.conf says of fair share; times in seconds."""

    decay: Decay = field(default_factory=lambda: Decay(7 * 86400.0))
    calc_period: float = 300.0
    reset: str = "NONE"
    method: Method = Method.FAIR_TREE
    dampening: float = 1.0
    increase_only: bool = False

    @classmethod
    def of(cls, conf: SlurmConf) -> Policy:
        flags = {word.strip().upper() for word in str(conf.get("PriorityFlags") or "").split(",")}
        method = Method.FAIR_TREE
        if "DEPTH_OBLIVIOUS" in flags:
            method = Method.DEPTH_OBLIVIOUS
        elif "NO_FAIR_TREE" in flags:
            method = Method.CLASSIC
        return cls(
            decay=Decay(_seconds(conf.get("PriorityDecayHalfLife"), 0.0)),
            calc_period=_seconds(conf.get("PriorityCalcPeriod"), 0.0) or 300.0,
            reset=str(conf.get("PriorityUsageResetPeriod") or "NONE").upper(),
            method=method,
            dampening=float(conf.get("FairShareDampeningFactor") or 1),
            increase_only="INCR_ONLY" in flags,
        )


def _seconds(value: object, unlimited: float) -> float:
    try:
        minutes = parse_minutes(str(value or "0"))
    except ValueError:
        return unlimited
    return unlimited if minutes == INFINITE else minutes * 60.0


def period_start(reset: str, now: float) -> float:
    """When the present period of PriorityUsageResetPeriod began, by local time; 0 where there is none."""
    day = time.localtime(now)
    year, month, first = day.tm_year, day.tm_mon, day.tm_mday
    match reset:
        case "DAILY":
            pass
        case "WEEKLY":  # from Sunday on
            first -= (day.tm_wday + 1) % 7
        case "MONTHLY":
            first = 1
        case "QUARTERLY":
            month, first = month - (month - 1) % 3, 1
        case "YEARLY":
            month, first = 1, 1
        case _:
            return 0.0
    return time.mktime((year, month, first, 0, 0, 0, 0, 0, -1))


@dataclass(slots=True, eq=False)
class Member:
    """An association in the tree and what was last calculated for it."""

    assoc: Association
    parent: Member | None = None
    children: list[Member] = field(default_factory=list)
    giver: Member | None = None  # above it, whose share it has a part of: one that does not use its parent's
    takers: list[Member] = field(default_factory=list)  # those it is the giver of
    level_shares: int = 0  # of all that share with it
    used: float = 0.0  # billing seconds, all below included
    shares_norm: float = 0.0
    usage_norm: float | None = None
    usage_efctv: float = 0.0
    level_fs: float | None = None
    factor: float = 0.0

    @property
    def is_user(self) -> bool:
        return bool(self.assoc.user)

    @property
    def rank_level(self) -> float:
        """What the Fair Tree sorts by."""
        return float(NO_VAL) if self.level_fs is None else self.level_fs


class Tree:
    """The associations of a cluster, each behind the one above it, users before accounts."""

    def __init__(self, associations: Iterable[Association] = ()) -> None:
        self.members: dict[int, Member] = {}
        self.root: Member | None = None
        self.users = 0
        found = {assoc.id: Member(assoc) for assoc in associations}
        root = next((m for m in found.values() if not m.is_user and m.assoc.account == "root"), None)
        if root is None:
            return
        self.root = root
        for member in found.values():
            if member is root:
                continue
            above = found.get(member.assoc.parent_id, root)
            member.parent = root if above is member else above
            member.parent.children.append(member)
        self.members = {member.assoc.id: member for member in _descend(root)}
        for member in self.members.values():
            self._find_giver(member)
        for member in self.members.values():
            total = sum(taker.assoc.shares or 0 for taker in member.takers)
            for taker in member.takers:
                taker.level_shares = total
        self.users = sum(member.is_user for member in self.members.values())

    def _find_giver(self, member: Member) -> None:
        above = member.parent
        if above is None:
            return
        if not (member.is_user and member.assoc.shares is None):
            while above.assoc.shares is None and above.parent is not None:
                above = above.parent
        member.giver = above
        above.takers.append(member)

    def sums(self, own: Mapping[int, Usage]) -> dict[int, Usage]:
        """Usage of each association with all below it."""
        found = {number: Usage() for number in self.members}
        for number, member in reversed(self.members.items()):
            mine = found[number]
            if number in own:
                mine.add(own[number])
            if member.parent is not None:
                found[member.parent.assoc.id].add(mine)
        return found

    def take(self, billed: Mapping[int, float]) -> None:
        """Set `used` of every member from the billing seconds charged to each itself."""
        for number, member in self.members.items():
            member.used = billed.get(number, 0.0)
        for member in reversed(self.members.values()):
            if member.parent is not None:
                member.parent.used += member.used

    # ------------------------------------------------------------ factors

    def calculate(self, policy: Policy) -> None:
        """Shares, effective usage and factors from what `take` has set."""
        if self.root is None:
            return
        if policy.method is Method.FAIR_TREE:
            self._fair_tree(self.root)
        else:
            self._classic(self.root, policy)

    def _norm_usage(self, member: Member) -> float:
        total = self.root.used if self.root is not None else 0.0
        return min(1.0, member.used / total) if total else 0.0

    def _fair_tree(self, root: Member) -> None:
        root.shares_norm = (root.assoc.shares or 0) / NO_VAL
        root.usage_efctv, root.usage_norm, root.level_fs = 1.0, None, None
        for member in self.members.values():
            giver = member.giver
            if giver is None:
                continue
            holder = giver if member.assoc.shares is None else member
            if holder is not root:
                holder_shares = holder.assoc.shares or 0
                member.shares_norm = holder_shares / holder.level_shares if holder.level_shares else 0.0
            else:
                member.shares_norm = root.shares_norm
            member.usage_norm = self._norm_usage(member)
            member.usage_efctv = member.used / giver.used if giver.used else 0.0
            if member.assoc.shares is None:
                member.level_fs = math.inf if member.is_user else None
            elif not member.shares_norm:
                member.level_fs = 0.0
            else:
                member.level_fs = member.shares_norm / member.usage_efctv if member.usage_efctv else math.inf
        _Ranking(self.users).level(root.takers, tied=False)

    def _classic(self, root: Member, policy: Policy) -> None:
        root.shares_norm = root.usage_efctv = 1.0
        root.usage_norm = root.level_fs = None
        root.factor = _factor(1.0, 1.0, policy)
        for member in self.members.values():  # the one above always first
            if member.parent is None or member.giver is None:
                continue
            giver, shares = member.giver, member.assoc.shares
            member.level_fs = None
            member.usage_norm = self._norm_usage(member)
            if shares is None:
                member.shares_norm = giver.shares_norm
            else:
                part = shares / member.level_shares if member.level_shares else 0.0
                member.shares_norm = giver.shares_norm * part
        for member in self.members.values():
            if member.giver is None:
                continue
            member.usage_efctv = _effective(member, member.giver, root, policy)
            holder = member.giver if member.assoc.shares is None else member
            member.factor = _factor(holder.usage_efctv, holder.shares_norm, policy)


class _Ranking:
    """Walks the Fair Tree from the best served to the worst and gives users their place."""

    def __init__(self, users: int) -> None:
        self.users = self.rank = self.place = users  # place: the rank if there were no ties

    def level(self, siblings: list[Member], tied: bool) -> None:
        """Rank the users among `siblings` and below; `tied`: the first is as good as whoever came before."""
        siblings = sorted(siblings, key=lambda m: (-m.rank_level, not m.is_user))
        position = 0
        before: float | None = None
        while position < len(siblings):
            member = siblings[position]
            position += 1
            if before is not None:
                tied = member.rank_level == before
            before = member.rank_level
            if member.is_user:
                if not tied:
                    self.rank = self.place
                member.factor = self.rank / self.users
                self.place -= 1
                continue
            member.factor = 0.0
            below = list(member.takers)
            while position < len(siblings) and siblings[position].rank_level == before:  # accounts that are equal
                siblings[position].factor = 0.0
                below += siblings[position].takers
                position += 1
            self.level(below, tied)


def _descend(member: Member) -> Iterator[Member]:
    """A member and all below, users before accounts, by name."""
    yield member
    member.children.sort(key=lambda m: (not m.is_user, m.assoc.user or m.assoc.account, m.assoc.partition))
    for child in member.children:
        yield from _descend(child)


def _factor(usage: float, shares: float, policy: Policy) -> float:
    return math.exp2(-usage / shares / policy.dampening) if shares > 0 else 0.0


def _effective(member: Member, giver: Member, root: Member, policy: Policy) -> float:
    """The usage that counts against a share: part of the siblings' is one's own."""
    usage = member.usage_norm or 0.0
    if giver is root:
        return usage
    if member.assoc.shares is None:
        return giver.usage_efctv
    if policy.method is Method.DEPTH_OBLIVIOUS:
        return _depth_oblivious(member, giver, usage)
    if not member.level_shares:
        return giver.usage_efctv
    return usage + (giver.usage_efctv - usage) * member.assoc.shares / member.level_shares


def _depth_oblivious(member: Member, giver: Member, usage: float) -> float:
    """The parent's ratio of usage to share times the own one among siblings, the latter damped where it would undo the
    former."""
    siblings = sum(taker.usage_norm or 0.0 for taker in giver.takers if taker.assoc.shares is not None)
    if not (member.shares_norm and giver.shares_norm and giver.usage_efctv and usage and siblings):
        return usage
    above = giver.usage_efctv / giver.shares_norm
    own = usage / member.shares_norm / (siblings / giver.shares_norm)
    if math.log(above) * math.log(own) < 0:
        own **= 1.0 / (1.0 + (_DEPTH_FORCE * math.log(above)) ** 2)
    return above * own * member.shares_norm


class FairShare:
    """The tree, the usage and the factors of one cluster.  Factors change at `calculate` and with the tree only."""

    def __init__(self, policy: Policy, now: float) -> None:
        self.policy = policy
        self.ledger = Ledger(policy.decay, now)
        self.tree = Tree()
        self.calculated = 0.0  # when factors were last calculated
        self.last_reset = now
        self._billed: dict[int, float] = {}  # billing seconds by association, as of the last calculation

    def configure(self, policy: Policy, now: float) -> None:
        """Take the configuration as it has just been read; PriorityUsageResetPeriod=NOW works each time."""
        if policy.decay != self.policy.decay:
            self.ledger.change_decay(policy.decay, now)
        self.policy = policy
        if policy.reset == "NOW":
            self.reset(now)
        self.tree.take(self._billed)
        self.tree.calculate(policy)

    def reset(self, now: float) -> None:
        """Forget all usage."""
        self.ledger.clear()
        self._billed = {}
        self.last_reset = now

    def take_tree(self, associations: Iterable[Association]) -> None:
        """Associations are others: what a removed one has used stays with the account it was in."""
        tree = Tree(associations)
        for number in [n for n in self.ledger.own if n not in tree.members]:
            gone = self.tree.members.get(number)
            above = gone.parent if gone is not None else None
            while above is not None and above.assoc.id not in tree.members:
                above = above.parent
            if above is not None:
                self.ledger.move(number, above.assoc.id)
                billed = self._billed.pop(number, 0.0)
                self._billed[above.assoc.id] = self._billed.get(above.assoc.id, 0.0) + billed
        self.tree = tree
        self.tree.take(self._billed)
        self.tree.calculate(self.policy)

    def reset_since(self) -> float:
        """Usage from before this time is none any more."""
        return self.ledger.at if self.policy.reset == "NOW" else period_start(self.policy.reset, self.ledger.at)

    def due(self, now: float) -> bool:
        """Is it time to calculate?"""
        return not 0.0 <= now - self.calculated < self.policy.calc_period

    def calculate(self, now: float) -> None:
        """Let time go by and calculate all factors; running jobs have been charged up to now."""
        self.ledger.bring_to(now)
        if self.last_reset < period_start(self.policy.reset, now):
            self.reset(now)
        self._billed = {number: usage.billing for number, usage in self.ledger.own.items()}
        self.tree.take(self._billed)
        self.tree.calculate(self.policy)
        self.calculated = now

    def factors(self) -> dict[int, float]:
        """The factor of every user's association."""
        return {number: member.factor for number, member in self.tree.members.items() if member.is_user}

    def usage(self, now: float) -> dict[int, Usage]:
        """What each association has used with all below, as it is now."""
        left = self.ledger.decay.factor(max(0.0, now - self.ledger.at))
        return {number: usage.scaled(left) for number, usage in self.tree.sums(self.ledger.own).items()}
