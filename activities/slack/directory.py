"""Directory of the workspace: cached names, languages and roles of people."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from activities.cache import Cache, CacheMiss
from activities.errors import Unavailable
from activities.slack.client import SlackTrouble, answer_of
from workflows.domain.case.commands import Grant
from workflows.domain.case.decision import KOBAN
from workflows.domain.people import Holders, Role, RoleBook
from workflows.domain.values import Language, Value

NAMES_LAST = timedelta(minutes=10)
"""Time for which a guest, or somebody who was deactivated, is not noticed."""
GROUPS_LAST = timedelta(seconds=60)
"""Time for which a former member of a group keeps its role."""
APPROVERS_LAST = 2.0
"""Seconds for which one call serves several approvals (usergroups.users.list: 20 a minute)."""
GROUPS_OLDEST = timedelta(minutes=15)
"""The same while Slack is unreachable."""
_NO_GROUP = frozenset({"no_such_subteam", "paid_teams_only", "plan_upgrade_required"})
"""Codes of a mistyped group, or of a plan without groups: other roles still count."""
_GUEST = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
"""Flags of accounts to which a group gives no role (docs.slack.dev, user objects)."""
HOME_LASTS = timedelta(days=365)
"""A bot token belongs to one workspace."""
_NO_USER = frozenset({"user_not_found", "user_not_visible", "missing_scope"})
"""Codes of a user without a name, also after a retry."""
_MOST_MENTIONED = 10

Chosen = Callable[[str], Awaitable[Language | None]]
"""A person's language setting; None where they follow Slack."""
OnShift = Callable[[], frozenset[str] | None]
"""The people on shift; None where the roster is unknown or the shift empty."""
Roles = Callable[[], RoleBook]
"""The current roles.yaml, which may change while Koban runs."""


class RolesUnknown(Unavailable):
    """Neither Slack nor roles.yaml has a person's roles or a role's members."""


class Person(Value):
    """A user; `language` is None where Slack has none.

    A `guest` is a guest, a bot, a deactivated account, or a stranger of Slack Connect. `team` and
    `enterprise` are the user's workspace and organization.
    """

    name: str
    language: Language | None = None
    guest: bool = False
    team: str | None = None
    enterprise: str | None = None


class HomeWorkspace(Value):
    """The workspace of the bot token, its organization, and the bot's own id."""

    team: str
    enterprise: str | None = None
    bot: str | None = None

    def has(self, team: str | None, enterprise: str | None) -> bool:
        """Whether a workspace is this one, or one of its organization; False without any id."""
        if self.enterprise is not None and enterprise is not None:
            return self.enterprise == enterprise
        return team == self.team


class Directory:
    """Directory of people and groups, one per event loop."""

    def __init__(
        self,
        client: AsyncWebClient,
        roles: Roles,
        language: Language,
        clock: Callable[[], float] = time.monotonic,
        chosen: Chosen | None = None,
        on_shift: OnShift | None = None,
        approvers_last: float = APPROVERS_LAST,
    ) -> None:
        """`language` is the default; `chosen` overrides Slack's, and must not raise."""
        self._approvers_last = approvers_last
        self._client = client
        self._chosen = chosen
        self._on_shift = on_shift
        self._roles = roles
        self._language = language
        self._users = Cache(
            "users.info", self._fetch_user, NAMES_LAST, (SlackTrouble,), clock=clock
        )
        self._home = Cache("auth.test", self._fetch_home, HOME_LASTS, (SlackTrouble,), clock=clock)
        self._groups = Cache(
            "usergroups.users.list",
            self._fetch_group,
            GROUPS_LAST,
            (SlackTrouble,),
            most=100,
            oldest=GROUPS_OLDEST,
            clock=clock,
        )

    async def home(self) -> HomeWorkspace:
        """The workspace of the bot token. Raises `Unavailable` until Slack has answered once."""
        try:
            return await self._home.get("")
        except CacheMiss:
            raise Unavailable("auth.test") from None

    async def name(self, person: str) -> str:
        """The display name; the id while Slack is unreachable."""
        try:
            return (await self._users.get(person)).name
        except CacheMiss:
            return person

    async def names(self, people: Iterable[str | None]) -> dict[str, str]:
        """The names of several people, by id."""
        ids = sorted({person for person in people if person and person != KOBAN})
        return dict(zip(ids, await asyncio.gather(*map(self.name, ids)), strict=True))

    def is_missing(self, names: Mapping[str, str]) -> bool:
        """True where an id stands in for a name that Slack did not return yet."""
        ids = [person for person, name in names.items() if person == name]
        return any(self._users.age(person) == float("inf") for person in ids)

    async def language(self, person: str) -> Language:
        """The language that a person chose, else that of their Slack."""
        chosen = await self._chosen(person) if self._chosen is not None else None
        if chosen is not None:
            return chosen
        try:
            return (await self._users.get(person)).language or self._language
        except CacheMiss:
            return self._language

    async def roles(self, person: str, lasts: float | None = None) -> frozenset[Role]:
        """The roles of a person, read at most `lasts` seconds ago where Slack answers.

        Without an answer the known groups count for people in roles.yaml. Guests, bots,
        deactivated people and those of other workspaces only have the roles under their own id.

        Raises:
            RolesUnknown: Slack does not answer, and the person is not in roles.yaml.
        """
        book = self._roles()
        named = book.configured(person)
        groups = await asyncio.gather(*(self._group_of(who, lasts) for who in book.roles.values()))
        if None in groups and not named:
            raise RolesUnknown(person)
        members = zip(book.roles, groups, strict=True)
        grouped = {role for role, group in members if group is not None and person in group}
        if not grouped - named:
            return named
        belongs = await self._belongs(person, lasts)
        if belongs is None and not named:
            raise RolesUnknown(person)
        return named | grouped if belongs else named

    async def _belongs(self, person: str, lasts: float | None = None) -> bool | None:
        """Whether groups give this person roles; None where Slack does not answer."""
        try:
            return _is_ours(await self._users.get(person, lasts), await self._home.get(""))
        except CacheMiss:
            return None

    async def grant(self, person: str, newest: bool = False) -> Grant:
        """The roles with the time when the oldest group was read. Raises `RolesUnknown`.

        With `newest` groups and account are at most `approvers_last` seconds old, or only
        roles.yaml counts.
        """
        roles = await self.roles(person, self._approvers_last if newest else None)
        groups = {who.group for who in self._roles().roles.values() if who.group is not None}
        age = max((self._groups.age(group) for group in groups), default=0.0)
        named = self._roles().configured(person)
        account = self._users.age(person) if roles - named else 0.0
        if newest and max(age, account) > GROUPS_LAST.total_seconds():
            if not named:
                raise RolesUnknown(person)
            return _grant(named, 0.0)
        return _grant(roles, min(age, GROUPS_OLDEST.total_seconds()))

    def granted(self, person: str) -> Grant | None:
        """The person's roles from the cache, without a wait; None where a group is not fresh.

        Stale groups are refreshed in the background, for the next press.
        """
        book = self._roles()
        groups = {role: who.group for role, who in book.roles.items() if who.group is not None}
        found = {role: self._groups.fresh(group) for role, group in groups.items()}
        known = {role: answer for role, answer in found.items() if answer is not None}
        if len(known) < len(found):
            return None
        roles = {role for role, (members, _) in known.items() if person in members}
        age = max((seconds for _, seconds in known.values()), default=0.0)
        named = book.configured(person)
        if roles - named:
            account, home = self._users.fresh(person), self._home.fresh("")
            if account is None or home is None:
                return None
            roles = roles if _is_ours(account[0], home[0]) else set()
        return _grant(roles | named, age)

    async def _group_of(self, who: Holders, lasts: float | None = None) -> frozenset[str] | None:
        """The members of its group; None where Slack does not answer."""
        if who.group is None:
            return frozenset()
        try:
            return await self._groups.get(who.group, lasts)
        except CacheMiss:
            return None

    async def members(self, role: Role) -> tuple[str, ...]:
        """The ids of a role's members. Raises `RolesUnknown` where nothing has any.

        A member of the group counts until Slack says that the account gives no roles.
        """
        who = self._roles().holders(role)
        group = await self._group_of(who)
        if group is None and not who.users:
            raise RolesUnknown(who.group)
        if group is None:
            return who.users
        others = sorted(group.difference(who.users))
        belongs = await asyncio.gather(*map(self._belongs, others))
        ours = (each for each, is_ours in zip(others, belongs, strict=True) if is_ours is not False)
        return tuple(sorted({*who.users, *ours}))

    async def shift(self) -> tuple[str, ...]:
        """The people on shift, else all specialists. Raises `RolesUnknown`."""
        on_shift = self._on_shift() if self._on_shift is not None else None
        return tuple(sorted(on_shift)) if on_shift else await self.members(Role.SPECIALIST)

    def mentions(self) -> dict[Role, str]:
        """mrkdwn that mentions the members of each role."""
        return {role: _mention(who) for role, who in self._roles().roles.items()}

    def channel(self, role: Role) -> str | None:
        """The channel for requests to a role."""
        return self._roles().holders(role).channel

    async def _fetch_user(self, person: str) -> Person:
        call = self._client.users_info(user=person, include_locale=True)
        try:
            answer = await answer_of("users.info", call, _NO_USER)
        except SlackTrouble as error:
            if error.code not in _NO_USER:
                raise
            # Nothing shows that this account is one of the workspace.
            return Person(name=person, guest=True)
        user = answer["user"]
        profile = user.get("profile") or {}
        name = profile.get("display_name") or user.get("real_name") or user.get("name") or person
        enterprise = (user.get("enterprise_user") or {}).get("enterprise_id")
        return Person(
            name=name,
            language=_language(user.get("locale")),
            guest=any(user.get(flag) for flag in _GUEST),
            team=user.get("team_id"),
            enterprise=enterprise or user.get("enterprise_id"),
        )

    async def _fetch_home(self, _: str) -> HomeWorkspace:
        answer = await answer_of("auth.test", self._client.auth_test())
        return HomeWorkspace(
            team=answer["team_id"],
            enterprise=answer.get("enterprise_id"),
            bot=answer.get("bot_id"),
        )

    async def _fetch_group(self, group: str) -> frozenset[str]:
        call = self._client.usergroups_users_list(usergroup=group)
        try:
            answer = await answer_of("usergroups.users.list", call)
        except SlackTrouble as error:
            if error.code not in _NO_GROUP:
                raise
            return frozenset()
        return frozenset(answer["users"])


def _is_ours(person: Person, home: HomeWorkspace) -> bool:
    return not person.guest and home.has(person.team, person.enterprise)


def _grant(roles: Iterable[Role], age: float) -> Grant:
    as_of = datetime.now(UTC) - timedelta(seconds=age)
    return Grant(roles=tuple(sorted(roles)), as_of=as_of)


def _language(locale: str | None) -> Language | None:
    """The language of a Slack locale (`ja-JP`)."""
    if not locale:
        return None
    return Language.JA if locale.lower().startswith("ja") else Language.EN


def _mention(who: Holders) -> str:
    if who.group is not None:
        return f"<!subteam^{who.group}>"
    return " ".join(f"<@{user}>" for user in who.users[:_MOST_MENTIONED])
