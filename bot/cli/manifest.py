"""`koban manifest`: the Slack app, ready to be pasted where Slack asks for a manifest."""

import json
from typing import Annotated
from urllib.parse import urlsplit

import typer

from bot.errors import InputWrong
from bot.slack.manifest import manifest as slack_manifest


def manifest(
    url: Annotated[
        str | None, typer.Option(help="Where Slack reaches koban serve, such as https://HOST.")
    ] = None,
    socket_mode: Annotated[
        bool, typer.Option("--socket-mode", help="Slack needs no address: Koban connects to it.")
    ] = False,
) -> None:
    """Print the Slack app manifest for this deployment."""
    if (url is None) is not socket_mode:
        raise InputWrong("Give either --url https://HOST or --socket-mode.")
    if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
        raise InputWrong("Slack calls https addresses only: write --url https://HOST.")
    print(json.dumps(slack_manifest(url, socket_mode), ensure_ascii=False, indent=2))
