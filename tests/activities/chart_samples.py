"""Sample charts for tests."""

from workflows.domain.metrics.report import Bars, Chart, ShareRow, Shares


def chart(hours: int = 24, rows: int = 3, most: int = 12) -> Chart:
    """Chart of a day with a busy evening, in Japanese."""
    labels = tuple(f"{(9 + hour) % 24:02}:00" for hour in range(hours))
    return Chart(
        title="日次レポート 11月24日 09:00 – 11月25日 09:00",
        bars=Bars(
            title="1時間ごとのケース",
            labels=labels,
            first=tuple((hour * 5) % (most + 1) for hour in range(hours)),
            second=tuple((hour * 3) % (most + 1) for hour in range(hours)),
            first_name="受付",
            second_name="完了",
        ),
        shares=Shares(
            title="期限内に判断した割合",
            rows=tuple(
                ShareRow(label=label, met=8, missed=1, overdue=1, said="80%(10件)")
                for label in ("重大", "高", "中", "低")[:rows]
            ),
            met="期限内",
            missed="期限後",
            overdue="未判断（期限超過）",
            nothing="対象のケースはありません",
        ),
        alt="日次レポート",
    )
