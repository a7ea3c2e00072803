"""People of the workspace: names, languages, roles. Kept for a while, never in the way."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from activities.cache import Away, Cache
from activities.errors import Unavailable
from activities.slack.client import FAILURES, SlackTrouble, trouble
from workflows.domain.case.commands import Grant
from workflows.domain.people import Role
from workflows.domain.policy.roles import Holders, RoleBook
from workflows.domain.values import Language, Value

NAMES_LAST = timedelta(hours=1)
GROUPS_LAST = timedelta(seconds=60)
"""How long somebody who left a group may still act for it."""
NEWEST = 2.0
"""Seconds: several approvals in a row cost one question (usergroups.users.list: 20 a minute)."""
GROUPS_OLDEST = timedelta(minutes=15)
"""How long they may while Slack can't be asked."""
_NO_GROUP = frozenset({"no_such_subteam", "paid_teams_only", "plan_upgrade_required"})
"""A mistyped group must not leave everybody without their roles; some plans have none at all."""
_NO_USER = frozenset({"user_not_found", "user_not_visible", "missing_scope"})
"""Slack has no name for these, however often it is asked."""
_MOST_MENTIONED = 10

Chosen = Callable[[str], Awaitable[Language | None]]
"""The language that a person chose at Koban; None where they follow Slack."""
OnShift = Callable[[], frozenset[str] | None]
"""Who is on shift now; None where nobody can tell, or nobody is."""
Roles = Callable[[], RoleBook]
"""The policy's roles as they are now; it may change while Koban runs."""


class RolesUnknown(Unavailable):
    """Neither Slack nor the configuration can tell what a person may do."""


class Person(Value):
    """One user. `language` is None where Slack does not say."""

    name: str
    language: Language | None = None


class Directory:
    """Asks Slack about people and groups. Safe to share between rooms of one event loop."""

    def __init__(
        self,
        client: AsyncWebClient,
        roles: Roles,
        language: Language,
        clock: Callable[[], float] = time.monotonic,
        chosen: Chosen | None = None,
        on_shift: OnShift | None = None,
    ) -> None:
        """`language` is that of everybody whose own is not known.

        What a person has `chosen` goes before what Slack says; it must not raise.
        """
        self._client = client
        self._chosen = chosen
        self._on_shift = on_shift
        self._roles = roles
        self._language = language
        self._users = Cache("users.info", self._ask_user, NAMES_LAST, (SlackTrouble,), clock=clock)
        self._groups = Cache(
            "usergroups.users.list",
            self._ask_group,
            GROUPS_LAST,
            (SlackTrouble,),
            most=100,
            oldest=GROUPS_OLDEST,
            clock=clock,
        )

    async def name(self, person: str) -> str:
        """The name that Slack shows; the id itself where Slack can't be asked."""
        try:
            return (await self._users.get(person)).name
        except Away:
            return person

    async def names(self, people: Iterable[str | None]) -> dict[str, str]:
        """The names of several people, by id."""
        ids = sorted({person for person in people if person})
        return dict(zip(ids, await asyncio.gather(*map(self.name, ids)), strict=True))

    def is_missing(self, names: Mapping[str, str]) -> bool:
        """Whether an id is in place of a name that Slack can't be asked for now."""
        ids = [person for person, name in names.items() if person == name]
        return any(self._users.age(person) == float("inf") for person in ids)

    async def language(self, person: str) -> Language:
        """The language that a person chose, else the one in which they read Slack."""
        chosen = await self._chosen(person) if self._chosen is not None else None
        if chosen is not None:
            return chosen
        try:
            return (await self._users.get(person)).language or self._language
        except Away:
            return self._language

    async def roles(self, person: str, lasts: float | None = None) -> frozenset[Role]:
        """The roles that a person holds now, read at most `lasts` seconds ago where Slack answers.

        Where a group can't be asked, those that are known count for whom roles.yaml names.

        Raises:
            RolesUnknown: where a group can't be asked and roles.yaml does not name the person.
        """
        book = self._roles()
        named = book.configured(person)
        groups = await asyncio.gather(*(self._group_of(who, lasts) for who in book.roles.values()))
        if None in groups and not named:
            raise RolesUnknown(person)
        members = zip(book.roles, groups, strict=True)
        return named | {role for role, group in members if group is not None and person in group}

    async def grant(self, person: str, newest: bool = False) -> Grant:
        """The same, with the time when the oldest of the groups was read. Raises `RolesUnknown`.

        With `newest` Slack is asked, unless it was a moment ago; where it does not answer, only
        what roles.yaml names counts.
        """
        roles = await self.roles(person, NEWEST if newest else None)
        groups = {who.group for who in self._roles().roles.values() if who.group is not None}
        age = max((self._groups.age(group) for group in groups), default=0.0)
        if newest and age > GROUPS_LAST.total_seconds():
            named = self._roles().configured(person)
            if not named:
                raise RolesUnknown(person)
            return _grant(named, 0.0)
        return _grant(roles, min(age, GROUPS_OLDEST.total_seconds()))

    def granted(self, person: str) -> Grant | None:
        """The person's roles where every group was read within the last minute; asks nobody.

        Groups that were not are asked for beside it, for the next press.
        """
        book = self._roles()
        groups = {role: who.group for role, who in book.roles.items() if who.group is not None}
        found = {role: self._groups.fresh(group) for role, group in groups.items()}
        known = {role: answer for role, answer in found.items() if answer is not None}
        if len(known) < len(found):
            return None
        roles = {role for role, (members, _) in known.items() if person in members}
        age = max((seconds for _, seconds in known.values()), default=0.0)
        return _grant(roles | book.configured(person), age)

    async def _group_of(self, who: Holders, lasts: float | None) -> frozenset[str] | None:
        """The members of its group; None where that can't be told."""
        try:
            return await self._in_group(who, lasts)
        except RolesUnknown:
            return None

    async def members(self, role: Role) -> tuple[str, ...]:
        """Everybody who holds `role` now, by id.

        Raises:
            RolesUnknown: where its group can't be asked and nobody else is named for it.
        """
        who = self._roles().holders(role)
        try:
            return tuple(sorted({*who.users, *await self._in_group(who)}))
        except RolesUnknown:
            if who.users:
                return who.users
            raise

    async def shift(self) -> tuple[str, ...]:
        """Whom a call of the shift reaches: who is on shift now, else every specialist.

        Raises:
            RolesUnknown: where a group has to be asked and can't be.
        """
        on_shift = self._on_shift() if self._on_shift is not None else None
        return tuple(sorted(on_shift)) if on_shift else await self.members(Role.SPECIALIST)

    def mentions(self) -> dict[Role, str]:
        """mrkdwn that calls the people of each role."""
        return {role: _mention(who) for role, who in self._roles().roles.items()}

    def channel(self, role: Role) -> str | None:
        """Where requests for this role go."""
        return self._roles().holders(role).channel

    async def _in_group(self, who: Holders, lasts: float | None = None) -> frozenset[str]:
        if who.group is None:
            return frozenset()
        try:
            return await self._groups.get(who.group, lasts)
        except Away:
            raise RolesUnknown(who.group) from None

    async def _ask_user(self, person: str) -> Person:
        try:
            answer = await self._client.users_info(user=person, include_locale=True)
        except FAILURES as error:
            found = trouble("users.info", error, _NO_USER)
            if found.code not in _NO_USER:
                raise found from None
            return Person(name=person)
        user = answer["user"]
        profile = user.get("profile") or {}
        name = profile.get("display_name") or user.get("real_name") or user.get("name") or person
        return Person(name=name, language=_language(user.get("locale")))

    async def _ask_group(self, group: str) -> frozenset[str]:
        try:
            answer = await self._client.usergroups_users_list(usergroup=group)
        except FAILURES as error:
            failed = trouble("usergroups.users.list", error)
            if failed.code not in _NO_GROUP:
                raise failed from None
            return frozenset()
        return frozenset(answer["users"])


def _grant(roles: Iterable[Role], age: float) -> Grant:
    as_of = datetime.now(UTC) - timedelta(seconds=age)
    return Grant(roles=tuple(sorted(roles)), as_of=as_of)


def _language(locale: str | None) -> Language | None:
    """Slack's locale (`ja-JP`) as a language that Koban speaks."""
    if not locale:
        return None
    return Language.JA if locale.lower().startswith("ja") else Language.EN


def _mention(who: Holders) -> str:
    if who.group is not None:
        return f"<!subteam^{who.group}>"
    return " ".join(f"<@{user}>" for user in who.users[:_MOST_MENTIONED])
