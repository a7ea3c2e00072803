"""Resale ring: accounts of one group, with a few shared devices and one bank account."""

from deploy.sandbox.traffic.alerts import Scene, alert, user

DEVICES = 3
"""Number of phones that the accounts share."""


def scene(members: int = 24, first: str = "u_ring0") -> Scene:
    """An alert on the first of `members` accounts; the others share its device, bank or address."""
    made = Scene()
    for number in range(members):
        made.things.append(
            user(
                first if number == 0 else f"u_ring{number}",
                number,
                device_id=f"d_ring{number % DEVICES}",
                bank_hash="b_ring" if number % 4 != 3 else f"b_ring{number}",
                address_hash="a_ring" if number < 6 else f"a_ring{number}",
                active_listings=3 + number % 5,
                followers=40 * (number % 7),
            )
        )
    made.alerts.append(
        alert(
            "ring-000001",
            "resale_ring",
            ("user", first),
            ("同じ端末からの大量登録", "Many accounts from one device"),
            score=0.93,
            text="24時間以内に同じ端末から登録されたアカウントが7件あります。",
        )
    )
    return made
