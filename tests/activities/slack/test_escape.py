"""Escaping: external text stays plain text."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.slack.escape import code, mrkdwn, plain, shorten, units

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from([*"<>&*_~`@:/.#!|^\n ahtps", "\u200b", "\u200d", "\ud800", "👨", "。"]),
    ),
    max_size=120,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "<!channel>",
            "<@U1>",
            "@here",
            "https://ex.com/a",
            "HTTP://a.b",
            "www.line.me",
            "line.me/xyz",
            "mailto:a@b.jp",
            "*b*",
            "_i_",
            "~s~",
            "`c`",
            "\n> q",
            ":warning:",
            "&amp;",
            "1.2.3.4",
            " ",
            "あ",
            "👨‍👩‍👧",
        ]
    ),
    max_size=12,
).map("".join)
TEXTS = st.one_of(HOSTILE, PIECES)
LIMITS = st.integers(min_value=1, max_value=80)
ENTITY = re.compile(r"&(?:amp|lt|gt);")
LINK = re.compile(r"(?i)\b(?:https?|ftp|slack)://|mailto:|[\w-]\.[^\W\d_]")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://ex.com/a", "hxxps://ex[.]com/a"),
        ("HTTP://LINE.me/xyz", "HxxP://LINE[.]me/xyz"),
        ("www.foo.co.jp", "www[.]foo[.]co[.]jp"),
        ("line.me/xyz", "line[.]me/xyz"),
        ("例え.テスト", "例え[.]テスト"),
        ("line。me", "line[.]me"),
        ("li\u200bne\u2060.me", "line[.]me"),
        ("http://192.168.0.1/", "hxxp://192[.]168[.]0[.]1/"),
        ("taro@example.com", "taro@example[.]com"),
        ("mailto:taro@example.com", "mailto[:]taro@example[.]com"),
        ("slack://user", "slack[:]//user"),
        ("スコア 0.97、1.5倍。次", "スコア 0.97、1.5倍。次"),
        ("ｅｖｉｌ．ｃｏｍ evil․com", "ｅｖｉｌ[.]ｃｏｍ evil[.]com"),
        ("12:03:10", "12:03:10"),
        ("<!channel> <@U1> *a*", "<!channel> <@U1> *a*"),
        ("a\u202eb\x00", "a\ufffdb\u2400"),
    ],
)
def test_links_are_defanged_and_the_rest_is_kept(written: str, shown: str) -> None:
    """In plain text only links change."""
    assert plain(written, 200) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        ("@here @channel", "@\u2060here @\u2060channel"),
        ("*b* ~s~ `c`", "∗b∗ ∼s∼ ˋcˋ"),
        ("_i_ u_123_x", "＿i＿ u_123_x"),
        ("a\n> q", "a\n› q"),
        (":warning: 12:03:10", ":\u2060warning: 12:03:10"),
    ],
)
def test_nothing_formats_or_mentions(written: str, shown: str) -> None:
    """In mrkdwn, markup characters are replaced."""
    assert mrkdwn(written, 200) == shown


@settings(deadline=None)
@given(TEXTS, LIMITS)
def test_mrkdwn_is_harmless_for_any_text(text: str, limit: int) -> None:
    """The result has no markup, mention or link, and fits the limit."""
    shown = mrkdwn(text, limit)
    assert units(shown) <= limit
    bare = ENTITY.sub(" ", shown)
    assert not set("<>&*~`") & set(bare)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", bare)
    assert not re.search(r"(?m)^\s*&gt;", shown)
    assert not re.search(r"(?i)@(here|channel|everyone)", shown)
    assert not LINK.search(bare)


@settings(deadline=None)
@given(TEXTS, LIMITS)
def test_plain_is_harmless_for_any_text(text: str, limit: int) -> None:
    """The result has no link or invalid character, and fits the limit."""
    shown = plain(text, limit)
    assert units(shown) <= limit
    assert not LINK.search(shown)
    shown.encode("utf-8")


@settings(deadline=None)
@given(TEXTS, LIMITS)
def test_a_cut_leaves_whole_letters(text: str, limit: int) -> None:
    """The cut text is a prefix that ends between two graphemes."""
    shown = shorten(text, limit)
    if shown != text:
        kept = shown.removesuffix("…")
        assert text.startswith(kept)
        rest = text[len(kept) :].lstrip()
        assert not rest or not unicodedata.category(rest[0]).startswith("M")


def test_a_family_is_not_torn_apart() -> None:
    """An emoji of several people is removed as a whole."""
    assert shorten("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 15) == "👨‍👩‍👧‍👦…"


def test_a_cut_makes_no_italics() -> None:
    """An underscore at the end of a cut text could start italics."""
    assert mrkdwn("_ab_cd_ef", 5) == "＿ab＿…"


def test_short_text_is_kept_as_it_is() -> None:
    """Text within the limit has no ellipsis."""
    assert shorten("𠮷野家", 4) == "𠮷野家"
    assert shorten("𠮷野家", 3) == "𠮷…"


@pytest.mark.parametrize(
    "piece", ["\n", " ", "a.", "@", "_", ":a", "<", "あ", "\u200d", "1.", "http"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """200,000 characters take minutes where a pattern tries every pair of places."""
    text = piece * (200_000 // len(piece))
    assert len(mrkdwn(text, 300)) <= 300
    assert len(plain(text, 300)) <= 300


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("alert.score >= 0.9 && a", "`alert.score &gt;= 0.9 &amp;&amp; a`"),
        ("alert.kind != '\u202ex'", "`alert.kind != '\ufffdx'`"),
        ("a\u200bb\x00c\u2066d", "`a\ufffdb\ufffdc\ufffdd`"),
        ("a == '`*x*`'", "`a == ''*x*''`"),
        ("t == 'https://evil.example'", "`t == 'hxxps://evil.example'`"),
        ("t == 'ftp://x' || mailto:a@b", "`t == 'ftp[:]//x' || mailto[:]a@b`"),
        ("<!here> @here", "`&lt;!here&gt; @\u2060here`"),
        ("c ?\n a\u3000:\tb", "`c ? a : b`"),
    ],
)
def test_a_condition_is_shown_as_it_is_written(written: str, shown: str) -> None:
    """Except for what hides something or leads somewhere."""
    assert code(written, 100) == shown
