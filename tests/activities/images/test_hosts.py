"""Allowed image hosts: the URL in an alert can't reach the internal network."""

import pytest

from activities.image_decoder import FetchFailure, NotFetched
from activities.images import AllowedHosts, Target, is_public

HOSTS = frozenset({"images.market.example"})


async def public(host: str) -> list[str]:
    return ["203.0.114.7"]


async def inside(host: str) -> list[str]:
    return ["203.0.114.7", "10.0.0.7"]


async def nowhere(host: str) -> list[str]:
    raise OSError("no such host")


ALLOWED = AllowedHosts("https://api.market.example/base", public)


async def test_a_listed_host_is_reached_by_the_checked_address() -> None:
    """A DNS change after the check has no effect."""
    place = await ALLOWED.resolve("https://images.market.example/a.png?sig=1", HOSTS)
    assert (str(place.url), place.address) == (
        "https://images.market.example/a.png?sig=1",
        "203.0.114.7",
    )


async def test_the_platform_itself_needs_no_listing() -> None:
    """Its own path and port are allowed, even inside the network."""
    place = await AllowedHosts("http://127.0.0.1:8470/market", inside).resolve(
        "http://127.0.0.1:8470/market/images/a.png", frozenset()
    )
    assert place == Target(place.url, None)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/a.png",
        "https://images.market.example.evil.example/a.png",
        "https://sub.images.market.example/a.png",
        "http://images.market.example/a.png",
        "https://images.market.example:8443/a.png",
        "https://user:word@images.market.example/a.png",
        "https://images.market.example@evil.example/a.png",
        "https://images.market.example\\@evil.example/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/a.png",
        "https://2130706433/a.png",
        "https://api.market.example/a.png",
        "https://api.market.example/based/a.png",
        "http://api.market.example/base/a.png",
        "https://api.market.example:444/base/a.png",
        "https://x@api.market.example/base/a.png",
        "https://api.market.example/base/../admin",
        "https://api.market.example/base/%2e%2e/admin",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//images.market.example/a.png",
        "images.market.example/a.png",
        "https://",
        "",
        "https://images.market.example:99999999/",
        "https://ex ample/\x00",
    ],
)
async def test_everything_else_is_forbidden(address: str) -> None:
    """A forbidden URL is refused without a DNS lookup."""
    with pytest.raises(NotFetched) as refused:
        await ALLOWED.resolve(address, HOSTS)
    assert refused.value.why is FetchFailure.FORBIDDEN
    assert address not in str(refused.value) or address == ""


async def test_a_listed_host_that_leads_inside_is_forbidden() -> None:
    """One private address among several is enough."""
    with pytest.raises(NotFetched) as refused:
        await AllowedHosts("https://api.market.example", inside).resolve(
            "https://images.market.example/a.png", HOSTS
        )
    assert refused.value.why is FetchFailure.FORBIDDEN


async def test_a_host_that_is_not_found_can_be_tried_again() -> None:
    """A DNS failure may be temporary."""
    with pytest.raises(NotFetched) as refused:
        await AllowedHosts("https://api.market.example", nowhere).resolve(
            "https://images.market.example/a.png", HOSTS
        )
    assert refused.value.why is FetchFailure.UNAVAILABLE


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.114.7", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.7", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_the_internet_at_large_is_public(address: str, expected: bool) -> None:
    """Loopback, private, shared and cloud metadata addresses are refused, in IPv4 and IPv6."""
    assert is_public(address) is expected
