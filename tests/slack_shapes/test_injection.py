"""Injection checks: each kind is found, and Koban's own markup passes."""

import pytest

from tests.slack_shapes.injection import harm
from tests.slack_shapes.sent import Json, Kind, Sent


def mrkdwn(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def found(text: str) -> list[str]:
    """The harm in a message's text and in a block."""
    whole = list(harm(Sent(Kind.MESSAGE, text)))
    assert len(whole) == len(list(harm(Sent(Kind.MODAL, blocks=(mrkdwn(text),)))))
    return whole


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!channel>", "/text: < that is no token of Koban's in '<!channel>'"),
        ("<@U1ZQX>", "/text: < that is no token of Koban's in '<@U1ZQX>'"),
        (
            "<https://x.example|y>",
            "/text: < that is no token of Koban's in '<https://x.example|y>'",
        ),
        ("a & b", "/text: & that is no token of Koban's in 'a & b'"),
        ("a*zqx*b", "/text: formatting: 'a*zqx'"),
        ("a _zqx_ b", "/text: formatting: 'a _zqx'"),
        ("a`zqx", "/text: formatting: 'a`zqx'"),
        ("a`zqx`b", "/text: formatting: 'a`zqx'"),
        ("a```zqx```b", "/text: formatting: 'a```zqx'"),
        ("`x` zqx`b `y`", "/text: formatting: 'zqx`b'"),
        ("x\n&gt; zqx", "/text: a quotation: '&gt; zqx'"),
        ("@here", "/text: a mention: '@here'"),
        (":zqx:", "/text: an emoji: ':zqx:'"),
        ("https://zqx", "/text: a link: 'https://zqx'"),
        ("www.zqx.com", "/text: a link: 'zqx.com'"),
        ("`https://zqx`", "/text: a link: 'https://zqx'"),
        ("`x` www.zqx.com `y`", "/text: a link: 'zqx.com'"),
        ("`a` a*zqx*b `b`", "/text: formatting: 'a*zqx'"),
        ("`<!here>`", "/text: < that is no token of Koban's in '`<!here>`'"),
        ("`@here`", "/text: a mention: '@here'"),
        ("`a\u202eb`", "/text: hides something: '\\u202e'"),
        ("a\x1bb", "/text: hides something: '\\x1b'"),
        ("a\u202eb", "/text: hides something: '\\u202e'"),
    ],
)
def test_each_kind_of_harm_is_found(text: str, told: str):
    """The fault has place and content."""
    assert told in found(text)


def test_links_are_found_in_plain_text_too():
    """Clients turn plain words into links."""
    rich = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_quote",
                "elements": [{"type": "text", "text": "https://zqx.example"}],
            }
        ],
    }
    label = {"type": "header", "text": {"type": "plain_text", "text": "zqx.com"}}
    assert list(harm(Sent(Kind.MESSAGE, "x", (rich, label)))) == [
        "/blocks/0/elements/0/elements/0/text: a link: 'https://zqx'",
        "/blocks/1/text/text: a link: 'zqx.com'",
    ]


def test_code_is_as_it_was_written():
    """Slack formats nothing in it; in plain text it is no code."""
    assert found("`a*zqx*b`, `www.zqx.com`, `:zqx:`") == []
    label = {"type": "header", "text": {"type": "plain_text", "text": "`zqx.com`"}}
    assert list(harm(Sent(Kind.MESSAGE, "x", (label,)))) == [
        "/blocks/0/text/text: a link: 'zqx.com'"
    ]


def test_preformatted_text_passes():
    """It is exempt, because people copy it."""
    typed = {
        "type": "rich_text_preformatted",
        "elements": [{"type": "text", "text": "https://zqx.example"}],
    }
    assert list(harm(Sent(Kind.MESSAGE, "x", ({"type": "rich_text", "elements": [typed]},)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "*佐藤さん* <!date^1763868190^{time}|12:03> &lt;!channel&gt; &amp;",
        "<!subteam^S0LEAD> <@U0SATO> `/koban help`",
        "<https://koban-demo.slack.com/archives/C0LIVE/p1|K7Q2F9XM0>",
        "<https://rules.example/4.2|MKT-4.2>",
        "a∗zqx∗b hxxps://zqx[.]example @\u2060here :\u2060zqx:",
    ],
)
def test_kobans_own_markup_passes(text: str):
    """Bold, dates, mentions, links and escaped text are no harm."""
    assert found(text) == []
