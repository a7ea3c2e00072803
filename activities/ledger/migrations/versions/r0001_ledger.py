"""Migration 0001: all tables of the ledger."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from activities.ledger.schema import BIG_ID, Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    *("alerts", "cases", "policies", "events", "audit", "audit_heads", "actions", "appeals"),
    *("bulk_decisions", "lookups", "covers", "uses", "overruns", "preferences", "automation"),
    *("exposures", "evidence_files", "installation", "clearings", "erasures"),
    *("detectors", "detector_runs", "alert_records", "automatic_actions"),
    *("policy_versions", "policy_changes", "feedback", "snoozes"),
)


def _needed(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=True) for name in names]


def upgrade() -> None:
    """Creates all tables and indexes."""
    op.create_table(
        "alerts",
        *_needed(sa.String(256), "detector", "alert_id"),
        *_needed(sa.String(16), "case_id"),
        *_needed(sa.String(64), "kind", "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        *_optional(sa.Float(), "score"),
        *_needed(Utc(), "occurred_at", "received_at"),
        *_needed(sa.JSON(), "body"),
        *_optional(sa.String(64), "content"),
        sa.PrimaryKeyConstraint("detector", "alert_id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_case_id", "alerts", ["case_id"])
    op.create_table(
        "cases",
        *_needed(sa.String(16), "id"),
        *_needed(sa.String(64), "owner_key"),
        *_needed(sa.String(256), "workflow_id"),
        *_needed(sa.String(64), "playbook", "policy_version"),
        *_needed(sa.JSON(), "title"),
        *_needed(sa.String(64), "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        *_needed(sa.String(16), "severity"),
        *_needed(sa.String(32), "phase"),
        *_optional(sa.String(64), "owner", "decider"),
        *_needed(Utc(), "opened_at"),
        *_optional(Utc(), "claim_due", "decide_due", "approval_expires_at"),
        *_needed(sa.JSON(), "approvers"),
        *_optional(sa.String(32), "approval_purpose"),
        *_optional(sa.JSON(none_as_null=True), "approval_barred"),
        *_optional(sa.String(32), "hold"),
        *_optional(Utc(), "hold_until", "closed_at"),
        *_optional(sa.String(32), "verdict"),
        *_needed(sa.Integer(), "alerts", "version"),
        *_optional(sa.String(80), "channel"),
        *_optional(sa.String(64), "card_channel", "card_ts"),
        *_optional(sa.JSON(none_as_null=True), "snapshot"),
        *_optional(sa.String(160), "snapshot_signature"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_workflow_id", "cases", ["workflow_id"])
    op.create_index("ix_cases_phase", "cases", ["phase"])
    op.create_index("ix_cases_subject", "cases", ["subject_type", "subject_id"])
    op.create_index("ix_cases_channel_opened", "cases", ["channel", "opened_at"])
    op.create_index("ix_cases_opened_at", "cases", ["opened_at", "id"])
    op.create_table(
        "policies",
        *_needed(sa.String(64), "version", "playbook"),
        *_needed(sa.Text(), "data"),
        *_optional(sa.String(160), "signature"),
        sa.PrimaryKeyConstraint("version", "playbook", name="pk_policies"),
    )
    op.create_table(
        "events",
        *_needed(sa.String(16), "case_id"),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        *_needed(Utc(), "at"),
        *_needed(sa.String(64), "kind"),
        *_optional(sa.String(64), "actor"),
        *_optional(sa.JSON(none_as_null=True), "data"),
        *_optional(sa.String(32), "salt"),
        *_needed(sa.String(64), "data_digest", "prev_hash", "hash"),
        sa.PrimaryKeyConstraint("case_id", "seq", name="pk_events"),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_table(
        "audit",
        *_needed(BIG_ID, "id"),
        *_needed(Utc(), "at"),
        *_needed(sa.String(16), "kind"),
        *_needed(sa.String(32), "source"),
        *_needed(sa.String(160), "key"),
        *_needed(sa.String(64), "digest"),
        *_optional(sa.String(32), "salt"),
        *_optional(sa.String(160), "signature"),
        *_optional(BIG_ID, "head"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_head", "audit", ["head"])
    op.create_index("ix_audit_source_key", "audit", ["source", "key"])
    op.create_table(
        "audit_heads",
        sa.Column("number", BIG_ID, autoincrement=False, nullable=False),
        *_needed(Utc(), "at"),
        *_needed(sa.Integer(), "entries"),
        *_needed(sa.String(64), "digest", "prev_hash", "hash"),
        *_optional(sa.String(160), "signature"),
        sa.PrimaryKeyConstraint("number", name="pk_audit_heads"),
    )
    op.create_table(
        "actions",
        *_needed(sa.String(16), "case_id", "decision_id"),
        *_needed(sa.String(64), "action", "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        *_needed(sa.String(32), "status"),
        *_optional(Utc(), "until"),
        *_optional(sa.String(64), "decided_by"),
        *_optional(Utc(), "decided_at"),
        *_optional(sa.JSON(none_as_null=True), "problem"),
        *_needed(sa.Integer(), "life", "version"),
        *_optional(sa.String(16), "bulk_id", "notice"),
        sa.PrimaryKeyConstraint(
            "case_id", "decision_id", "action", "subject_type", "subject_id", name="pk_actions"
        ),
    )
    op.create_index("ix_actions_bulk_id", "actions", ["bulk_id"])
    op.create_index("ix_actions_subject", "actions", ["subject_type", "subject_id"])
    op.create_table(
        "appeals",
        *_needed(sa.String(16), "id"),
        *_needed(sa.String(64), "source"),
        *_needed(sa.String(256), "appeal_id"),
        *_needed(sa.String(16), "case_id"),
        *_optional(sa.String(16), "decision_id"),
        *_optional(sa.String(64), "subject_type"),
        *_optional(sa.String(256), "subject_id"),
        *_needed(sa.Text(), "statement"),
        *_needed(Utc(), "submitted_at", "received_at", "due_at"),
        *_needed(sa.String(32), "state"),
        *_optional(sa.String(64), "owner"),
        *_optional(sa.String(32), "outcome"),
        *_optional(sa.String(64), "answered_by"),
        *_optional(Utc(), "answered_at"),
        *_optional(sa.Text(), "reason"),
        *_needed(sa.Integer(), "version"),
        *_optional(sa.String(64), "card_channel", "card_ts"),
        sa.PrimaryKeyConstraint("id", name="pk_appeals"),
        sa.UniqueConstraint("source", "appeal_id", name="uq_appeals_source_appeal_id"),
    )
    op.create_index("ix_appeals_case_id", "appeals", ["case_id"])
    op.create_index("ix_appeals_state", "appeals", ["state"])
    op.create_table(
        "bulk_decisions",
        *_needed(sa.String(16), "bulk_id"),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        *_needed(sa.String(16), "case_id"),
        *_needed(sa.String(64), "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        sa.PrimaryKeyConstraint("bulk_id", "place", name="pk_bulk_decisions"),
    )
    op.create_index("ix_bulk_decisions_case_id", "bulk_decisions", ["case_id"])
    op.create_index("ix_bulk_decisions_subject", "bulk_decisions", ["subject_type", "subject_id"])
    op.create_table(
        "lookups",
        *_needed(sa.Integer(), "id"),
        *_needed(Utc(), "at"),
        *_needed(sa.String(64), "actor", "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        *_needed(sa.Text(), "why"),
        *_optional(sa.String(16), "case_id"),
        sa.Column("revealed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lookups"),
    )
    op.create_index("ix_lookups_at", "lookups", ["at"])
    op.create_table(
        "covers",
        *_needed(sa.Integer(), "id"),
        *_needed(Utc(), "at"),
        *_needed(sa.String(64), "person", "covers_for"),
        *_needed(sa.String(32), "role"),
        *_needed(Utc(), "until"),
        *_optional(Utc(), "ended_at"),
        *_optional(sa.String(64), "ended_by"),
        sa.PrimaryKeyConstraint("id", name="pk_covers"),
    )
    op.create_index("ix_covers_person", "covers", ["person"])
    op.create_index("ix_covers_covers_for", "covers", ["covers_for"])
    op.create_table(
        "uses",
        *_needed(sa.String(32), "power"),
        *_needed(sa.String(256), "holder", "key"),
        *_needed(sa.Integer(), "amount"),
        *_needed(Utc(), "at"),
        sa.PrimaryKeyConstraint("power", "holder", "key", name="pk_uses"),
    )
    op.create_index("ix_uses_power_holder_at", "uses", ["power", "holder", "at"])
    op.create_table(
        "overruns",
        *_needed(sa.String(32), "power"),
        *_needed(sa.String(256), "holder", "key"),
        *_needed(Utc(), "at"),
        *_optional(sa.String(16), "case_id"),
        *_needed(sa.Integer(), "used", "most", "seconds"),
        *_needed(sa.Boolean(), "alerted"),
        sa.PrimaryKeyConstraint("power", "holder", "key", "at", name="pk_overruns"),
    )
    op.create_index("ix_overruns_at", "overruns", ["at"])
    op.create_table(
        "preferences",
        *_needed(sa.String(64), "person"),
        *_optional(sa.String(8), "language"),
        *_needed(Utc(), "at"),
        sa.PrimaryKeyConstraint("person", name="pk_preferences"),
    )
    op.create_table(
        "installation",
        *_needed(sa.String(64), "id"),
        *_needed(Utc(), "at"),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "automation",
        *_needed(sa.Integer(), "id"),
        *_needed(Utc(), "at"),
        *_needed(sa.String(32), "kind"),
        *_needed(sa.String(64), "actor"),
        *_optional(sa.String(64), "playbook"),
        *_optional(sa.String(256), "detector"),
        *_optional(sa.String(64), "action"),
        *_optional(Utc(), "until"),
        *_optional(sa.String(16), "cause"),
        *_optional(sa.JSON(none_as_null=True), "figures"),
        *_optional(sa.String(16), "case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_automation"),
    )
    op.create_table(
        "exposures",
        *_needed(sa.String(64), "person"),
        *_needed(sa.String(256), "detector", "alert_id"),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        *_needed(sa.String(16), "case_id"),
        *_needed(Utc(), "at"),
        sa.PrimaryKeyConstraint("person", "detector", "alert_id", "item", name="pk_exposures"),
    )
    op.create_index("ix_exposures_person_at", "exposures", ["person", "at"])
    op.create_table(
        "evidence_files",
        *_needed(sa.String(64), "file_id"),
        *_needed(sa.String(256), "detector", "alert_id"),
        *_needed(sa.Integer(), "item"),
        *_needed(Utc(), "at"),
        sa.Column("shown", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        *_optional(sa.String(64), "refused"),
        sa.PrimaryKeyConstraint("file_id", name="pk_evidence_files"),
    )
    op.create_index("ix_evidence_files_at", "evidence_files", ["at"])
    op.create_index("ix_evidence_files_piece", "evidence_files", ["detector", "alert_id", "item"])
    op.create_table(
        "clearings",
        *_needed(sa.String(16), "case_id", "kind"),
        *_needed(Utc(), "at"),
        sa.PrimaryKeyConstraint("case_id", "kind", name="pk_clearings"),
    )
    op.create_table(
        "erasures",
        *_needed(sa.String(160), "id"),
        *_needed(sa.String(16), "kind"),
        *_needed(Utc(), "begun_at"),
        *_optional(Utc(), "ended_at"),
        *_optional(sa.String(64), "actor", "subject_type"),
        *_optional(sa.String(256), "subject_id"),
        *_needed(sa.JSON(), "counts"),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    _create_of_policies()


def _create_of_policies() -> None:
    """Creates the tables of detectors, alerts without a case, and the policy folder."""
    op.create_table(
        "detectors",
        *_needed(sa.String(256), "detector"),
        *_optional(Utc(), "watermark"),
        *_needed(sa.Integer(), "failures"),
        *_optional(Utc(), "failing_since", "retry_at"),
        *_optional(sa.JSON(none_as_null=True), "problem"),
        *_optional(Utc(), "seen_at", "silent_since", "messaged_at"),
        sa.PrimaryKeyConstraint("detector", name="pk_detectors"),
    )
    op.create_table(
        "detector_runs",
        *_needed(sa.String(256), "detector", "run"),
        *_needed(Utc(), "since", "until", "at"),
        *_needed(sa.Float(), "seconds"),
        *_needed(sa.Integer(), "rows", "alerts", "duplicates", "junk"),
        *_needed(sa.JSON(), "examples"),
        *_optional(sa.JSON(none_as_null=True), "problem"),
        *_optional(sa.String(16), "message"),
        sa.PrimaryKeyConstraint("detector", "run", "since", name="pk_detector_runs"),
    )
    op.create_index("ix_detector_runs_detector_at", "detector_runs", ["detector", "at"])
    _create_records()


def _create_records() -> None:
    op.create_table(
        "alert_records",
        *_needed(sa.String(256), "detector", "alert_id"),
        *_needed(sa.String(64), "playbook"),
        *_needed(sa.String(32), "kind"),
        *_needed(sa.String(64), "policy_version"),
        *_needed(Utc(), "at", "occurred_at"),
        *_needed(sa.String(64), "alert_kind", "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        *_optional(sa.Float(), "score"),
        *_needed(sa.String(16), "severity", "band"),
        *_needed(sa.JSON(), "actions"),
        *_optional(sa.String(64), "preset"),
        *_optional(sa.String(16), "case_id"),
        *_optional(sa.JSON(none_as_null=True), "body"),
        sa.PrimaryKeyConstraint("detector", "alert_id", "playbook", name="pk_alert_records"),
    )
    op.create_index("ix_alert_records_playbook_at", "alert_records", ["playbook", "at"])
    op.create_index("ix_alert_records_at", "alert_records", ["at"])
    op.create_table(
        "automatic_actions",
        *_needed(sa.String(16), "case_id", "decision_id"),
        *_needed(sa.String(64), "action"),
        *_needed(sa.String(256), "detector"),
        *_needed(sa.String(64), "playbook"),
        *_needed(sa.String(32), "subject"),
        *_needed(Utc(), "at"),
        *_needed(sa.Boolean(), "sampled"),
        *_optional(Utc(), "undone_at"),
        *_optional(sa.Boolean(), "confirmed"),
        sa.PrimaryKeyConstraint("case_id", "decision_id", "action", name="pk_automatic_actions"),
    )
    counted = ["detector", "action", "at"]
    op.create_index("ix_automatic_actions_detector_action_at", "automatic_actions", counted)
    op.create_index("ix_automatic_actions_subject", "automatic_actions", ["subject"])
    op.create_table(
        "policy_versions",
        *_needed(sa.String(64), "version"),
        *_needed(Utc(), "at"),
        *_needed(sa.Text(), "data"),
        *_optional(sa.String(160), "signature"),
        *_needed(Utc(), "seen_at"),
        sa.PrimaryKeyConstraint("version", name="pk_policy_versions"),
    )
    op.create_table(
        "policy_changes",
        *_needed(sa.Integer(), "id"),
        *_needed(Utc(), "at"),
        *_needed(sa.String(32), "kind"),
        *_optional(sa.String(64), "version_before"),
        *_needed(sa.String(64), "version"),
        *_optional(sa.Integer(), "about"),
        *_optional(sa.String(64), "actor", "git_commit"),
        *_optional(sa.String(256), "git_author", "git_email"),
        *_needed(sa.Boolean(), "restored"),
        *_optional(sa.JSON(none_as_null=True), "git_authors", "playbooks"),
        *_needed(sa.JSON(), "changes"),
        sa.PrimaryKeyConstraint("id", name="pk_policy_changes"),
    )
    op.create_table(
        "feedback",
        *_needed(sa.String(256), "detector", "alert_id"),
        *_needed(sa.String(16), "case_id"),
        *_needed(sa.Integer(), "version"),
        *_needed(sa.String(32), "verdict"),
        *_optional(sa.String(256), "clause"),
        *_needed(Utc(), "decided_at"),
        *_needed(sa.String(16), "source"),
        *_needed(sa.Boolean(), "auto", "overturned"),
        *_needed(Utc(), "queued_at"),
        *_needed(sa.String(16), "status"),
        *_needed(sa.Integer(), "tries"),
        *_optional(Utc(), "tried_at", "next_at"),
        *_optional(sa.JSON(none_as_null=True), "problem"),
        sa.PrimaryKeyConstraint("detector", "alert_id", "case_id", "version", name="pk_feedback"),
    )
    op.create_index(
        "ix_feedback_status_detector_next_at", "feedback", ["status", "detector", "next_at"]
    )
    _create_snoozes()


def _create_snoozes() -> None:
    op.create_table(
        "snoozes",
        *_needed(sa.String(16), "case_id"),
        *_needed(sa.Integer(), "number"),
        *_needed(sa.String(256), "detector"),
        *_needed(sa.String(64), "subject_type"),
        *_needed(sa.String(256), "subject_id"),
        *_needed(sa.String(16), "severity"),
        *_needed(sa.String(64), "actor"),
        *_needed(Utc(), "at", "until"),
        *_optional(Utc(), "ended_at"),
        *_optional(sa.String(64), "ended_by"),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_snoozes"),
    )
    of_subject = ["subject_type", "subject_id", "detector"]
    op.create_index("ix_snoozes_subject", "snoozes", of_subject)
    op.create_index("ix_snoozes_until", "snoozes", ["until"])


def downgrade() -> None:
    """Drops all tables."""
    for table in reversed(TABLES):
        op.drop_table(table)
