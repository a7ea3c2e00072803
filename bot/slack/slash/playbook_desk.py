"""`/koban playbook`: one playbook as people read it, or all of them."""

import difflib
from collections.abc import Sequence

from bot.services.slack import Services
from bot.slack.replies import Said
from bot.slack.slash import pages
from bot.slack.slash.asked import Asked
from bot.slack.slash.grammar import ShowPlaybook
from bot.slack.slash.playbook_page import playbook_page, playbooks_page
from workflows.domain.playbook.model import Playbook


class PlaybookDesk:
    """Reads the policy folder to people."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def answer(self, line: ShowPlaybook, asked: Asked) -> Said:
        """The playbook that was meant, the nearest name, or the list."""
        playbooks = self._services.policies.playbooks()
        if line.name is None:
            return playbooks_page(playbooks, asked.texts)
        found = playbook_named(line.name, playbooks)
        if found is not None:
            return playbook_page(found, self._services.policies.catalog(), asked.texts)
        near = nearest_playbook(line.name, playbooks)
        nearest = "playbook" if near is None else f"playbook {near}"
        return pages.unknown_page(asked.texts, f"playbook {line.name}", nearest)


def playbook_named(name: str, playbooks: Sequence[Playbook]) -> Playbook | None:
    """By its name or its title in either language; `name` is plain already."""
    return next((each for each in playbooks if name in _names(each)), None)


def nearest_playbook(name: str, playbooks: Sequence[Playbook]) -> str | None:
    """The name of the playbook that may have been meant."""
    names = {word: each.playbook for each in playbooks for word in _names(each)}
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return names[near[0]] if near else None


def _names(playbook: Playbook) -> tuple[str, ...]:
    titles = (playbook.title.ja, playbook.title.en)
    return (playbook.playbook, *(title.casefold() for title in titles))
