"""Case builders for the Slack tests, over the real rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.domain.alerts import Alert, Subject, TextEvidence, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionReport, ActionStatus, EnforcementReport, Problem
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.evolve import apply, opened
from workflows.domain.case.model import Case, SubjectHistory
from workflows.domain.case.refusals import Refusal
from workflows.domain.people import Actor, Role
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.playbook import Playbook, Policy, Severity

AT = datetime(2026, 11, 23, 3, 3, 10, tzinfo=UTC)
"""12:03:10 in Tokyo."""
CASE = "K7Q2F9XM0"
ROUTE = "case/off_platform/0123456789ABCDEF"
SATO = Actor(id="U0SATO", roles=frozenset({Role.SPECIALIST}))
TANAKA = Actor(id="U0TANAKA", roles=frozenset({Role.LEAD}))
MUTE, BAN = "mute_user/user:u_123", "permanent_ban/user:u_123"


def _action(ja: str, en: str, **more: Any) -> dict[str, Any]:
    request = {"method": "POST", "path": "/v1/users/{subject.id}/x"}
    return {"title": {"ja": ja, "en": en}, "subject": "user", "request": request, **more}


CATALOG = ActionCatalog.model_validate(
    {
        "actions": {
            "mute_user": _action(
                "コメント制限",
                "Mute",
                timed={"default": "24h", "max": "30d"},
                undo={"method": "DELETE", "path": "/v1/x"},
            ),
            "permanent_ban": _action(
                "強制退会",
                "Permanent ban",
                danger=True,
                undo={"method": "DELETE", "path": "/v1/x"},
                approval={"by": "lead", "within": "30m", "on_expiry": "refuse"},
            ),
            "forfeit_payout": _action("売上没収", "Forfeit payout", danger=True),
        }
    }
)
_PLAYBOOK: dict[str, Any] = {
    "playbook": "off_platform",
    "title": {"ja": "外部誘導", "en": "Off-platform inducement"},
    "match": "true",
    "policy": {"id": "MKT-4.2", "url": "https://rules.example/4.2"},
    "channel": "ts-live",
    "severity": {"critical": "true"},
    "clocks": {"critical": {"claim": "2m", "decide": "10m"}},
    "presets": [
        {
            "id": "mute",
            "title": {"ja": "24時間コメント制限", "en": "Mute 24 h"},
            "actions": [{"mute_user": {"for": "24h"}}],
        },
        {
            "id": "ban",
            "title": {"ja": "強制退会", "en": "Ban"},
            "actions": ["permanent_ban"],
        },
    ],
    "escalation": [
        {"after": "2m", "unless": "claimed", "notify": "shift"},
        {"after": "5m", "unless": "claimed", "notify": "lead"},
        {"after": "10m", "unless": "decided", "notify": "lead"},
    ],
}
PLAYBOOK = Playbook.model_validate(_PLAYBOOK)
POLICY = Policy(version="1", playbook=PLAYBOOK, catalog=CATALOG)


def policy(catalog: ActionCatalog = CATALOG, **changes: Any) -> Policy:
    """The policy with changed fields."""
    playbook = Playbook.model_validate({**_PLAYBOOK, **changes})
    return Policy(version="1", playbook=playbook, catalog=catalog)


def catalog(action: str, **changes: Any) -> ActionCatalog:
    """The actions with one of them changed."""
    written = CATALOG.model_dump(mode="json", by_alias=True)
    written["actions"][action] |= changes
    return ActionCatalog.model_validate(written)


PROTECTS = policy(protect=[{"when": "true", "action": "mute_user", "for": "15m"}])
"""Policy with an automatic mute for 15 minutes."""
NO_HISTORY = SubjectHistory()
REVIEWS = policy(act_first={"by": "lead", "within": "15m", "on_expiry": "refuse"})
"""Playbook with actions before their review."""


def alert(**changes: Any) -> Alert:
    """An alert on `u_123`, who asks for a LINE ID in stream `s_9`."""
    given = {
        "id": "chat-1",
        "detector": "live-chat",
        "kind": "off_platform",
        "subject": Subject(type="user", id="u_123"),
        "related": (Subject(type="stream", id="s_9"), Subject(type="listing", id="m_77")),
        "score": 0.97,
        "occurred_at": AT,
        "title": {"ja": "LINEへの誘導", "en": "Moved the buyer to LINE"},
        "evidence": (TextEvidence(text="LINE ID ください https://ex.com/a"),),
        "attributes": {"viewers": 1240},
    }
    return Alert.model_validate({**given, **changes})


class Story:
    """A case with its recorded events. Commands are `minutes` after the opening."""

    def __init__(
        self,
        first: Alert | None = None,
        policy: Policy = POLICY,
        history: SubjectHistory = NO_HISTORY,
    ) -> None:
        self.first = first or alert()
        event = CaseOpened(
            at=AT,
            case=CASE,
            playbook=policy.playbook.playbook,
            subject=self.first.subject,
            severity=Severity.CRITICAL,
            alert=brief(self.first),
            history=history,
        )
        self.case: Case = opened(ROUTE, policy, event)
        self.recorded = [Recorded(seq=1, event=event)]

    def then(self, command: cmd.Command, minutes: float = 0) -> "Story":
        """Applies `command`; a refusal fails the test."""
        outcome = decide(self.case, command, AT + timedelta(minutes=minutes))
        assert not isinstance(outcome, Refusal), outcome
        for event in outcome:
            self.case = apply(self.case, event)
            self.recorded.append(Recorded(seq=self.case.version, event=event))
        return self

    def joined(self, seconds: float, **changes: Any) -> "Story":
        """Adds one alert."""
        joining = cmd.JoinAlert(alert=brief(alert(**changes)), severity=Severity.CRITICAL)
        return self.then(joining, seconds / 60)

    def claimed(self, minutes: float = 1) -> "Story":
        return self.then(cmd.Claim(by=SATO), minutes)

    def muted(self, minutes: float = 3) -> "Story":
        return self.then(cmd.ChoosePreset(by=SATO, preset="mute"), minutes)

    def ban_asked(self, minutes: float = 3) -> "Story":
        """A ban that waits for the lead's approval."""
        violation = cmd.Verdict.VIOLATION
        return self.then(
            cmd.Decide(
                by=SATO,
                verdict=violation,
                actions=({"action": "permanent_ban"},),  # type: ignore[arg-type]
                reason="プロフィールと配信で計3回、LINE IDを提示",
            ),
            minutes,
        )

    def approved(self, minutes: float = 5) -> "Story":
        return self.then(cmd.Approve(by=TANAKA), minutes)

    def rejected(self, minutes: float = 5) -> "Story":
        return self.then(cmd.Reject(by=TANAKA, reason="証拠が足りません"), minutes)

    def cleared(self, minutes: float = 3) -> "Story":
        return self.then(cmd.MarkNoViolation(by=SATO), minutes)

    def protected(self, minutes: float = 0) -> "Story":
        """An automatic mute for 15 minutes."""
        until = AT + timedelta(minutes=minutes + 15)
        self.then(cmd.ProtectNow(rules=(0,)), minutes)
        return self.reported(MUTE, ActionStatus.VERIFIED, minutes, until=until, of="P1")

    def waiting(self, minutes: float = 2, note: str = "出品者に購入証明を依頼中") -> "Story":
        return self.then(cmd.Wait(by=SATO, note=note, until=AT + timedelta(hours=2)), minutes)

    def asked(self, minutes: float = 5, question: str = "配信外の証拠はありますか?") -> "Story":
        return self.then(cmd.AskRequester(by=TANAKA, question=question), minutes)

    def reported(
        self,
        action: str,
        status: ActionStatus,
        minutes: float = 4,
        problem: Problem | None = None,
        until: datetime | None = None,
        of: str | None = None,
        would: str = "",
    ) -> "Story":
        """A platform report on the last decision, or on the protection `of`."""
        decision = of or (self.case.decision.id if self.case.decision else None)
        assert decision is not None
        report = EnforcementReport(
            id=f"r{minutes}",
            case=CASE,
            decision=decision,
            actions=(
                ActionReport(
                    action=action, status=status, problem=problem, until=until, would=would
                ),
            ),
        )
        return self.then(cmd.Report(report=report), minutes)
