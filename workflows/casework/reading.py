"""What a workflow tells to whoever asks, without a trace in its history.

A query would be the usual way. But one that comes while a local activity is under way ends the
workflow task before the activity (temporalio 1.35): when the history is played again, the answer
of the activity comes in another order than it did, and the workflow stands still for good. So
whoever wants to know asks for an update that is refused, and the answer is the reason: Temporal
keeps nothing of a refused update, and waits for local activities as for any other task.
"""

from abc import ABC, abstractmethod

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.domain.model import Value

TOLD = "told"
"""The type of the error that is an answer."""


def told(answer: Value | None) -> ApplicationError:
    """The refusal that carries `answer`."""
    return ApplicationError("this is an answer", answer, type=TOLD)


class Readable(ABC):
    """A workflow that can be asked. No question has arguments: they would have to be decrypted."""

    @abstractmethod
    def memory(self) -> Value:
        """Everything that it knows now."""

    def newest(self) -> Value | None:
        """What a write to Slack that waited for long should show by now."""
        return None

    @workflow.update
    def read_memory(self) -> None:
        """Is refused with `memory`."""
        self._tell_memory()

    @read_memory.validator
    def _tell_memory(self) -> None:
        raise told(self.memory())

    @workflow.update
    def read_newest(self) -> None:
        """Is refused with `newest`."""
        self._tell_newest()

    @read_newest.validator
    def _tell_newest(self) -> None:
        raise told(self.newest())

    @workflow.update
    def reached(self) -> None:
        """Is refused once a worker got there."""
        self._tell_nothing()

    @reached.validator
    def _tell_nothing(self) -> None:
        raise told(None)
