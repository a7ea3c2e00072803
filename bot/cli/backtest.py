"""`koban backtest` command: the outcome of past alerts by a policy folder."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from activities.backtest.alerts import AlertFiles, LedgerAlerts
from activities.backtest.files import BacktestInputError
from activities.backtest.html import Shown, page
from activities.backtest.run import Alerts, Backtest, People, Progress
from activities.backtest.summary import lines
from activities.ledger.database import LedgerUnavailable
from activities.policy.loader import PolicyFolder, load_policy
from activities.policy.yaml_document import PolicyFaults
from bot.errors import InputWrong, NotReachable
from bot.settings import Settings, load_settings
from workflows.domain.alerts import Alert
from workflows.domain.backtest.report import BacktestReport
from workflows.domain.values import Language, Text

_REDRAW = 0.2
"""Seconds between two states of the progress bar."""

_FOLDER = "A policy folder; the one of KOBAN_POLICY without it."
_Folder = Annotated[Path | None, typer.Argument(help=_FOLDER)]
_ALERTS = "Files of alerts: JSONL, CSV with dotted columns, or Parquet."
_Files = Annotated[list[Path] | None, typer.Option("--alerts", help=_ALERTS)]
_LEDGER = "Alerts of the ledger between two times (UTC): 2026-11-01..2026-11-08."
_Ledger = Annotated[str | None, typer.Option("--ledger", help=_LEDGER)]
_AGAINST = "Another policy folder to compare with."
_Against = Annotated[Path | None, typer.Option(help=_AGAINST)]
_LABELS = "A column of the files with the truth about each alert: 1 or 0."
_Labels = Annotated[str | None, typer.Option(help=_LABELS)]
_PEOPLE = "People who work on cases at any time; none by default."
_People = Annotated[int | None, typer.Option(min=1, max=10_000, help=_PEOPLE)]
_MINUTES = "With --people: minutes that a case takes one of them."
_Minutes = Annotated[float, typer.Option(min=0.1, max=480, help=_MINUTES)]
_JSON = "A file for the result as JSON; - for the standard output."
_Json = Annotated[Path | None, typer.Option("--json", help=_JSON)]
_HTML = "A file for a report that a browser shows and prints."
_Html = Annotated[Path | None, typer.Option("--html", help=_HTML)]


def backtest(
    folder: _Folder = None,
    alerts: _Files = None,
    ledger: _Ledger = None,
    against: _Against = None,
    labels: _Labels = None,
    people: _People = None,
    minutes: _Minutes = 5.0,
    json: _Json = None,
    html: _Html = None,
) -> int:
    """Play past alerts by a policy folder, and count what would have happened."""
    if bool(alerts) == bool(ledger):
        raise InputWrong("Name the alerts by either --alerts or --ledger.")
    if labels is not None and ledger is not None:
        raise InputWrong("--labels is for files; the ledger has the verdicts of people.")
    files = alerts or []
    _check_outputs(files, json, html)
    _check_label(labels)
    settings = load_settings()
    folder = folder or settings.policy
    if folder is None:
        raise InputWrong("Name a policy folder, or set KOBAN_POLICY.")
    new, old = _load(folder), None if against is None else _load(against)
    staff = None if people is None else People(people, minutes)
    signal.signal(signal.SIGTERM, _end)
    try:
        source = _source(settings, files, ledger, labels)
        with _progress() as shown:
            labelled = labels is not None or ledger is not None
            report = Backtest(new, old, staff, labelled).run(source, shown)
    except BacktestInputError as error:
        raise InputWrong(str(error)) from error
    except LedgerUnavailable as error:
        raise NotReachable(f"{error} Start it or set KOBAN_LEDGER__URL.") from error
    titles = _titles(*(each for each in (old, new) if each is not None))
    about = Shown(
        folder=str(folder),
        against=None if against is None else str(against),
        inputs=tuple(each.name for each in files) or (ledger or "",),
        zone=settings.zone,
        made=datetime.now(UTC),
    )
    _write(html, lambda: page(report, titles, about))
    _write(json, lambda: report.model_dump_json(indent=2) + "\n")
    if json != _STDOUT:
        print("\n".join(lines(report, titles, Language.EN)))
    _tell_labels(report, labels)
    _tell_invalid(report)
    return EXIT_INTERRUPTED if report.unfinished else 0


def _check_outputs(files: Iterable[Path], *outputs: Path | None) -> None:
    """Raises `InputWrong` before a long run whose result could not be written."""
    taken = {each.resolve() for each in files}
    for output in outputs:
        if output is None or output == _STDOUT:
            continue
        if output.resolve() in taken:
            raise InputWrong(f"The file {output} is named twice: the result needs its own.")
        if output.is_dir() or not output.resolve().parent.is_dir():
            raise InputWrong(f"The file {output} can't be written: name a file in a folder.")
        taken.add(output.resolve())


def _check_label(label: str | None) -> None:
    """Raises `InputWrong` for a field of alerts: a label is taken out of them."""
    if label is not None and label.split(".")[0] in _FIELDS:
        raise InputWrong(f"--labels names {label}, a field of alerts: name another column.")


_FIELDS = frozenset(Alert.model_fields) - {"attributes"}


def _tell_labels(report: BacktestReport, label: str | None) -> None:
    """Says that no label was understood."""
    found = report.labels
    if label is None or found is None or report.alerts == 0:
        return
    if found.tp + found.fp + found.fn + found.tn == 0:
        print(f"No alert has a label: {label} needs 1 or 0, true or false.", file=sys.stderr)


def _tell_invalid(report: BacktestReport) -> None:
    """Says why alerts are invalid. Raises `InputWrong` if all are."""
    if report.fault is None:
        return
    sentence = f"Invalid alerts: {report.invalid:,}; the first fault is {report.fault}."
    if report.alerts == 0:
        raise InputWrong(f"{sentence} Correct it, or name a column with labels by --labels.")
    print(sentence, file=sys.stderr)


def _end(number: int, _frame: object) -> None:
    """Ends after the cleanup of processes and temporary files."""
    raise SystemExit(128 + number)


_STDOUT = Path("-")
EXIT_INTERRUPTED = 130


def _load(folder: Path) -> PolicyFolder:
    try:
        return load_policy(folder)
    except PolicyFaults as wrong:
        first = wrong.faults[0]
        raise InputWrong(f"{first}. See koban check {folder}.") from wrong


def _source(settings: Settings, files: list[Path], ledger: str | None, label: str | None) -> Alerts:
    if ledger is None:
        return AlertFiles(files, label)
    since, until = _range(ledger)
    return LedgerAlerts(settings.ledger.url.get_secret_value(), since, until)


def _range(written: str) -> tuple[datetime, datetime]:
    first, dots, last = written.partition("..")
    try:
        since, until = (_utc(datetime.fromisoformat(each)) for each in (first, last))
    except (ValueError, OverflowError) as error:
        raise InputWrong(
            "--ledger takes two times with .. between them, such as 2026-11-01..2026-11-08."
        ) from error
    if not dots or since >= until:
        raise InputWrong("The first time of --ledger must be before the second one.")
    return since, until


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _titles(*folders: PolicyFolder) -> dict[str, Text]:
    """The titles of playbooks, actions and presets by their names; those of the last folder."""
    titles: dict[str, Text] = {}
    for folder in folders:
        for playbook in folder.playbooks.values():
            titles |= {each.id: each.title for each in playbook.presets}
        titles |= {name: each.title for name, each in folder.catalog.actions.items()}
        titles |= {name: each.title for name, each in folder.playbooks.items()}
    return titles


def _write(file: Path | None, content: Callable[[], str]) -> None:
    if file is None:
        return
    if file == _STDOUT:
        print(content(), end="")
        return
    try:
        file.write_text(content(), "utf-8")
    except OSError as error:
        raise InputWrong(f"The file {file} can't be written ({error.strerror}).") from error


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, with the time left; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    shown = 0.0

    def show(at: Progress) -> None:
        nonlocal shown
        if at.seconds - shown < _REDRAW and at.done < at.total:
            return
        shown = at.seconds
        print(f"\r{bar(at)}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(file=sys.stderr)


def bar(at: Progress, width: int = 30) -> str:
    """`[###-------] 31% 0:12 left`."""
    share = at.done / at.total if at.total else 1.0
    marks = "#" * round(share * width)
    left = round(at.seconds / share - at.seconds) if share else 0
    return f"[{marks:-<{width}}] {share:>4.0%}  {left // 60}:{left % 60:02} left"
