"""Case builder over the real rules, with foreign texts."""

from datetime import timedelta
from typing import Any

from tests.activities.slack.cases import AT, CATALOG, SATO, Story, policy
from tests.slack_shapes.words import Words
from tests.workflows.domain.case.bulk_builders import bulk_news
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Bulk, Impact, Sum, Tally
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import (
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
from workflows.domain.case.model import SubjectHistory
from workflows.domain.people import Actor, Cover, Role
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Policy
from workflows.domain.values import Text

SUZUKI = Actor(
    id="U0SUZUKI",
    roles=frozenset({Role.SPECIALIST}),
    covers=(Cover(role=Role.LEAD, person="U0MORI", until=AT + timedelta(days=400)),),
)
REFUSED = Problem(kind=ProblemKind.REFUSED, status=409)
AWAY = Problem(kind=ProblemKind.UNREACHABLE)
BROKEN = Problem(kind=ProblemKind.UNREACHABLE, status=500)


class StoryCase(Story):
    """A case with the given texts. Times are minutes after its opening."""

    def __init__(self, words: Words, **more: Any) -> None:
        """`more`: changes of `policy` and (by action) `catalog`; `history`, `alert`, `telling`."""
        self.words = words
        self.subject = Subject(type="user", id=words.id)
        history = more.pop("history", SubjectHistory())
        first = an_alert(words, **more.pop("alert", {}))
        catalog = a_catalog(words, more.pop("catalog", {}))
        kept = a_policy(words, catalog, more.pop("policy", {}))
        if more.pop("telling", False):
            kept = kept.model_copy(update={"notice_text": a_telling(words)})
        super().__init__(first, kept, history)

    def key(self, action: str) -> str:
        """The key of an action on the case's own subject in reports."""
        return f"{action}/{self.subject.key}"

    def news(self, status: ActionStatus, minutes: float = 4, **more: Any) -> "StoryCase":
        """A report about the mute."""
        self.reported(self.key("mute_user"), status, minutes, **more)
        return self

    def decided(self, *actions: str, minutes: float = 3, **more: Any) -> "StoryCase":
        """A decision by the modal."""
        given = {
            "by": SATO,
            "verdict": cmd.Verdict.VIOLATION,
            "actions": [{"action": name} for name in actions],
            "reason": self.words.said,
            "policy": None if self.words.policy is None else _rule_id(self.words),
        }
        self.then(cmd.Decide.model_validate({**given, **more}), minutes)
        return self

    def noticed(
        self, status: NoticeStatus, minutes: float = 5, problem: Problem | None = None
    ) -> "StoryCase":
        """A report about the notice."""
        notice = NoticeState(status=status, problem=problem)
        report = EnforcementReport(
            id=f"n{minutes}", case=self.case.id, decision="D1", actions=(), notice=notice
        )
        self.then(cmd.Report(report=report), minutes)
        return self

    def ringed(self, count: int = 1000) -> "StoryCase":
        """A bulk decision."""
        title = self.words.policy or "フォロワー"
        reach = Impact(
            sums=tuple(Sum(title=Text(ja=title, en=title), total=12_345) for _ in range(8)),
            sanctioned=4,
            unknown=2,
            dropped=1,
        )
        bulk = Bulk(id="R0123456789AB", type="user", count=count, impact=reach)
        given = {"by": SATO, "actions": [{"action": "mute_user"}], "reason": self.words.said}
        self.then(cmd.DecideBulk.model_validate({**given, "bulk": bulk}), 3)
        return self

    def so_far(
        self, minutes: float, status: ActionStatus | None = None, **counts: int
    ) -> "StoryCase":
        """Progress of the bulk decision."""
        tally = Tally(total=1000, step=int(minutes), **counts)
        self.then(bulk_news(self.case, tally, status), minutes)
        return self


def an_alert(words: Words, **more: Any) -> Alert:
    """An alert with every field."""
    given: dict[str, Any] = {
        "id": "chat-1",
        "detector": "live-chat",
        "kind": "off_platform",
        "subject": {"type": "user", "id": words.id},
        "related": [
            {"type": "stream", "id": "s_9" if words.policy is None else words.id},
            {"type": "x" * 64, "id": words.id},
        ],
        "score": 0.97,
        "occurred_at": AT,
        "title": {"ja": words.title, "en": words.title_en},
        "evidence": [{"kind": "text", "text": words.evidence}],
        "attributes": {"viewers": 1240},
    }
    if words.policy is None:
        given["related"] = given["related"][:1]
    return Alert.model_validate({**given, **more})


def a_catalog(words: Words, changes: dict[str, Any]) -> ActionCatalog:
    """The actions, with the words as titles."""
    written = CATALOG.model_dump(mode="json", by_alias=True)
    for name, spec in written["actions"].items():
        spec |= changes.get(name, {})
        if words.policy is not None:
            spec["title"] = words.policy
    return ActionCatalog.model_validate(written)


def a_telling(words: Words) -> NoticeText:
    """The notice templates, with the words."""
    frame = words.titled(
        "{facts}\n措置: {actions}\n{rule}\n{automation}",
        "{facts}\nMeasure: {actions}\n{rule}\n{automation}",
    )
    return NoticeText(call=NoticeCall(path="/v1/users/{subject.id}/notices"), frame=frame)


def _rule_id(words: Words) -> str:
    return (words.policy or "")[:60] or "x"


def a_policy(words: Words, catalog: ActionCatalog, changes: dict[str, Any]) -> Policy:
    """The playbook, with the words as titles and rules."""
    if words.policy is None:
        return policy(catalog, **changes)
    presets = [
        {"id": f"p{n}", "title": words.policy, "actions": [action]}
        for n, action in enumerate(["mute_user", "permanent_ban", "forfeit_payout"])
    ]
    rule = {"id": _rule_id(words), "url": words.rule_url}
    titled = {"title": words.policy, "presets": presets, "policy": rule}
    return policy(catalog, **{**titled, **changes})


def reasoned(words: Words) -> dict[str, Any]:
    """Policy rules and reasons, one with a notice and one without."""
    rule = {"title": words.titled("誘導の禁止", "No luring"), "url": words.rule_url}
    return {
        "policy": {"id": "MKT-4.2", **rule},
        "clauses": [{"id": "MKT-4.3" if words.policy is None else _rule_id(words), **rule}],
        "reasons": [
            {
                "id": "line",
                "title": words.titled("LINEの提示", "Gave a LINE ID"),
                "reason": words.titled("LINE IDを提示した。", "Gave a LINE ID."),
                "notice": words.titled("LINE IDの提示を確認しました。", "We found a LINE ID."),
            },
            {
                "id": "quiet",
                "title": words.titled("様子見", "Wait"),
                "reason": words.titled("様子を見る。", "Wait and see."),
                "no_notice": words.titled("捜査中のため", "It is being investigated"),
            },
        ],
    }
