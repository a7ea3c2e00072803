"""Strictness of a policy: approvals, limits and automation, compared with a later version.

A case keeps the policy of its opening. Where today's is stricter, the difference is added to it.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog, ApprovalRule, OnExpiry
from workflows.domain.policy.bands import Mode
from workflows.domain.policy.limits import Exempt, Limits, stricter
from workflows.domain.policy.playbook import FurtherRules, Playbook, Policy
from workflows.domain.values import Value


class Guard(Value):
    """Approval rules of one action, and whether it is dangerous."""

    danger: bool = False
    approval: ApprovalRule | None = None
    undo_approval: ApprovalRule | None = None


REMOVED = Guard(danger=True, approval=ApprovalRule(by=Role.LEAD, within=timedelta(minutes=30)))
"""An action that actions.yaml no longer has: an old case may still take it, with a lead."""


class Strictness(Value):
    """Strictness of a policy `version`: its actions, limits and one playbook of it.

    `automatic` are the actions that the playbook starts without a person, `reported` those that
    reports of people start.
    """

    version: str
    actions: dict[str, Guard]
    limits: Limits | None = None
    automatic: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    act_first: ApprovalRule | None = None
    bulk: bool = True
    dry_run: bool = False


class Tightening(Value):
    """Differences in which policy `version` is stricter than the policy of a case.

    `limits` replace those of the case, `exempt` subjects are added. `unprotected` actions are not
    started without a person, `unreported` ones not by reports of people.
    """

    version: str
    danger: tuple[str, ...] = ()
    further: FurtherRules = FurtherRules()
    limits: Limits | None = None
    exempt: tuple[Exempt, ...] = ()
    unprotected: tuple[str, ...] = ()
    unreported: tuple[str, ...] = ()
    no_bulk: bool = False
    dry_run: bool = False


def strictness_of(
    version: str, catalog: ActionCatalog, limits: Limits | None, playbook: Playbook | None
) -> Strictness:
    """The strictness of a policy; without its playbook nothing is automatic any more."""
    guards = {
        name: Guard(danger=spec.danger, approval=spec.approval, undo_approval=spec.undo_approval)
        for name, spec in catalog.actions.items()
    }
    if playbook is None:
        return Strictness(version=version, actions=guards, limits=limits)
    return Strictness(
        version=version,
        actions=guards,
        limits=limits,
        automatic=automatic(playbook),
        reported=by_reports(playbook),
        act_first=playbook.act_first,
        bulk=playbook.bulk,
        dry_run=playbook.dry_run,
    )


def automatic(playbook: Playbook) -> frozenset[str]:
    """The actions that the playbook starts without a person; none unless it is live."""
    if playbook.mode is not Mode.LIVE:
        return frozenset()
    presets = (playbook.preset(rule.preset) for rule in playbook.auto)
    decided = {each.action for preset in presets if preset for each in preset.actions}
    return frozenset(decided.union(each.action for each in playbook.protections))


def by_reports(playbook: Playbook) -> frozenset[str]:
    """The actions that reports of people start."""
    return frozenset(each.action for each in playbook.protections if each.manual)


def differences(policy: Policy, today: Strictness) -> Tightening | None:
    """The differences in which `today` is stricter than `policy`; None if there are none."""
    guards = {name: today.actions.get(name, REMOVED) for name in policy.catalog.actions}
    own, (limits, exempt) = automatic(policy.playbook), _limits(policy.limits, today.limits)
    reported = by_reports(policy.playbook) - policy.unreported
    found = Tightening(
        version=today.version,
        danger=tuple(
            name
            for name, guard in guards.items()
            if guard.danger and not policy.catalog.actions[name].danger
        ),
        further=_further(policy, today, guards),
        limits=limits,
        exempt=exempt,
        unprotected=tuple(sorted(own - policy.unprotected - today.automatic)),
        unreported=tuple(sorted(reported - today.reported)),
        no_bulk=policy.playbook.bulk and not today.bulk,
        dry_run=today.dry_run and not policy.playbook.dry_run,
    )
    return None if found == Tightening(version=today.version) else found


def tighten(policy: Policy, change: Tightening) -> Policy:
    """The policy with the differences added."""
    actions = {
        name: spec.model_copy(update={"danger": True}) if name in change.danger else spec
        for name, spec in policy.catalog.actions.items()
    }
    playbook = policy.playbook.model_copy(
        update={
            "bulk": policy.playbook.bulk and not change.no_bulk,
            "dry_run": policy.playbook.dry_run or change.dry_run,
        }
    )
    return policy.model_copy(
        update={
            "catalog": policy.catalog.model_copy(update={"actions": actions}),
            "playbook": playbook,
            "limits": _limited(policy.limits, change),
            "further": policy.further.plus(change.further),
            "unprotected": policy.unprotected.union(change.unprotected),
            "unreported": policy.unreported.union(change.unreported),
        }
    )


def _limits(own: Limits | None, today: Limits | None) -> tuple[Limits | None, tuple[Exempt, ...]]:
    """The stricter limits, None if they are those of the case, and further exempt subjects.

    The list may be long: the difference is in the history.
    """
    both = stricter(own, today)
    if both is None:
        return None, ()
    known = own.exempt if own is not None else ()
    bare = both.model_copy(update={"exempt": ()})
    same = own is not None and bare == own.model_copy(update={"exempt": ()})
    return None if same else bare, tuple(each for each in both.exempt if each not in known)


def _limited(own: Limits | None, change: Tightening) -> Limits | None:
    limits = change.limits or own
    if limits is None:
        return None
    exempt = (*(own.exempt if own is not None else ()), *change.exempt)
    return limits.model_copy(update={"exempt": exempt})


def _further(policy: Policy, today: Strictness, guards: dict[str, Guard]) -> FurtherRules:
    approvals = {name: guard.approval for name, guard in guards.items()}
    undos = {name: guard.undo_approval for name, guard in guards.items()}
    own, new = policy.limits, today.limits
    return FurtherRules(
        actions=_by_action(approvals, policy.approvals),
        undos=_by_action(undos, policy.undo_approvals),
        # Without limits of its own, the case takes today's with their approval.
        limits=_added(new.approval, policy.limit_approvals) if own and new else (),
        reviews=_added(today.act_first, policy.reviews),
    )


def _by_action(
    rules: dict[str, ApprovalRule | None],
    own: Callable[[str], tuple[ApprovalRule, ...]],
) -> dict[str, tuple[ApprovalRule, ...]]:
    found = {name: _added(rule, own(name)) for name, rule in rules.items()}
    return {name: added for name, added in found.items() if added}


def _added(new: ApprovalRule | None, rules: tuple[ApprovalRule, ...]) -> tuple[ApprovalRule, ...]:
    """The rule, if it requires anything that `rules` together do not."""
    if new is None or (rules and not _is_stricter(new, rules)):
        return ()
    return (new,)


def _is_stricter(new: ApprovalRule, rules: Iterable[ApprovalRule]) -> bool:
    rules = tuple(rules)
    same = [rule.quorum for rule in rules if rule.by is new.by]
    return (
        new.quorum > max(same, default=0)
        or new.within < min(rule.within for rule in rules)
        or new.valid < min(rule.valid for rule in rules)
        or (
            new.on_expiry is OnExpiry.REFUSE
            and all(rule.on_expiry is OnExpiry.ESCALATE for rule in rules)
        )
    )
