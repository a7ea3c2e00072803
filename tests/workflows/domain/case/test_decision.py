"""Text of a notice: all required parts, each once."""

from datetime import timedelta

from tests.workflows.domain.wording import WORDING
from workflows.domain.alerts import Subject
from workflows.domain.case.decision import Automated, Measure, PersonNotice, person_notice_text
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text

CALL = NoticeCall(path="/v1/users/{subject.id}/notices")
U_123 = Subject(type="user", id="u_123")
WARN = Measure(title=Text(ja="警告", en="Warn"))
MUTE = Measure(title=Text(ja="コメント制限", en="Mute"), lasts=timedelta(hours=24))


def letter(frame: str, **values: str) -> PersonNotice:
    """A letter with one text for both languages."""
    said = {name.replace("_", "."): Text(ja=text, en=text) for name, text in values.items()}
    return PersonNotice(person=U_123, call=CALL, frame=Text(ja=frame, en=frame), values=said)


def done(told: PersonNotice, *actions: Measure) -> PersonNotice:
    return told.model_copy(update={"done": actions})


def test_actions_are_told_with_their_time() -> None:
    """In both languages, in their order."""
    told = done(letter("{actions}"), WARN, MUTE)
    assert person_notice_text(told, WORDING) == Text(
        ja="警告、コメント制限（1440分）", en="Warn, Mute (1440 min)"
    )


def test_what_is_put_in_is_not_read_again() -> None:
    """An id that looks like a placeholder stays an id."""
    told = letter("{facts} {subject.id}", facts="事実", subject_id="{facts}{actions}")
    assert person_notice_text(done(told, WARN), WORDING).ja == "事実 {facts}{actions}"


def test_a_placeholder_that_nobody_fills_stays_visible() -> None:
    """A placeholder is better than a gap in the notice."""
    assert person_notice_text(letter("{nothing}"), WORDING).ja == "{nothing}"


def test_what_policy_says_of_automation_is_said_instead() -> None:
    """Koban's default text is used without one."""
    plainly = letter("{automation}").model_copy(update={"automated": Automated.DETECTED})
    assert person_notice_text(plainly, WORDING).en == "decided:detected"
    assert person_notice_text(letter("{automation}", automation="{facts}"), WORDING).en == "{facts}"
