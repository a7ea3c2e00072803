"""The `koban` command line: imports and runs one command, and maps its errors to exit codes."""

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

import typer

from bot.errors import Stop
from bot.log_setup import set_up_logging

EXIT_WRONG_INPUT, EXIT_FAILED, EXIT_INTERRUPTED = 1, 2, 130

COMMANDS = {
    "serve": "serve",
    "work": "work",
    "check": "setup",
    "doctor": "setup",
    "send": "send",
    "backtest": "backtest",
    "detect": "detect",
    "feedback": "detect",
    "export": "export",
    "audit verify": "audit",
    "audit show": "audit",
    "audit anchor": "audit",
    "audit sign": "audit",
    "erase": "audit",
    "manifest": "setup",
}
"""Commands with their modules: `audit show` is the function `show` of `bot/cli/audit.py`."""

ABOUT = "Koban: alerts become Slack cards and durable cases."


def make_command_line(wanted: Iterable[str] = COMMANDS) -> typer.Typer:
    """Builds the command line with these commands. Importing a command's module takes time."""
    line = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    groups = {"": line}
    line.callback(help=ABOUT)(_options)
    for command in wanted:
        module = import_module(f"bot.cli.{COMMANDS[command]}")
        group, _, name = command.rpartition(" ")
        if group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, help="Read and check the ledger.")
            line.add_typer(groups[group], name=group)
        groups[group].command(name)(getattr(module, name))
    return line


def _options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """Declares `--debug` for the help; `main` has removed it from the arguments."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits: 0 fine, 1 the input is wrong, 2 a dependency is unreachable."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that is not UTF-8 shows \\u8a98 instead of ending the command.
            stream.reconfigure(errors="backslashreplace")
    if arguments is None:
        set_up_logging()  # to stderr: stdout has the command's own output
    # Accepted anywhere: people append it to the command that failed.
    code = _run([argument for argument in given if argument != "--debug"], debug)
    if arguments is None and "temporalio.bridge.client" in sys.modules:
        _exit_now(code)
    sys.exit(code)


def _exit_now(code: int) -> NoReturn:
    """Exits without cleanup: waiting threads of Temporal's client can crash it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _named(arguments: list[str]) -> Iterable[str]:
    """The commands that `arguments` can mean: only those are imported."""
    return [each for each in COMMANDS if each.split()[0] in arguments[:1]] or COMMANDS


def _several(arguments: list[str]) -> list[str]:
    """Repeats `--alerts` before each of its files, so that a pattern of the shell works."""
    spread: list[str] = []
    option = ""
    for argument in arguments:
        if argument.startswith("-"):
            option = argument
        elif option == "--alerts" and spread[-1] != "--alerts":
            spread.append(option)
        spread.append(argument)
    return spread


def _run(arguments: list[str], debug: bool) -> int:
    if arguments[:1] == ["backtest"]:
        arguments = _several(arguments)
    try:
        line = make_command_line(_named(arguments))
        result = line(arguments, prog_name="koban", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except Stop as stop:
        if debug:
            raise
        return _fail(str(stop), stop.exit_code)
    except typer.TyperException as wrong:
        message = wrong.format_message()
        hint = "" if message.startswith("Usage:") else " See koban --help."
        return _fail(message + hint, EXIT_WRONG_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        return _fail(f"Koban failed ({kind}): run it again with --debug.", EXIT_FAILED)


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
