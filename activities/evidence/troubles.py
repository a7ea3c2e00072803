"""Why an image can't be shown."""

from enum import StrEnum


class Why(StrEnum):
    """The reasons that a person is told."""

    FORBIDDEN = "forbidden"
    GONE = "gone"
    AWAY = "away"
    TOO_LARGE = "too_large"
    NO_IMAGE = "no_image"

    @property
    def passes(self) -> bool:
        """Whether it may be otherwise in a moment."""
        return self is Why.AWAY


class NotFetched(Exception):
    """An image that was not fetched. The message never repeats its address."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why
