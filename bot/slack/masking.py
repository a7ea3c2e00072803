"""Personal data as it is shown by default: enough to tell two people apart, no more."""


def masked(value: str) -> str:
    """`a***@…` for an e-mail address, else the first character and `***`."""
    if not value:
        return ""
    local, at, _ = value.partition("@")
    if at and local:
        return f"{local[0]}***@…"
    return f"{value[0]}***" if len(value) > 1 else "***"
