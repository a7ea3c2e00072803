"""Check of the Slack workspace: scopes, channels and groups that the policy folder names."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from activities.cache import Cache, CacheMiss
from activities.slack.client import FAILURES
from bot.policies import Policies
from bot.slack.manifest import SCOPES

KEPT = timedelta(minutes=5)
"""Age of an answer that is used again: conversations.list may be called 20 times a minute."""
READ_SECONDS = 60.0
"""Most seconds of one reading, which goes on where its caller gives up."""
_PAGE = 999
_MOST_PAGES = 20
_KINDS = "public_channel,private_channel"


class WorkspaceCheck:
    """Finds what keeps Koban from posting, or a call from reaching anybody."""

    def __init__(
        self,
        web: AsyncWebClient,
        policies: Policies,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._web = web
        self._policies = policies
        self._last = Cache(
            "workspace",
            lambda _: self.problems(),
            KEPT,
            FAILURES,
            clock=clock,
            timeout=READ_SECONDS,
        )

    async def check(self) -> str | None:
        """Returns a sentence for each problem, None without any; reads every five minutes.

        While Slack does not answer, the last answer is returned.
        """
        try:
            return await self._last.get("", patience=READ_SECONDS, first=READ_SECONDS)
        except CacheMiss:
            return None

    async def problems(self) -> str | None:
        """Returns a sentence for each problem, None without any. Raises the client's errors."""
        answer = await self._web.auth_test()
        found = [*_scopes_missing(answer.headers)]
        found += [problem async for problem in self._channels()]
        found += [problem async for problem in self._groups()]
        return " ".join(found) or None

    async def _channels(self) -> AsyncIterator[str]:
        wanted = self._policies.channels()
        try:
            known = await self._known()
        except SlackApiError as refused:
            yield f"Slack refuses to list channels ({_code(refused)}): add the manifest's scopes."
            return
        for name in sorted(wanted):
            problem = _channel_problem(name, known.get(name))
            if problem is not None:
                yield problem

    async def _known(self) -> dict[str, Mapping[str, Any]]:
        """The channels that the app can see, by name and id."""
        known: dict[str, Mapping[str, Any]] = {}
        cursor = ""
        for _ in range(_MOST_PAGES):
            answer = await self._web.conversations_list(
                types=_KINDS, limit=_PAGE, cursor=cursor or None
            )
            for channel in answer["channels"]:
                known |= {str(channel.get("name")): channel, str(channel["id"]): channel}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return known

    async def _groups(self) -> AsyncIterator[str]:
        for role, held in self._policies.roles().roles.items():
            if held.group is None:
                continue
            try:
                answer = await self._web.usergroups_users_list(usergroup=held.group)
                members = answer["users"]
            except SlackApiError as refused:
                yield (
                    f"Slack refuses the group {held.group} of {role.value} ({_code(refused)}): "
                    "change roles.yaml."
                )
                continue
            if not members and not held.users:
                yield f"The group {held.group} of {role.value} has no members: add some."


def _channel_problem(name: str, channel: Mapping[str, Any] | None) -> str | None:
    if channel is None:
        return f"The channel {name} does not exist, or is private: create it, or invite the app."
    if channel.get("is_archived"):
        return f"The channel {name} is archived: restore it, or name another one in the policy."
    if not channel.get("is_member"):
        return f"The app is not in the channel {name}: invite it."
    return None


def _scopes_missing(headers: Mapping[str, str]) -> Iterator[str]:
    """Slack names the token's scopes in a header of each answer."""
    found = {name.lower(): value for name, value in headers.items()}.get("x-oauth-scopes")
    if found is None:
        return
    granted = {scope.strip() for scope in found.split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        yield f"The bot token lacks {', '.join(missing)}: install the app again by the manifest."


def _code(refused: SlackApiError) -> str:
    return str(refused.response.get("error") or "no reason")
