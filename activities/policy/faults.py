"""What is wrong with a policy folder, in words that say where and what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One mistake. `file` is relative to the folder; `line` counts from 1."""

    file: str
    line: int
    what: str
    write: str

    def __str__(self) -> str:
        """`file:line: what is wrong; what to write`."""
        return f"{self.file}:{self.line}: {self.what}; {self.write}"


class PolicyFaults(Exception):
    """The folder can't be used; every mistake that was found is in `faults`."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """`faults` has at least one."""
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults
