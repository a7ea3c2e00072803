"""Foreign texts: usual, worst-case, hostile and random."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from workflows.domain.values import Text, has_hidden, visible

MARK = "zqx"
"""Part of every hostile token, which distinguishes foreign text from Koban's."""


@dataclass(frozen=True)
class Words:
    """`id` names subjects, `title` is the detector's, `said` a colleague's, `name` a person's.

    `policy` replaces every title of the policy folder; None leaves them unchanged.
    """

    id: str = "u_123"
    title: str = "LINEへの誘導"
    title_en: str = "Moved the buyer to LINE"
    evidence: str = "LINE ID ください https://ex.com/a"
    said: str = "プロフィールと配信で計3回、LINE IDを提示"
    name: str | None = None
    policy: str | None = None
    rule_url: str = "https://rules.example/4.2"

    def titled(self, ja: str, en: str) -> Text:
        """A title of the policy, or this text instead."""
        return Text(ja=ja, en=en) if self.policy is None else Text(ja=self.policy, en=self.policy)


USUAL = Words()

TOKENS = (
    f"<!channel> {MARK}",
    f"<!here|{MARK}>",
    f"<@U1{MARK.upper()}>",
    f"<!subteam^S1{MARK.upper()}>",
    f"<https://{MARK}.example|{MARK}>",
    f"https://{MARK}.example/a",
    f"http://{MARK}.example",
    f"www.{MARK}.com",
    f"mailto:a@{MARK}.jp",
    f"a*{MARK}*b",
    f"a _{MARK}_ b",
    f"a~{MARK}~b",
    f"a`{MARK}`b",
    f"a```{MARK}```b",
    f"\n> {MARK}",
    f"\n>>> {MARK}",
    f":{MARK}:",
    f"@here {MARK}",
    f"@channel {MARK}",
    f"&lt;!channel&gt; {MARK}",
    f"{{{MARK}}}",
    f"%s {MARK} {{0}}",
    "\n",
    "\t",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\u2066",
    "\u200b",
    "\u200d",
    "\ufeff",
    "e\u0301\u0323",
    "עברית ",
    "العربية ",
    "👨\u200d👩\u200d👧\u200d👦",
    "🏴\U000e0067\U000e0062\U000e007f",
    "𠮷",
    "ａｂ．ｃｏｍ",
    "&",
    "<",
    ">",
)
"""Slack's markup, invisible and direction characters, and characters of several units."""

_LONG = "".join(TOKENS)
WORST = Words(
    id=("𠮷" * 250 + "<&*>"),
    title="".join(token for token in TOKENS if "\n" not in token),
    title_en="&<>" * 100,
    evidence=(_LONG + "𠮷" * 1_000 + "&" * 3_000)[:3_000],
    said=("理由" + _LONG + "𠮷" * 1_000 + "&" * 3_000)[:3_000],
    name="<@U1>*" + "𠮷" * 100,
    policy="𠮷" * 120 + "<!channel>*" + "&" * 80,
)
"""The worst case: four-byte characters, entities, markup, and excessive length."""

_PIECES = st.lists(st.sampled_from(TOKENS) | st.text(max_size=8), max_size=12).map("".join)
_EXTREME = st.sampled_from(
    ["&" * 3_000, "<" * 900, "𠮷" * 1_500, "a.b" * 300, "\u0301" * 900, "_a" * 700]
)
TEXTS = _PIECES | st.text(max_size=60) | _EXTREME
"""Any text from outside."""


def an_id(text: str) -> str:
    """The text without what an id must not have."""
    seen = "".join(each for each in visible(text) if not has_hidden(f"x{each}x"))
    return seen.strip(" ")[:256].strip(" ") or "u_1"


IDS = (_PIECES | st.text(min_size=1, max_size=256)).map(an_id)
"""Any valid `alert.Identifier`."""
ANY = st.builds(
    Words,
    id=IDS,
    title=TEXTS,
    title_en=TEXTS,
    evidence=TEXTS,
    said=TEXTS.map(lambda text: f"理由{text}"[:3_000]),
    name=TEXTS,
    policy=st.none() | TEXTS.map(lambda text: text[:400]),
)
"""Any text."""


ROUNDS = tuple(" ".join(TOKENS[n : n + 3]) for n in range(0, len(TOKENS), 3))
"""All tokens in groups of three, which fit into a name."""


NOTHING = replace(USUAL, title="", title_en="", evidence="", said="理由", name="", policy="\u200b")
"""Invisible titles and texts."""


def hostile(token: str) -> Words:
    """One text everywhere."""
    return replace(
        WORST,
        id=an_id(token),
        title=token,
        title_en=token,
        evidence=token,
        said=f"理由 {token}",
        name=token,
        policy=token,
        rule_url=f"https://rules.example/{MARK}|<!channel>",
    )
