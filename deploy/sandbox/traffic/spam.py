"""Chat spam: alerts of every band, with made-up texts and scores."""

from deploy.sandbox.traffic.alerts import Scene, alert, message, user

SCORES = (0.99, 0.72, 0.4, 0.97, 0.985, 0.65)
"""Decided by Koban, reviewed, recorded, acted upon, decided, reviewed."""
TEXTS = ("今だけ全品90%オフ→プロフへ", "フォローで10万円プレゼント中！", "無料で稼げる副業はこちら")


def scene(count: int) -> Scene:
    """`count` alerts, each about an account of its own."""
    made = Scene()
    for number in range(count):
        account, text = f"u_spam{number}", TEXTS[number % len(TEXTS)]
        words = f"m_spam{number}"
        made.things += [user(account, number), message(words, text, account)]
        sent = alert(
            f"spam-{number}",
            "spam",
            ("user", account),
            ("同じ文面の連続投稿", "The same text posted again and again"),
            score=SCORES[number % len(SCORES)],
            related=(("message", words),),
            text=f"{text} ×{12 + number % 30}",
        )
        made.alerts.append({**sent, "detector": "spam"})
    return made
