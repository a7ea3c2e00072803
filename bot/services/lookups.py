"""Subject look-ups on the platform's API, configured in platform.yaml."""

import json
from typing import Any

from activities.errors import Unavailable
from activities.platform.client import Platform, Refused, UnusableSubject
from activities.platform.requests import fill_path
from bot.policies import Policies
from workflows.domain.values import Text, Value, visible

MAX_LENGTH = 500
"""Characters of one field; a section field may have 2,000 (docs.slack.dev, section block)."""

NOT_FOUND = frozenset({404, 410})


class Fact(Value):
    """One field of a subject."""

    title: Text
    value: str
    personal: bool = False


class LookUps:
    """Read access to subjects on the platform."""

    def __init__(self, platform: Platform, policies: Policies) -> None:
        self._platform = platform
        self._policies = policies

    async def look_up(self, kind: str, id_: str) -> tuple[Fact, ...] | None:
        """Returns the fields of a subject, None when it does not exist. Raises `Unavailable`."""
        spec = self._policies.look_ups().lookups.get(kind)
        if spec is None:
            return None
        answer = await self._read(spec.path, id_)
        if answer is None:
            return None
        return tuple(
            Fact(title=field.title, value=shown, personal=field.personal)
            for field in spec.fields
            if (shown := _shown(answer, field.name)) is not None
        )

    async def _read(self, path: str, id_: str) -> Any:
        try:
            return await self._platform.read(fill_path(path, {"id": id_}))
        except UnusableSubject:
            return None
        except Refused as refused:
            if refused.status in NOT_FOUND:
                return None
            raise Unavailable(f"The platform refuses the look-up ({refused.status}).") from refused


def _shown(answer: Any, path: str) -> str | None:
    """The value at a dotted path as text, None when it is missing."""
    for step in path.split("."):
        if not isinstance(answer, dict):
            return None
        answer = answer.get(step)
    if answer is None:
        return None
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return visible(text[:MAX_LENGTH])
