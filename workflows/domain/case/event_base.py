"""What every event has."""

from datetime import datetime

from workflows.domain.values import Value


class EventBase(Value):
    """Every event: when, and by whom (None: by Koban itself)."""

    at: datetime
    by: str | None = None
