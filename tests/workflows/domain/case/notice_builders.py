"""Builders of cases whose decisions have notices, and of reports of these."""

from typing import Any

from tests.workflows.domain.builders import CATALOG, PLAYBOOK, SATO, a_case, follow, minutes
from tests.workflows.domain.case.bulk_builders import bulk_news, decide_bulk
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import NoticeStatus, Verdict
from workflows.domain.case.enforcement import (
    ActionReport,
    ActionStatus,
    EnforcementReport,
    NoticeState,
    Problem,
    ProblemKind,
)
from workflows.domain.case.model import Case
from workflows.domain.policy.appeals import NoticeText
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Policy, PresetAction
from workflows.domain.values import Text

AWAY = Problem(kind=ProblemKind.UNREACHABLE, status=503)
FRAME = "{facts}|{actions}|{rule}|{automation}|{case.id}-{decision.id}|{subject.id}"
WORDS: dict[str, Any] = {
    "policy": {"id": "MKT-4.2", "title": {"ja": "誘導の禁止", "en": "No luring"}},
    "clauses": [{"id": "MKT-4.3"}],
    "reasons": [
        {
            "id": "line",
            "title": {"ja": "LINEの提示", "en": "LINE ID"},
            "reason": {"ja": "LINE IDを提示した。", "en": "Gave a LINE ID."},
            "notice": {"ja": "LINE IDの提示を確認しました。", "en": "We found a LINE ID."},
        },
        {
            "id": "quiet",
            "title": {"ja": "様子見", "en": "Wait and see"},
            "reason": {"ja": "様子を見る。", "en": "Wait and see."},
            "no_notice": {"ja": "捜査への影響を避けるため", "en": "An investigation is under way"},
        },
    ],
    "presets": [
        {"id": "warn", "title": "w", "actions": ["warn"], "because": "line"},
        {"id": "mute", "title": "m", "actions": ["mute_user"]},
        {"id": "silent", "title": "s", "actions": ["mute_user"], "no_notice": "本人の安全のため"},
        {"id": "ban", "title": "b", "actions": ["permanent_ban"]},
    ],
}


def notice_policy(subject: str = "user", **more: object) -> Policy:
    """A playbook with reasons, and a platform with a notice call."""
    written = PLAYBOOK.model_dump(mode="json", by_alias=True, exclude_none=True)
    call = NoticeCall(path="/v1/users/{subject.id}/notices", subject=subject)
    return Policy.model_validate(
        {
            "version": "v1",
            "playbook": {**written, **WORDS, **more},
            "catalog": CATALOG,
            "notice_text": NoticeText(call=call, frame=Text(ja=FRAME, en=FRAME)),
        }
    )


def notice_case(policy: Policy | None = None, **more: Any) -> Case:
    """A case whose decisions can have notices."""
    return a_case().model_copy(update={"policy": policy or notice_policy(), **more})


def decides(template: str | None, verdict: Verdict = Verdict.VIOLATION, **more: Any) -> cmd.Decide:
    """A warning for a reason of policy."""
    actions = (PresetAction(action="warn"),) if verdict is Verdict.VIOLATION else ()
    given = {"reason": "理由", "actions": actions, **more}
    return cmd.Decide(by=SATO, verdict=verdict, template=template, **given)


def told(case: Case, notice: NoticeState | None, *statuses: ActionStatus) -> cmd.Report:
    """News of D1's warning and its notice."""
    status = statuses[0] if statuses else ActionStatus.DONE
    actions = tuple(
        ActionReport(action=each.planned.key, status=status) for each in case.current_actions
    )
    report = EnforcementReport(
        id=f"r/{notice}/{status}", case=case.id, decision="D1", actions=actions, notice=notice
    )
    return cmd.Report(report=report)


SENT = NoticeState(status=NoticeStatus.SENT)
FAILED = NoticeState(
    status=NoticeStatus.FAILED, problem=Problem(kind=ProblemKind.REFUSED, status=404)
)
RETRYING = NoticeState(status=NoticeStatus.RETRYING, problem=AWAY)


def failed() -> Case:
    """A closed case whose notice the platform refused."""
    case = follow(notice_case(), decides("line"), minutes(2))
    return follow(case, told(case, FAILED), minutes(2.1))


def bulk_case(policy: Policy | None = None, **more: Any) -> Case:
    """A bulk decision for three users that is carried out."""
    case = notice_case(policy or notice_policy(bulk=True))
    return follow(case, decide_bulk(SATO, 3, "warn", **more), minutes(2))


def bulk_told(
    case: Case,
    step: int,
    notice: NoticeState | None,
    status: ActionStatus | None = None,
    **more: int,
) -> cmd.Report:
    """A report of the bulk decision with counts of its notices."""
    tally = Tally(total=3, step=step, done=3, **more)
    news = bulk_news(case, tally, status, id_=f"r{step}")
    return cmd.Report(report=news.report.model_copy(update={"notice": notice}))


def bulk_failed() -> Case:
    """A closed bulk decision with one notice that the platform refused."""
    case = bulk_case()
    report = bulk_told(case, 1, FAILED, ActionStatus.DONE, notices_sent=2, notices_failed=1)
    return follow(case, report, minutes(2.1))
