"""A picture of the numbers as data: what stands on it, in words that its reader knows."""

from workflows.domain.model import Value


class Bars(Value):
    """Two bars beside each other for each label; labels may be empty, to leave room."""

    title: str
    labels: tuple[str, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    first_name: str
    second_name: str


class ShareRow(Value):
    """One bar from 0 to 100 %: its three parts as counts, and what stands at its end."""

    label: str
    met: int
    missed: int
    overdue: int
    said: str

    @property
    def of(self) -> int:
        """All of them."""
        return self.met + self.missed + self.overdue


class Shares(Value):
    """How much was in time, a bar a row; `nothing` stands there instead where there is none."""

    title: str
    rows: tuple[ShareRow, ...]
    met: str
    missed: str
    overdue: str
    nothing: str


class Chart(Value):
    """The whole picture. `alt` says in words what it shows."""

    title: str
    bars: Bars
    shares: Shares
    alt: str

    @property
    def words(self) -> str:
        """Every word on it, to see whether a font has all of the letters."""
        return "".join(
            (
                self.title,
                self.bars.title,
                *self.bars.labels,
                self.bars.first_name,
                self.bars.second_name,
                self.shares.title,
                self.shares.met,
                self.shares.missed,
                self.shares.overdue,
                self.shares.nothing,
                *(each for row in self.shares.rows for each in (row.label, row.said)),
            )
        )
