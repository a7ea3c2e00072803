"""Shill bidding: a weighted rule over real bidder records, with its precision and recall."""

from dataclasses import dataclass

from deploy.sandbox.traffic.alerts import Scene, alert, auction, user
from deploy.sandbox.traffic.records import Record, records

WEIGHTS = {
    "Successive_Outbidding": 0.50,
    "Bidding_Ratio": 0.25,
    "Winning_Ratio": 0.15,
    "Bidder_Tendency": 0.10,
}
"""Outbidding oneself is the strongest sign; the weights were set by hand, not fitted."""
THRESHOLD = 0.4


@dataclass(frozen=True)
class Quality:
    """Quality of a rule against labels. Precision = hits ÷ flagged, recall = hits ÷ shills."""

    hits: int
    flagged: int
    shills: int

    @property
    def precision(self) -> float:
        """Share of shills among the flagged records."""
        return self.hits / self.flagged

    @property
    def recall(self) -> float:
        """Share of flagged records among the shills."""
        return self.hits / self.shills


def score(record: Record) -> float:
    """0..1: the weighted sum of four features."""
    return sum(weight * float(record[name]) for name, weight in WEIGHTS.items())


def quality(threshold: float = THRESHOLD) -> Quality:
    """The rule on all records, which flatters it: its threshold was chosen on them."""
    rows = records("shill_bidding")
    flagged = [row for row in rows if score(row) >= threshold]
    return Quality(
        hits=sum(row["Class"] == "1" for row in flagged),
        flagged=len(flagged),
        shills=sum(row["Class"] == "1" for row in rows),
    )


def scene(count: int, skip: int = 0) -> Scene:
    """The alerts of `count` flagged records, in the data's order."""
    flagged = [row for row in records("shill_bidding") if score(row) >= THRESHOLD]
    made = Scene()
    for row in flagged[skip : skip + count]:
        bidder, lot = f"u_bid{row['Record_ID']}", f"a_{row['Auction_ID']}"
        made.things += [user(bidder, int(row["Record_ID"])), auction(lot, 12)]
        made.alerts.append(
            alert(
                f"shill-{row['Record_ID']}",
                "shill_bidding",
                ("user", bidder),
                ("入札の吊り上げの疑い", "Suspected shill bidding"),
                score=score(row),
                related=(("auction", lot),),
                text=_evidence(row),
                **{name.lower(): round(float(row[name]), 3) for name in WEIGHTS},
            )
        )
    return made


def _evidence(row: Record) -> str:
    outbidding, ratio = float(row["Successive_Outbidding"]), float(row["Bidding_Ratio"])
    return f"自分の入札への連続上乗せ {outbidding:.0%} · 全入札に占める割合 {ratio:.0%}"
