"""Look-ups at the platform, as platform.yaml describes them."""

import json
from typing import Any

from activities.errors import Unavailable
from activities.platform.client import Platform, Refused, UnusableSubject
from activities.platform.requests import fill_path
from bot.policies import Policies
from workflows.domain.values import Text, Value, visible

LONGEST = 500
"""Characters of one field: a card's section holds 2,000 (docs.slack.dev, section block)."""

GONE = frozenset({404, 410})


class Fact(Value):
    """One field that the platform shows of a subject."""

    title: Text
    value: str
    personal: bool = False


class LookUps:
    """Subjects, read from the platform's API."""

    def __init__(self, platform: Platform, policies: Policies) -> None:
        self._platform = platform
        self._policies = policies

    async def look_up(self, kind: str, id_: str) -> tuple[Fact, ...] | None:
        """The fields of a subject that platform.yaml shows, None where there is no such subject.

        Raises:
            Unavailable: where the platform does not answer, or refuses to.
        """
        spec = self._policies.lookup(kind)
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
            if refused.status in GONE:
                return None
            raise Unavailable(f"The platform refuses the look-up ({refused.status}).") from refused


def _shown(answer: Any, path: str) -> str | None:
    """The value at a dotted path, None where the answer has nothing there."""
    for step in path.split("."):
        if not isinstance(answer, dict):
            return None
        answer = answer.get(step)
    if answer is None:
        return None
    written = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return visible(written[:LONGEST])
