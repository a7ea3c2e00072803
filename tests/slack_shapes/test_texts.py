"""Catalog texts: no text outside of them, and one terminology and style.

Equal keys, equal placeholders and unused keys are checked in
tests/activities/slack/test_texts.py.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from activities.slack.i18n import catalog as module
from activities.slack.i18n.catalog import FOLDER, texts
from workflows.domain.values import Language

ROOT = Path(module.__file__).parents[3]
JA, EN = texts(Language.JA), texts(Language.EN)
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龥]")
ENGLISH = re.compile(r"[A-Za-z]{2,}[ ,][a-z']{2,} [a-z']{2,}")

# What is no text of Koban's: examples of the OpenAPI page, what people type, and Slack's own list
# of commands, which has one description for all languages.
JAPANESE_ALLOWED = {
    "bot/http/appeals.py": "an example of the OpenAPI page",
    "bot/http/models.py": "an example of the OpenAPI page",
    "bot/slack/manifest.py": "Slack's list of commands",
    "bot/slack/commands/parser.py": "words that people may type",
    **{
        f"bot/slack/commands/{name}.py": "the Japanese name of a command"
        for name in ("automation", "cover", "detectors", "find", "open", "playbook", "subject")
    },
}
ENGLISH_ALLOWED = {
    "bot/slack/manifest.py": "Slack's list of commands and apps",
    "bot/slack/workspace.py": "sentences of doctor and readiness, which operators read",
}
UNSEEN = frozenset({"debug", "info", "warning", "error", "exception", "ValueError", "TypeError"})


def literals(tree: ast.Module) -> Iterator[str]:
    """The strings of a module without docstrings, log lines, errors and assertions."""
    left_out = {id(part) for node in ast.walk(tree) for part in _unseen(node)}
    for node in ast.walk(tree):
        seen = isinstance(node, ast.Constant) and id(node) not in left_out
        if seen and isinstance(node.value, str):
            yield node.value


def _unseen(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Raise | ast.Assert):
        yield from ast.walk(node)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        yield from ast.walk(node) if name in UNSEEN else ()


def _found(folders: tuple[str, ...], wanted: re.Pattern[str]) -> set[str]:
    found = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if any(wanted.search(each) for each in literals(tree)):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_the_code_has_no_japanese():
    """It would have no English version and no review."""
    assert _found(("activities", "bot", "workflows"), JAPANESE) == set(JAPANESE_ALLOWED)


def test_the_slack_code_has_no_english_sentences():
    """Logs, exceptions and docstrings are exempt."""
    assert _found(("activities/slack", "bot/slack"), ENGLISH) == set(ENGLISH_ALLOWED)


def test_a_sentence_in_the_code_would_be_found():
    """The check finds one in any kind of expression."""
    tree = ast.parse(
        '"""このモジュール"""\n_log.info("this is logged away")\nraise ValueError("not for you")\n'
        'section("Please press it again")\nsay(f"{name}さん")\n'
    )
    seen = list(literals(tree))
    assert seen == ["Please press it again", "さん"]
    assert ENGLISH.search(seen[0])
    assert JAPANESE.search(seen[1])


def sentences(language: Language) -> Iterator[tuple[str, str]]:
    """Every form of every key."""
    catalog = texts(language)
    for key in sorted(catalog.keys):
        for form in catalog.forms(key):
            yield key, form


NOT_OURS = {
    "アサイン": "担当",
    "クローズ": "完了",
    "チケット": "ケース",
    "アラート": "検知",
    "エビデンス": "検知内容",
    "根拠": "検知内容",
    "シフト": "当番",
    "時計": "期限のカウント",
    "保護": "自動対応",
    "番号": "ID",
    "まとめて判断": "一括で判断",
    "アクション": "措置",
    "ミュート": "コメント制限",
    "アピール": "異議申し立て",
    "リジェクト": "却下",
    "アプルーブ": "承認",
    "リトライ": "再試行",
    "キャンセル": "取り消し・取り下げ",
    "サスペンド": "アカウント停止",
    "オーナー": "担当者",
    "スヌーズ": "保留",
    "マージ": "統合",
    "クレーム": "担当する",
    "リオープン": "再開",
    "アンドゥ": "取り消し",
    "ウォッチ": "フォロー",
    "見守": "フォロー",
    "答え": "回答",
    "ステータス": "状態",
    "エラー": "何が起きたか",
    "例外": "何が起きたか",
    "不正": "責める言葉",
    "違法": "責める言葉",
    "ご注意ください": "何をすればよいか",
    "null": "",
    "None": "",
}
"""Terms that are not used, with their replacements."""
NOT_OURS_IN_ENGLISH = (
    *("invalid", "illegal", "null", "exception", "error", "oops", "abort"),
    *("rings?", "clocks?", "protect(?:ion|ions|s|ed)?", "rehears(?:al|ed|e)", "snooz(?:e|ed)"),
    *("somebody", "anybody", "in your stead"),
)
SAYS_ERROR = {"problem.answered"}
"""The platform's response has the operators' term."""


def test_japanese_uses_the_glossary():
    """Each thing has one term, and no internal one."""
    said = [
        (key, word) for key, form in sentences(Language.JA) for word in NOT_OURS if word in form
    ]
    assert said == [(key, "エラー") for key in SAYS_ERROR]


def test_english_has_no_jargon():
    """Errors have the cause and the next step."""
    wanted = re.compile(rf"(?i)\b(?:{'|'.join(NOT_OURS_IN_ENGLISH)})\b")
    said = {key for key, form in sentences(Language.EN) if wanted.search(form)}
    assert said == SAYS_ERROR


_POLITE = re.compile(
    r"(?:ます|ました|です|でした|ません|ませんでした|ください|でしょうか)(?:（[^（）]*）)?。$"
)
_STATE = re.compile(r"(?:\}|まで)。$")
"""Positions of values and times in a sentence."""


def test_japanese_sentences_are_polite():
    """Every complete sentence ends in です or ます."""
    rude = [
        (key, part)
        for key, form in sentences(Language.JA)
        for part in re.findall(r"[^。]+。", form)
        if not _POLITE.search(part) and not _STATE.search(part)
    ]
    assert rude == []


def test_punctuation_is_the_languages_own():
    """No punctuation of the other language is used."""
    ja = [key for key, form in sentences(Language.JA) if re.search(r"[ぁ-ん一-龥][.,!]", form)]
    en = [key for key, form in sentences(Language.EN) if re.search("[、。「」・]", form)]
    assert (ja, en) == ([], [])


REVIEWED = ("appeal", "line.appeal", "did.appeal", "refusal.own_appeal")


def test_only_appeals_are_reviewed():
    """The approval after an action is a sign-off: 事後承認."""
    said = {key for key, form in sentences(Language.JA) if "再審査" in form}
    assert {key for key in said if not key.startswith(REVIEWED)} == set()


_LATIN_ALONE = re.compile(r"[A-Za-z][ぁ-んァ-ヶ一-龥]|[ぁ-んァ-ヶ一-龥][A-Za-z]")
_IDS = "subject|id|case|into|due|at|until|form|nearest|typed"
_ID_ALONE = re.compile(rf"\{{(?:{_IDS})\}}[ぁ-んァ-ヶ一-龥]|[ぁ-んァ-ヶ一-龥]\{{(?:{_IDS})\}}")


def test_japanese_typography_is_consistent():
    """Brackets and question marks are full-width; ids and Latin words have spaces around them."""
    values = re.compile(r"\{[a-z_]+\}")
    wrong = [
        key
        for key, form in sentences(Language.JA)
        if re.search("[()?!]", form)
        or _LATIN_ALONE.search(values.sub("{}", form))
        or _ID_ALONE.search(form)
        or " さん" in form
    ]
    assert wrong == []


def po_file(language: str) -> Path:
    return FOLDER / f"{language}.po"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_plurals_are_complete(language: str):
    """Japanese has one plural form and English two."""
    with po_file(language).open("rb") as file:
        catalog = read_po(file, locale=language, abort_invalid=True)
    assert catalog.num_plurals == {"ja": 1, "en": 2}[language]
    for message in catalog:
        assert not message.fuzzy or not message.id, message.id
        if isinstance(message.id, tuple):
            assert isinstance(message.string, tuple)
            assert len(message.string) == catalog.num_plurals, message.id
            assert all(message.string), message.id


def test_what_counts_in_one_language_counts_in_both():
    """Both languages have plural forms for the same keys."""
    ja, en = ({key for key in c.keys if _counts(c.forms(key))} for c in (JA, EN))
    assert ja == en


def _counts(forms: tuple[str, ...]) -> bool:
    return any("{count}" in form for form in forms)


def _written(language: str) -> list[str]:
    """The sections and keys of a file in order: `# Cards`, `card.state.open`."""
    lines = po_file(language).read_text(encoding="utf-8").splitlines()
    wanted = (re.fullmatch(r'msgid "(.+)"|(# .+)', line) for line in lines)
    return [found[1] or found[2] for found in wanted if found]


def test_the_languages_have_the_same_sections_and_keys_in_the_same_order():
    """This allows reviews side by side."""
    assert _written("ja") == _written("en")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_key_is_unique(language: str):
    """A duplicate would be dropped silently."""
    written = _written(language)
    assert sorted(written) == sorted(set(written))
    assert {each for each in written if not each.startswith("# ")} == texts(Language(language)).keys
