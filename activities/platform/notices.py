"""Notice activity: sends a person a text of the policy through the platform's API."""

from temporalio import activity

from activities.platform.activities import retryable
from activities.platform.client import Platform, Refused, TryAgain, UnusableSubject
from activities.platform.requests import fill_json, fill_path
from workflows.domain.case.decision import NoticeWords, person_notice_text
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.values import Text, visible
from workflows.ports.appeals import Notice


class NoticeActivities:
    """Activity of the platform queue that sends notices."""

    def __init__(self, platform: Platform, wording: NoticeWords) -> None:
        """`wording` has the texts that the policy does not."""
        self._platform = platform
        self._wording = wording

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Sends a notice; idempotent over all attempts."""
        values = _values(notice, self._wording)
        call = notice.call
        key = _key(notice)
        try:
            path = fill_path(call.path, {name: value or "" for name, value in values.items()})
            body = None if call.json_ is None else fill_json(dict(call.json_), values)
            await self._platform.change(call.method, path, body, key, None)
        except TryAgain as error:
            raise retryable(error) from error
        except Refused as error:
            return Problem(kind=ProblemKind.REFUSED, status=error.status)
        except UnusableSubject:
            return Problem(kind=ProblemKind.UNUSABLE_SUBJECT)
        return None


def _key(notice: Notice) -> str:
    """The idempotency key; that of a decision is built like those of its actions."""
    if notice.kind is NoticeKind.DECISION:
        return f"{notice.case}/{notice.decision}/notice/{notice.person.id}"
    return f"{notice.case}/{notice.decision}/notice/{notice.appeal}/{notice.kind.value}"


def _values(notice: Notice, wording: NoticeWords) -> dict[str, str | None]:
    facts: dict[str, str | None] = {
        "subject.id": notice.person.id,
        "subject.type": notice.person.type,
        "case.id": notice.case,
        "decision.id": notice.decision,
        "appeal.id": notice.appeal or None,
        "notice": notice.kind.value,
    }
    text = _text(notice, facts, wording)
    return {**facts, "text.ja": text.ja, "text.en": text.en}


def _text(notice: Notice, facts: dict[str, str | None], wording: NoticeWords) -> Text:
    if notice.letter is not None:
        whole = person_notice_text(notice.letter, wording)
        return Text(ja=visible(whole.ja), en=visible(whole.en))
    return _filled(notice.text, {**facts, "reason": visible(notice.reason)})


def _filled(text: Text, values: dict[str, str | None]) -> Text:
    ja, en = (fill_json(f"{each} ", values) for each in (text.ja, text.en))
    return Text(ja=str(ja)[:-1], en=str(en)[:-1])
