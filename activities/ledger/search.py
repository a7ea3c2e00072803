"""Full-text search over cases: titles, subjects, shown evidence, reasons, notes and ids."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from activities.ledger.database import Repository, Row
from activities.ledger.queries import CHUNK, case_rows
from activities.ledger.rows import status_values, subject_of
from activities.ledger.schema import actions, alerts, cases, events
from workflows.domain.alerts import Subject
from workflows.domain.case.enforcement import IN_FORCE
from workflows.domain.case.events import EVENTS, kinds
from workflows.domain.case.model import Phase

MOST_FOUND = 200
"""Largest offset of a page of results."""

_ESCAPE = "\\"


_IN_ALERTS = ("$.title", "$.attributes")
# As `workflows.domain.alerts.is_hidden`: a search is no way around a reveal.
_SHOWN_TEXTS = '$.evidence[*] ? (@.kind == "text" && !(@.sensitive == true)).text'
_IN_EVENTS = tuple(f"$.{path}" for path in sorted({p for e in EVENTS for p in e.words}))
_WITH_WORDS = sorted(kinds(lambda each: bool(each.words)))


class Search(Repository):
    """Finds cases by text, and subjects with a record."""

    async def cases(self, text: str, prefix: str | None, skip: int, limit: int) -> Sequence[Row]:
        """Cases that contain `text`, or whose id begins with `prefix`, newest first.

        Searches title, subject, texts of evidence that are shown without a reveal, attributes,
        reasons and notes, without regard to the case of ASCII letters.
        """
        query = case_rows().where(sa.or_(*self._anywhere(text, prefix)))
        newest = query.order_by(cases.c.opened_at.desc(), cases.c.id.desc())
        return await self._database.rows(newest.offset(min(skip, MOST_FOUND)).limit(limit))

    async def records(self, subjects: Sequence[Subject]) -> dict[str, tuple[tuple[str, ...], int]]:
        """Open cases and number of active actions by `Subject.key`, for subjects with either.

        Cases about a subject come first, then those whose alerts name it as related.
        """
        open_cases: dict[str, list[str]] = {}
        in_force: dict[str, int] = {}
        for start in range(0, len(subjects), CHUNK):
            part = subjects[start : start + CHUNK]
            rows = [*await self._database.rows(_open_cases(part)), *await self._naming(part)]
            for row in rows:
                found = open_cases.setdefault(subject_of(row).key, [])
                found += [] if row["id"] in found else [row["id"]]
            for row in await self._database.rows(_standing(part)):
                in_force[subject_of(row).key] = row["times"]
        known = {*open_cases, *in_force}
        return {key: (tuple(open_cases.get(key, ())), in_force.get(key, 0)) for key in known}

    async def _naming(self, subjects: Sequence[Subject]) -> Sequence[Row]:
        """Open cases whose alerts name one of the subjects as related, newest first."""
        if self._database.is_sqlite:
            each = sa.func.json_each(alerts.c.body, "$.related").table_valued("value")
            type_, id_ = (sa.func.json_extract(each.c.value, f"$.{key}") for key in ("type", "id"))
        else:
            listed = sa.func.jsonb_path_query(
                sa.cast(alerts.c.body, JSONB), sa.cast("$.related[*]", JSONPATH)
            )
            each = listed.table_valued(sa.column("value", JSONB)).render_derived()
            type_, id_ = (each.c.value[key].astext for key in ("type", "id"))
        pairs = [(one.type, one.id) for one in subjects]
        query = sa.select(cases.c.id, type_.label("subject_type"), id_.label("subject_id"))
        query = query.select_from(cases).join(alerts, alerts.c.case_id == cases.c.id)
        query = query.join(each, sa.true())
        open_ = cases.c.phase != Phase.CLOSED.value
        found = query.where(open_, sa.tuple_(type_, id_).in_(pairs)).distinct()
        return await self._database.rows(
            found.add_columns(cases.c.opened_at).order_by(cases.c.opened_at.desc())
        )

    def _anywhere(self, text: str, prefix: str | None) -> list[sa.ColumnElement[bool]]:
        pattern = f"%{_literally(text)}%"
        seen = sa.select(alerts.c.case_id).where(
            sa.or_(
                *(self._word(alerts.c.body, path, pattern) for path in _IN_ALERTS),
                self._shown(pattern),
            )
        )
        written = sa.select(events.c.case_id).where(
            events.c.kind.in_(_WITH_WORDS),
            sa.or_(*(self._word(events.c.data, path, pattern) for path in _IN_EVENTS)),
        )
        begins = cases.c.id.like(f"{_literally(prefix or '')}%", escape=_ESCAPE)
        return [
            *([] if prefix is None else [begins]),
            cases.c.subject_id.ilike(pattern, escape=_ESCAPE),
            cases.c.title["ja"].as_string().ilike(pattern, escape=_ESCAPE),
            cases.c.title["en"].as_string().ilike(pattern, escape=_ESCAPE),
            cases.c.id.in_(seen),
            cases.c.id.in_(written),
        ]

    def _word(self, column: sa.Column[Any], place: str, pattern: str) -> sa.ColumnElement[bool]:
        """Matches values at a JSON path, and below it, never their keys."""
        if self._database.is_sqlite:
            return _word_of_sqlite(column, place, pattern)
        return _word_of_postgresql(column, f"{place}.**", pattern)

    def _shown(self, pattern: str) -> sa.ColumnElement[bool]:
        """Matches texts of evidence that are not hidden."""
        if not self._database.is_sqlite:
            return _word_of_postgresql(alerts.c.body, _SHOWN_TEXTS, pattern)
        piece = sa.func.json_each(alerts.c.body, "$.evidence").table_valued("value")
        kind, hidden, text = (
            sa.func.json_extract(piece.c.value, f"$.{key}") for key in ("kind", "sensitive", "text")
        )
        shown = sa.and_(kind == "text", hidden.is_distinct_from(1), _like(text, pattern))
        return sa.exists(sa.select(1).select_from(piece).where(shown))


def _word_of_sqlite(column: sa.Column[Any], place: str, pattern: str) -> sa.ColumnElement[bool]:
    tree = sa.func.json_tree(column, place).table_valued("atom")
    return sa.exists(
        sa.select(1).select_from(tree).where(_like(sa.cast(tree.c.atom, sa.Text), pattern))
    )


def _word_of_postgresql(column: sa.Column[Any], path: str, pattern: str) -> sa.ColumnElement[bool]:
    # JSONB decodes what the stored JSON escapes.
    places = sa.cast(path, JSONPATH)
    found = sa.func.jsonb_path_query(sa.cast(column, JSONB), places).column_valued("found")
    scalar = sa.func.jsonb_typeof(found).not_in(("object", "array"))
    value = sa.func.jsonb_build_array(found).op("->>")(0)
    return sa.exists(sa.select(1).where(scalar, _like(value, pattern)))


def _like(value: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    return value.ilike(pattern, escape=_ESCAPE)


def _literally(text: str) -> str:
    """`text` as a LIKE pattern that matches only itself."""
    for sign in (_ESCAPE, "%", "_"):
        text = text.replace(sign, _ESCAPE + sign)
    return text


def _among(table: sa.Table, subjects: Sequence[Subject]) -> sa.ColumnElement[bool]:
    pair = sa.tuple_(table.c.subject_type, table.c.subject_id)
    return pair.in_([(each.type, each.id) for each in subjects])


def _open_cases(subjects: Sequence[Subject]) -> sa.Select[Any]:
    query = sa.select(cases.c.id, cases.c.subject_type, cases.c.subject_id)
    still = query.where(_among(cases, subjects), cases.c.phase != Phase.CLOSED.value)
    return still.order_by(cases.c.opened_at.desc())


def _standing(subjects: Sequence[Subject]) -> sa.Select[Any]:
    subject = (actions.c.subject_type, actions.c.subject_id)
    query = sa.select(*subject, sa.func.count().label("times")).where(
        _among(actions, subjects),
        actions.c.status.in_(status_values(IN_FORCE)),
    )
    return query.group_by(*subject)
