"""Errors that end a command, with their exit codes."""


class Stop(Exception):
    """Ends a command; the message is a sentence that an operator can act on."""

    exit_code = 1


class InputWrong(Stop):
    """Settings, files or arguments are wrong."""


class SettingWrong(InputWrong):
    """A setting is missing or wrong. The message names it without its value."""


class NotReachable(Stop):
    """A dependency does not answer."""

    exit_code = 2
