"""What stops a command, and the exit code that scripts rely on."""


class Stop(Exception):
    """A command ends here; the message is one sentence that a person can act on."""

    exit_code = 1


class InputWrong(Stop):
    """What the person gave (settings, files, arguments) has to change first."""

    exit_code = 1


class SettingWrong(InputWrong):
    """A setting is missing or wrong. The message names it and never shows its value."""


class NotReachable(Stop):
    """Something that Koban depends on does not answer."""

    exit_code = 2
