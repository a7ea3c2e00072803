"""What a person typed, from what Slack makes of it (app manifest: `should_escape`).

Mentions arrive as `<@U0SATO|sato>`, channels as `<#C0LIVE|ts-live>`, links as `<https://…>` or
`<mailto:…|…>`; every other &, < and > is an entity.
https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import re

_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^<>]*)?>")
_MARK = re.compile(r"<([@#]|!subteam\^|https?:|mailto:|tel:)([^<>|]*)(?:\|([^<>]*))?>")


def as_typed(text: str) -> str:
    """`text` without Slack's marks: an id of the platform may look like a mention or a link."""
    plain = _MARK.sub(_written, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _written(mark: re.Match[str]) -> str:
    kind, target, label = mark[1], mark[2], mark[3]
    if kind in ("@", "#"):
        return f"{kind}{label or target}"
    if label:
        return label
    return f"{kind}{target}" if kind.startswith("http") else target


def mentioned(text: str) -> tuple[str | None, str]:
    """The one person that `text` mentions, and what is left of it; None for none or several."""
    people = _MENTION.findall(text)
    rest = _MENTION.sub(" ", text).strip()
    return (people[0] if len(people) == 1 else None), rest
