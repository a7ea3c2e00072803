"""`koban check [FOLDER]`: settings and policy, before anything runs on them."""

from pathlib import Path
from typing import Annotated

import typer

from activities.policy.loader import check_folder
from bot.errors import InputWrong
from bot.policies import open_policies
from bot.settings import Settings, load_settings, need


def check(
    folder: Annotated[
        Path | None, typer.Argument(help="The policy folder, if not KOBAN_POLICY.")
    ] = None,
) -> int:
    """Validate the settings and the policy folder; exit 1 on any mistake."""
    settings = load_settings()
    faults = check_folder(folder or _named(settings))
    for fault in faults:
        print(fault)
    if faults:
        return 1
    # Secrets belong to a deployment: a folder that is named is checked by itself.
    unsigned = [] if folder else open_policies(settings).unsigned()
    for sentence in unsigned:
        print(sentence)
    if unsigned:
        return 1
    print(f"{folder or settings.policy}: fine")
    return 0


def _named(settings: Settings) -> Path:
    need(settings, "policy")
    if settings.policy is None:
        raise InputWrong("Name a policy folder.")
    return settings.policy
