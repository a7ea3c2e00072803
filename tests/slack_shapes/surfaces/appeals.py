"""Appeals: card, thread and modals."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from activities.slack.cards.appeal import appeal_card, appeal_lines
from bot.slack.appeals import AppealMetadata, answer_view
from tests.slack_shapes.scene import LINK, Scene, Surface
from tests.slack_shapes.sent import Sent, message, view
from tests.slack_shapes.words import Words
from tests.workflows.domain.appeal.builders import MORI, RULES, TITLES, a_decision, a_request
from tests.workflows.domain.builders import REED, T0
from workflows.domain.alerts import Subject
from workflows.domain.appeal import commands as cmd
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal, Appealed
from workflows.domain.appeal.rules import apply_appeal, decide_appeal, received
from workflows.domain.case.appeal_outcome import AppealSettled
from workflows.domain.case.commands import Place
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.case.refusals import Refusal
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.limits import Full, Power
from workflows.domain.values import Text

Steps = tuple[tuple[float, cmd.AppealCommand], ...]
ID = "A0123456789AB"
REFUSED = Problem(kind=ProblemKind.REFUSED, status=404)


class Filed:
    """An appeal with its events; commands are days after T0."""

    def __init__(
        self, words: Words, *steps: tuple[float, cmd.AppealCommand], by: Subject | None = None
    ) -> None:
        titles = TITLES
        if words.policy is not None:
            titles = {name: Text(ja=words.policy, en=words.policy) for name in TITLES}
        request = a_request(statement=words.evidence[:4_000], subject=by)
        self.appeal: Appeal = received(ID, request, RULES, T0, titles)
        self.recorded: list[AppealRecorded] = []
        for day, command in steps:
            outcome = decide_appeal(self.appeal, command, T0 + timedelta(days=day))
            assert not isinstance(outcome, Refusal), outcome
            for event in outcome:
                self.appeal = apply_appeal(self.appeal, event)
                self.recorded.append(AppealRecorded(seq=self.appeal.version, event=event))


def _decision(words: Words) -> Appealed:
    whole = a_decision()
    assert whole.decision is not None
    decision = whole.decision.model_copy(update={"reason": words.said})
    subject = Subject(type="user", id=words.id)
    changed: dict[str, object] = {"decision": decision, "subject": subject}
    if words.policy is not None:
        changed["title"] = Text(ja=words.policy, en=words.policy)
        changed["decision"] = decision.model_copy(update={"policy": words.policy})
    return whole.model_copy(update=changed)


def _file(words: Words) -> tuple[float, cmd.AppealCommand]:
    return 0, cmd.FileAppeal(appealed=_decision(words))


def _settled(left: int = 0, kept: int = 0) -> cmd.SettleAppeal:
    return cmd.SettleAppeal(settled=AppealSettled(appeal=ID, left=left, kept=kept))


_FULL = Full(power=Power.OVERTURNS, holder="U0REED", most=50, within=timedelta(days=1), used=50)


def _states(words: Words) -> dict[str, Callable[[], Steps]]:
    said, file = words.said, _file(words)
    upheld = (file, (1.0, cmd.Uphold(by=REED, reason=said)))
    overturned = (file, (1.0, cmd.Overturn(by=REED, reason=said)))
    received = (0.1, cmd.NoteNotice(notice=NoticeKind.RECEIVED))
    failed = (
        file,
        received,
        upheld[1],
        (1.0, cmd.NoteNotice(notice=NoticeKind.UPHELD, problem=REFUSED)),
    )
    nothing = cmd.FileAppeal(appealed=a_decision(effective=False))
    return {
        "open": lambda: (file,),
        "claimed": lambda: (file, (1, cmd.ClaimAppeal(by=REED))),
        "put back": lambda: (
            file,
            (1, cmd.ClaimAppeal(by=REED)),
            (2, cmd.ReleaseAppeal(by=MORI)),
        ),
        "reminded": lambda: (file, (7, cmd.AppealTick())),
        "overdue": lambda: (file, (1, cmd.ClaimAppeal(by=REED)), (15, cmd.AppealTick())),
        "upheld": lambda: (*upheld, (1, cmd.NoteNotice(notice=NoticeKind.UPHELD))),
        "upheld, not told": lambda: failed,
        "upheld, told again": lambda: (*failed, (2, cmd.RetryNotice(by=REED))),
        "upheld, never told": lambda: (*failed, (60, cmd.AppealTick())),
        "above a limit": lambda: (file, (1, cmd.NoteLimit(by="U0REED", limit=_FULL))),
        "undoing": lambda: overturned,
        "left": lambda: (*overturned, (1, _settled(left=2))),
        "overturned": lambda: (*overturned, (1, _settled())),
        "kept": lambda: (*overturned, (1, _settled(kept=1))),
        "withdrawn": lambda: (file, (1, cmd.WithdrawAppeal())),
        "unknown case": lambda: ((0, cmd.FileAppeal(appealed=None)),),
        "nothing stands": lambda: ((0, nothing),),
    }


def _cards(scene: Scene) -> Iterator[tuple[str, Sent]]:
    received = Filed(scene.words).appeal
    yield "received", message(appeal_card(received, scene.reader, None))
    yield "its thread is closed", message(appeal_card(received, scene.reader, LINK, True))
    for state, steps in _states(scene.words).items():
        filed = Filed(scene.words, *steps())
        yield state, message(appeal_card(filed.appeal, scene.reader, LINK))
    other = Filed(scene.words, _file(scene.words), by=Subject(type="user", id="u_9"))
    yield "of somebody else", message(appeal_card(other.appeal, scene.reader, LINK))


def _threads(scene: Scene) -> Iterator[tuple[str, Sent]]:
    for state, steps in _states(scene.words).items():
        filed = Filed(scene.words, *steps())
        lines = tuple(filed.recorded)
        yield state, message(appeal_lines(lines, filed.appeal, scene.reader))


def _modals(scene: Scene) -> Iterator[tuple[str, Sent]]:
    carried = AppealMetadata(
        appeal=ID,
        version=999_999_999,
        place=Place(channel="C0123456789", thread="1763900000.000100"),
        language=scene.language,
    )
    for name in ("uphold", "overturn"):
        said = scene.words.evidence[:4_000]
        yield name, view(answer_view(name, carried, said, scene.catalog))
        yield f"{name}, not asked", view(answer_view(name, carried, "", scene.catalog))


SURFACES = (
    Surface("appeal card", _cards),
    Surface("appeal thread", _threads),
    Surface("appeal modal", _modals),
)
