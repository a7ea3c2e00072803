"""The numbers in words, each with its denominator: for `/koban stats`, App Home and reports."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from activities.slack.escape import mrkdwn, one_line
from activities.slack.text.texts import Catalog
from workflows.domain.numbers.model import Backlog, Numbers, PlaybookCount, Sla, Spread
from workflows.domain.playbook.model import Severity
from workflows.domain.text import Text

MOST_PLAYBOOKS = 5
_TITLE = 60


def flow(numbers: Numbers, texts: Catalog) -> str:
    """`受付 12件 · 完了 9件 · 引き継ぎ 2件`."""
    parts = [
        texts.say("numbers.opened", count=numbers.opened),
        texts.say("numbers.closed", count=numbers.closed),
    ]
    if numbers.handed_over:
        parts.append(texts.say("numbers.handed_over", count=numbers.handed_over))
    return " · ".join(parts)


def now(numbers: Numbers, texts: Catalog) -> str:
    """What is open: `未完了 5件(期限超過 1件): 重大 2 · 高 3`."""
    backlog = numbers.backlog
    total = texts.say("numbers.open", count=backlog.total, late=backlog.late)
    parts = [_open(severity, backlog, texts) for severity in Severity if backlog.open.get(severity)]
    return texts.say("numbers.list", what=total, parts=" · ".join(parts)) if parts else total


def _open(severity: Severity, backlog: Backlog, texts: Catalog) -> str:
    late = backlog.overdue.get(severity, 0)
    words = {"severity": texts.say(f"severity.{severity}"), "open": backlog.open[severity]}
    if late:
        return texts.say("numbers.open.late", late=late, **words)
    return texts.say("numbers.open.of", **words)


def decisions(numbers: Numbers, texts: Catalog) -> str:
    """`判断 8件: 違反 6 · 違反なし 2`."""
    total = texts.say("numbers.decided", count=numbers.decided)
    parts = [
        texts.say("numbers.count", what=texts.say(f"verdict.{verdict}"), of=count)
        for verdict, count in numbers.decisions.items()
    ]
    return texts.say("numbers.list", what=total, parts=" · ".join(parts)) if parts else total


def in_time(numbers: Numbers, texts: Catalog) -> str:
    """`判断期限 80%(4/5件): 重大 2/2 · 高 2/3`: in time, of all that were to be."""
    total = numbers.sla_total
    if total.share is None:
        return texts.say("numbers.sla.none")
    said = texts.say("numbers.sla", share=percent(total, texts), met=total.met, count=total.of)
    parts = [
        texts.say(
            "numbers.sla.of", severity=texts.say(f"severity.{severity}"), met=each.met, all=each.of
        )
        for severity, each in numbers.sla.items()
    ]
    return texts.say("numbers.list", what=said, parts=" · ".join(parts))


def percent(sla: Sla, texts: Catalog) -> str:
    """`80%`; rounded down, so that 100 % is only said where nothing was late."""
    return f"{int((sla.share or 0) * 100)}%"


def speed(numbers: Numbers, texts: Catalog) -> tuple[str, str]:
    """To the first action at the platform, from detection; and to the decision, from opening."""
    return (
        _spread("numbers.ttfa", numbers.ttfa, texts),
        _spread("numbers.ttd", numbers.ttd, texts),
    )


def age(numbers: Numbers, texts: Catalog) -> str:
    """How old what is open is."""
    return _spread("numbers.age", numbers.backlog.age, texts)


def approvals(numbers: Numbers, texts: Catalog) -> str:
    """`承認 2 · 却下 1 · 期限切れ 0 · 承認待ち 1`."""
    each = numbers.approvals
    return texts.say(
        "numbers.approvals",
        given=each.given,
        refused=each.refused,
        expired=each.expired,
        waiting=each.waiting,
    )


def protections(numbers: Numbers, texts: Catalog) -> str:
    """`自動の保護 開始 3 · 解除 2 · 確定 1 · 実施中 1`."""
    each = numbers.protections
    return texts.say(
        "numbers.protections",
        started=each.started,
        lifted=each.lifted,
        confirmed=each.confirmed,
        running=each.running,
    )


def playbooks(numbers: Numbers, titles: Mapping[str, Text], texts: Catalog) -> Iterator[str]:
    """The busiest playbooks, a line each, and how many there are besides."""
    for each in numbers.playbooks[:MOST_PLAYBOOKS]:
        yield _playbook(each, titles, texts)
    more = len(numbers.playbooks) - MOST_PLAYBOOKS
    if more > 0:
        yield texts.say("numbers.playbooks.more", count=more)


def _playbook(each: PlaybookCount, titles: Mapping[str, Text], texts: Catalog) -> str:
    title = titles.get(each.playbook)
    named = title.in_(texts.language) if title else each.playbook
    return texts.say(
        "numbers.playbook",
        title=mrkdwn(one_line(named), _TITLE),
        opened=each.opened,
        decided=each.decisions,
    )


def _spread(key: str, spread: Spread, texts: Catalog) -> str:
    if spread.p50 is None or spread.p95 is None:
        return texts.say(f"{key}.none")
    return texts.say(
        key, p50=lasting(spread.p50, texts), p95=lasting(spread.p95, texts), count=spread.of
    )


def lasting(lasts: timedelta, texts: Catalog) -> str:
    """A duration as precise as anybody needs: seconds below an hour, minutes below a day."""
    seconds = int(lasts.total_seconds())
    if seconds >= 86_400:
        seconds -= seconds % 3_600
    elif seconds >= 3_600:
        seconds -= seconds % 60
    return texts.duration(timedelta(seconds=seconds))
