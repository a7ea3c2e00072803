"""The `koban` command: every command has a file of its own beside this one."""

import os
import sys
from importlib import import_module
from typing import NoReturn

import typer

from bot.errors import Stop

EXIT_WRONG_INPUT, EXIT_FAILED, EXIT_INTERRUPTED = 1, 2, 130

COMMANDS = ("serve", "work", "check", "doctor", "send", "audit verify", "audit show", "manifest")
"""As they are typed: `audit show` is the function `show` of `bot/cli/audit_show.py`."""

ABOUT = "Koban: alerts become Slack cards and durable cases."


def make_command_line(wanted: tuple[str, ...] = COMMANDS) -> typer.Typer:
    """The command line with these commands; each imports what it needs, which takes its time."""
    line = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    groups = {"": line}
    line.callback(help=ABOUT)(_options)
    for command in wanted:
        module = import_module(f"bot.cli.{command.replace(' ', '_')}")
        group, _, name = command.rpartition(" ")
        if group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, help="Read the record.")
            line.add_typer(groups[group], name=group)
        groups[group].command(name)(getattr(module, name))
    return line


def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """What stands before a command; `main` has taken it out by then."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits: 0 fine, 1 the input is wrong, 2 something is out of reach."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    # Whoever adds it to a command that failed types it last, which the parser would refuse.
    code = _run([argument for argument in given if argument != "--debug"], debug)
    if arguments is None and "temporalio.bridge.client" in sys.modules:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """Ends at once: threads of Temporal that still wait can crash an interpreter on its way out."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _named(arguments: list[str]) -> tuple[str, ...]:
    """The commands that `arguments` can mean: only those are imported."""
    named = tuple(each for each in COMMANDS if each.split()[0] in arguments[:1])
    return named or COMMANDS


def _run(arguments: list[str], debug: bool) -> int:
    try:
        line = make_command_line(_named(arguments))
        ended = line(arguments, prog_name="koban", standalone_mode=False)
        return ended if isinstance(ended, int) else 0
    except Stop as stop:
        if debug:
            raise
        return _tell(str(stop), stop.exit_code)
    except typer.TyperException as wrong:
        told = wrong.format_message()
        hint = "" if told.startswith("Usage:") else " See koban --help."
        return _tell(told + hint, EXIT_WRONG_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except Exception as unforeseen:
        if debug:
            raise
        kind = type(unforeseen).__name__
        return _tell(f"Koban failed ({kind}): run it again with --debug.", EXIT_FAILED)


def _tell(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
