"""Tables of the ledger; their names are a contract, because operators query them."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class Utc(sa.TypeDecorator[datetime]):
    """Timestamp in UTC, with its zone on every database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Raises `ValueError` for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes no time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Adds the zone, which SQLite does not store."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Number(sa.TypeDecorator[float]):
    """Float. SQLite's RETURNING gives a whole number as an integer, which has another digest."""

    impl = sa.Float
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Any) -> float | None:
        """The value as a float."""
        return None if value is None else float(value)


BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""64 bits; SQLite numbers only a column of its own INTEGER type by itself."""


def _text(size: int = 256) -> sa.String:
    return sa.String(size)


alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("detector", _text(), primary_key=True),
    sa.Column("alert_id", _text(), primary_key=True),
    sa.Column("case_id", _text(16), nullable=False, index=True),
    sa.Column("kind", _text(64), nullable=False),
    sa.Column("subject_type", _text(64), nullable=False),
    sa.Column("subject_id", _text(), nullable=False),
    sa.Column("score", Number),
    sa.Column("occurred_at", Utc, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("content", _text(64)),
)

alert_records = sa.Table(
    "alert_records",
    metadata,
    sa.Column("detector", _text(), primary_key=True),
    sa.Column("alert_id", _text(), primary_key=True),
    sa.Column("playbook", _text(64), primary_key=True),
    sa.Column("kind", _text(32), nullable=False),
    sa.Column("policy_version", _text(64), nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("occurred_at", Utc, nullable=False),
    sa.Column("alert_kind", _text(64), nullable=False),
    sa.Column("subject_type", _text(64), nullable=False),
    sa.Column("subject_id", _text(), nullable=False),
    sa.Column("score", Number),
    sa.Column("severity", _text(16), nullable=False),
    sa.Column("band", _text(16), nullable=False),
    sa.Column("actions", sa.JSON, nullable=False),
    sa.Column("preset", _text(64)),
    sa.Column("case_id", _text(16)),
    sa.Column("body", sa.JSON(none_as_null=True)),
    sa.Index("ix_alert_records_playbook_at", "playbook", "at"),
    sa.Index("ix_alert_records_at", "at"),
)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", _text(16), primary_key=True),
    sa.Column("owner_key", _text(64), nullable=False),
    sa.Column("workflow_id", _text(), nullable=False, index=True),
    sa.Column("playbook", _text(64), nullable=False),
    sa.Column("policy_version", _text(64), nullable=False),
    sa.Column("title", sa.JSON, nullable=False),
    sa.Column("subject_type", _text(64), nullable=False),
    sa.Column("subject_id", _text(), nullable=False),
    sa.Column("severity", _text(16), nullable=False),
    sa.Column("phase", _text(32), nullable=False, index=True),
    sa.Column("owner", _text(64)),
    sa.Column("decider", _text(64)),
    sa.Column("opened_at", Utc, nullable=False),
    sa.Column("claim_due", Utc),
    sa.Column("decide_due", Utc),
    sa.Column("approval_expires_at", Utc),
    sa.Column("approvers", sa.JSON, nullable=False),
    sa.Column("approval_purpose", _text(32)),
    sa.Column("approval_barred", sa.JSON(none_as_null=True)),
    sa.Column("hold", _text(32)),
    sa.Column("hold_until", Utc),
    sa.Column("closed_at", Utc),
    sa.Column("verdict", _text(32)),
    sa.Column("alerts", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("channel", _text(80)),
    sa.Column("card_channel", _text(64)),
    sa.Column("card_ts", _text(64)),
    sa.Column("snapshot", sa.JSON(none_as_null=True)),
    sa.Column("snapshot_signature", _text(160)),
    sa.Index("ix_cases_subject", "subject_type", "subject_id"),
    sa.Index("ix_cases_channel_opened", "channel", "opened_at"),
    sa.Index("ix_cases_opened_at", "opened_at", "id"),
)

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("version", _text(64), primary_key=True),
    sa.Column("playbook", _text(64), primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("signature", _text(160)),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("case_id", _text(16), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Utc, nullable=False, index=True),
    sa.Column("kind", _text(64), nullable=False),
    sa.Column("actor", _text(64)),
    sa.Column("data", sa.JSON(none_as_null=True)),
    sa.Column("salt", _text(32)),
    sa.Column("data_digest", _text(64), nullable=False),
    sa.Column("prev_hash", _text(64), nullable=False),
    sa.Column("hash", _text(64), nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", BIG_ID, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("kind", _text(16), nullable=False),
    sa.Column("source", _text(32), nullable=False),
    sa.Column("key", _text(160), nullable=False),
    sa.Column("digest", _text(64), nullable=False),
    sa.Column("salt", _text(32)),
    sa.Column("signature", _text(160)),
    sa.Column("head", BIG_ID, index=True),
    sa.Index("ix_audit_source_key", "source", "key"),
)

audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("number", BIG_ID, primary_key=True, autoincrement=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("digest", _text(64), nullable=False),
    sa.Column("prev_hash", _text(64), nullable=False),
    sa.Column("hash", _text(64), nullable=False),
    sa.Column("signature", _text(160)),
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("case_id", _text(16), primary_key=True),
    sa.Column("decision_id", _text(16), primary_key=True),
    sa.Column("action", _text(64), primary_key=True),
    sa.Column("subject_type", _text(64), primary_key=True),
    sa.Column("subject_id", _text(), primary_key=True),
    sa.Column("status", _text(32), nullable=False),
    sa.Column("until", Utc),
    sa.Column("decided_by", _text(64)),
    sa.Column("decided_at", Utc),
    sa.Column("problem", sa.JSON(none_as_null=True)),
    sa.Column("life", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("bulk_id", _text(16), index=True),
    sa.Column("notice", _text(16)),
    sa.Index("ix_actions_subject", "subject_type", "subject_id"),
)

appeals = sa.Table(
    "appeals",
    metadata,
    sa.Column("id", _text(16), primary_key=True),
    sa.Column("source", _text(64), nullable=False),
    sa.Column("appeal_id", _text(), nullable=False),
    sa.Column("case_id", _text(16), nullable=False, index=True),
    sa.Column("decision_id", _text(16)),
    sa.Column("subject_type", _text(64)),
    sa.Column("subject_id", _text()),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("submitted_at", Utc, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("state", _text(32), nullable=False, index=True),
    sa.Column("owner", _text(64)),
    sa.Column("outcome", _text(32)),
    sa.Column("answered_by", _text(64)),
    sa.Column("answered_at", Utc),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("card_channel", _text(64)),
    sa.Column("card_ts", _text(64)),
    sa.UniqueConstraint("source", "appeal_id"),
)

bulk_decisions = sa.Table(
    "bulk_decisions",
    metadata,
    sa.Column("bulk_id", _text(16), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("case_id", _text(16), nullable=False, index=True),
    sa.Column("subject_type", _text(64), nullable=False),
    sa.Column("subject_id", _text(), nullable=False),
    sa.Index("ix_bulk_decisions_subject", "subject_type", "subject_id"),
)

lookups = sa.Table(
    "lookups",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Utc, nullable=False, index=True),
    sa.Column("actor", _text(64), nullable=False),
    sa.Column("subject_type", _text(64), nullable=False),
    sa.Column("subject_id", _text(), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("case_id", _text(16)),
    sa.Column("revealed", sa.Boolean, nullable=False, server_default=sa.false()),
)

covers = sa.Table(
    "covers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("person", _text(64), nullable=False, index=True),
    sa.Column("covers_for", _text(64), nullable=False, index=True),
    sa.Column("role", _text(32), nullable=False),
    sa.Column("until", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    sa.Column("ended_by", _text(64)),
)

uses = sa.Table(
    "uses",
    metadata,
    sa.Column("power", _text(32), primary_key=True),
    sa.Column("holder", _text(), primary_key=True),
    sa.Column("key", _text(), primary_key=True),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Index("ix_uses_power_holder_at", "power", "holder", "at"),
)

overruns = sa.Table(
    "overruns",
    metadata,
    sa.Column("power", _text(32), primary_key=True),
    sa.Column("holder", _text(), primary_key=True),
    sa.Column("key", _text(), primary_key=True),
    sa.Column("at", Utc, primary_key=True),
    sa.Column("case_id", _text(16)),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("most", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("alerted", sa.Boolean, nullable=False),
    sa.Index("ix_overruns_at", "at"),
)

preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("person", _text(64), primary_key=True),
    sa.Column("language", _text(8)),
    sa.Column("at", Utc, nullable=False),
)

automation = sa.Table(
    "automation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("kind", _text(32), nullable=False),
    sa.Column("actor", _text(64), nullable=False),
    sa.Column("playbook", _text(64)),
    sa.Column("detector", _text()),
    sa.Column("action", _text(64)),
    sa.Column("until", Utc),
    sa.Column("cause", _text(16)),
    sa.Column("figures", sa.JSON(none_as_null=True)),
    sa.Column("case_id", _text(16)),
)

automatic_actions = sa.Table(
    "automatic_actions",
    metadata,
    sa.Column("case_id", _text(16), primary_key=True),
    sa.Column("decision_id", _text(16), primary_key=True),
    sa.Column("action", _text(64), primary_key=True),
    sa.Column("detector", _text(), nullable=False),
    sa.Column("playbook", _text(64), nullable=False),
    sa.Column("subject", _text(32), nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("sampled", sa.Boolean, nullable=False),
    sa.Column("undone_at", Utc),
    sa.Column("confirmed", sa.Boolean),
    sa.Index("ix_automatic_actions_detector_action_at", "detector", "action", "at"),
    sa.Index("ix_automatic_actions_subject", "subject"),
)

snoozes = sa.Table(
    "snoozes",
    metadata,
    sa.Column("case_id", _text(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("detector", _text(), nullable=False),
    sa.Column("subject_type", _text(64), nullable=False),
    sa.Column("subject_id", _text(), nullable=False),
    sa.Column("severity", _text(16), nullable=False),
    sa.Column("actor", _text(64), nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("until", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    sa.Column("ended_by", _text(64)),
    sa.Index("ix_snoozes_subject", "subject_type", "subject_id", "detector"),
    sa.Index("ix_snoozes_until", "until"),
)

exposures = sa.Table(
    "exposures",
    metadata,
    sa.Column("person", _text(64), primary_key=True),
    sa.Column("detector", _text(), primary_key=True),
    sa.Column("alert_id", _text(), primary_key=True),
    sa.Column("item", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("case_id", _text(16), nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Index("ix_exposures_person_at", "person", "at"),
)

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", _text(64), primary_key=True),
    sa.Column("at", Utc, nullable=False),
)

evidence_files = sa.Table(
    "evidence_files",
    metadata,
    sa.Column("file_id", _text(64), primary_key=True),
    sa.Column("detector", _text(), nullable=False),
    sa.Column("alert_id", _text(), nullable=False),
    sa.Column("item", sa.Integer, nullable=False),
    sa.Column("at", Utc, nullable=False, index=True),
    sa.Column("shown", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refused", _text(64)),
    sa.Index("ix_evidence_files_piece", "detector", "alert_id", "item"),
)

clearings = sa.Table(
    "clearings",
    metadata,
    sa.Column("case_id", _text(16), primary_key=True),
    sa.Column("kind", _text(16), primary_key=True),
    sa.Column("at", Utc, nullable=False),
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", _text(160), primary_key=True),
    sa.Column("kind", _text(16), nullable=False),
    sa.Column("begun_at", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    sa.Column("actor", _text(64)),
    sa.Column("subject_type", _text(64)),
    sa.Column("subject_id", _text()),
    sa.Column("counts", sa.JSON, nullable=False),
)

detectors = sa.Table(
    "detectors",
    metadata,
    sa.Column("detector", _text(), primary_key=True),
    sa.Column("watermark", Utc),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failing_since", Utc),
    sa.Column("retry_at", Utc),
    sa.Column("problem", sa.JSON(none_as_null=True)),
    sa.Column("seen_at", Utc),
    sa.Column("silent_since", Utc),
    sa.Column("messaged_at", Utc),
)

detector_runs = sa.Table(
    "detector_runs",
    metadata,
    sa.Column("detector", _text(), primary_key=True),
    sa.Column("run", _text(), primary_key=True),
    sa.Column("since", Utc, primary_key=True),
    sa.Column("until", Utc, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("seconds", Number, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("alerts", sa.Integer, nullable=False),
    sa.Column("duplicates", sa.Integer, nullable=False),
    sa.Column("junk", sa.Integer, nullable=False),
    sa.Column("examples", sa.JSON, nullable=False),
    sa.Column("problem", sa.JSON(none_as_null=True)),
    sa.Column("message", _text(16)),
    sa.Index("ix_detector_runs_detector_at", "detector", "at"),
)

policy_versions = sa.Table(
    "policy_versions",
    metadata,
    sa.Column("version", _text(64), primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("signature", _text(160)),
    sa.Column("seen_at", Utc, nullable=False),
)

policy_changes = sa.Table(
    "policy_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("kind", _text(32), nullable=False),
    sa.Column("version_before", _text(64)),
    sa.Column("version", _text(64), nullable=False),
    sa.Column("about", sa.Integer),
    sa.Column("actor", _text(64)),
    sa.Column("git_commit", _text(64)),
    sa.Column("git_author", _text()),
    sa.Column("git_email", _text()),
    sa.Column("restored", sa.Boolean, nullable=False),
    sa.Column("git_authors", sa.JSON(none_as_null=True)),
    sa.Column("playbooks", sa.JSON(none_as_null=True)),
    sa.Column("changes", sa.JSON, nullable=False),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("detector", _text(), primary_key=True),
    sa.Column("alert_id", _text(), primary_key=True),
    sa.Column("case_id", _text(16), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("verdict", _text(32), nullable=False),
    sa.Column("clause", _text()),
    sa.Column("decided_at", Utc, nullable=False),
    sa.Column("source", _text(16), nullable=False),
    sa.Column("auto", sa.Boolean, nullable=False),
    sa.Column("overturned", sa.Boolean, nullable=False),
    sa.Column("queued_at", Utc, nullable=False),
    sa.Column("status", _text(16), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("tried_at", Utc),
    sa.Column("next_at", Utc),
    sa.Column("problem", sa.JSON(none_as_null=True)),
    sa.Index("ix_feedback_status_detector_next_at", "status", "detector", "next_at"),
)
