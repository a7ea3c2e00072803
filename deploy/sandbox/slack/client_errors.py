"""Error texts of Slack's own client, in the person's language."""

from enum import StrEnum

from deploy.sandbox.slack.blockkit.values import FIELDS, is_empty
from deploy.sandbox.slack.model import Member
from deploy.sandbox.slack.workspace import Workspace


class ClientError(StrEnum):
    PRESSED = "pressed"
    COMMAND = "command"
    SUBMITTED = "submitted"
    HOME = "home"
    GONE = "gone"
    VIEW_GONE = "view_gone"


_TEXTS = {
    ClientError.PRESSED: (
        "このアプリは応答しませんでした。もう一度お試しください。",
        "The app did not respond. Please try again.",
    ),
    ClientError.COMMAND: (
        "アプリが応答しなかったため、コマンドは実行されませんでした。もう一度お試しください。",
        "The command did not run because the app did not respond. Please try again.",
    ),
    ClientError.SUBMITTED: (
        "接続に問題がありました。もう一度お試しください。",
        "We had some trouble connecting. Please try again.",
    ),
    ClientError.HOME: (
        "このアプリのホームを読み込めませんでした。",
        "This app's Home could not be loaded.",
    ),
    ClientError.GONE: (
        "このボタンはもう表示されていません。",
        "This is no longer on the screen.",
    ),
    ClientError.VIEW_GONE: (
        "この画面はすでに閉じられています。",
        "This window has already been closed.",
    ),
}
_REQUIRED = ("この項目は必須です。", "Please complete this required field.")
_TOO_SHORT = ("{n}文字以上で入力してください。", "Please enter at least {n} characters.")
_TOO_LONG = ("{n}文字以内で入力してください。", "Please enter {n} characters or fewer.")
_NO_NUMBER = ("数字を入力してください。", "Please enter a number.")


def _pick(texts: tuple[str, str], locale: str) -> str:
    return texts[0] if locale.startswith("ja") else texts[1]


def show_client_error(workspace: Workspace, member: Member, kind: ClientError) -> str:
    """Shows the error to the person; returns its text."""
    text = _pick(_TEXTS[kind], member.locale)
    workspace.show_error(member.id, text)
    return text


def input_fault(block: dict, value: dict, locale: str) -> str | None:
    """Error of the client's own check of one input, before a submission; None if valid."""
    element = block["element"]
    if is_empty(value):
        return None if block.get("optional") else _pick(_REQUIRED, locale)
    given = value[FIELDS[element["type"]][0]]
    if element["type"] == "number_input" and not _is_number(str(given)):
        return _pick(_NO_NUMBER, locale)
    if element["type"] == "plain_text_input":
        return _length_fault(element, str(given), locale)
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _length_fault(element: dict, text: str, locale: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(text) < least:
        return _pick(_TOO_SHORT, locale).format(n=least)
    if len(text) > most:
        return _pick(_TOO_LONG, locale).format(n=most)
    return None
