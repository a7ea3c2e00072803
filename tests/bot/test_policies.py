"""Policy folder at run time: targets of alerts, detectors' secrets, feedback and look-ups."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from activities.detectors.feedback import Receiver
from activities.errors import Unavailable
from activities.platform.client import Platform
from bot.policies import ActionSource, Policies, watch_folder
from bot.services.lookups import LookUps
from tests.bot.conftest import DETECTOR, FEEDBACK
from tests.bot.http.fakes import APPEALS, APPEALS_NEXT, COMMON, LIVE_CHAT, WEB_SHOP, alert
from tests.timeouts import PLATFORM_TIMEOUT
from workflows.domain.alerts import Alert, Subject
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import Proof
from workflows.domain.feedback import FeedbackProblem, FeedbackProblemKind
from workflows.domain.policy.playbook import PackedPolicy, pack
from workflows.domain.values import Text
from workflows.ports.cases import Direction, Order


def test_an_alert_finds_its_playbook_and_its_group(folder: Path) -> None:
    """Alerts on one subject share a group."""
    policies = Policies(watch_folder(folder), (COMMON,))
    placed = policies.target_of(Alert.model_validate(alert("a1")))
    assert placed is not None
    assert placed[0].playbook.playbook == "off_platform"
    other = policies.target_of(Alert.model_validate(alert("a2")))
    assert other is not None
    assert other._replace(facts=None) == placed._replace(facts=None)


def test_an_unknown_kind_is_taken_by_the_catch_all(folder: Path) -> None:
    """The catch-all playbook matches every alert."""
    policies = Policies(watch_folder(folder), (COMMON,))
    placed = policies.target_of(Alert.model_validate(alert("a1", kind="never_heard_of")))
    assert placed is not None
    assert placed[0].playbook.catch_all


def test_a_detector_signs_with_its_own_secret(
    folder: Path, environment: pytest.MonkeyPatch
) -> None:
    """Its own secret first, then the common one for all others."""
    environment.setenv("CHAT_SECRET", LIVE_CHAT)
    keys = Policies(watch_folder(folder), (COMMON,)).keys()
    assert [signer.sender for signer in keys.signers] == ["live-chat", None]
    assert keys.own == {"live-chat"}


def test_without_its_secret_nobody_signs_for_a_detector(
    folder: Path, environment: pytest.MonkeyPatch
) -> None:
    """The common secret is not a replacement."""
    policies = Policies(watch_folder(folder), (COMMON,))
    assert [signer.sender for signer in policies.keys().signers] == [None]
    assert policies.keys().own == {"live-chat"}
    assert policies.unsigned() == ["CHAT_SECRET is missing: the detector live-chat signs so."]


def test_no_secret_is_for_alerts_and_appeals(folder: Path, environment: pytest.MonkeyPatch) -> None:
    """A detector's secret signs no appeal, also where it is written for both."""
    environment.setenv("CHAT_SECRET", LIVE_CHAT)
    policies = Policies(watch_folder(folder), (COMMON,), (APPEALS, COMMON, LIVE_CHAT))
    assert len(policies.appeal_keys().signers) == 1
    assert policies.unsigned() == [
        "KOBAN_APPEALS__SECRET is a detector's secret too: appeals need one of their own."
    ]
    apart = Policies(watch_folder(folder), (COMMON,), (APPEALS, APPEALS_NEXT))
    assert [signer.sender for signer in apart.appeal_keys().signers] == [None, None]
    assert [signer.sender for signer in apart.keys().signers] == ["live-chat", None]
    assert apart.unsigned() == []


def test_no_two_senders_have_one_secret(folder: Path, environment: pytest.MonkeyPatch) -> None:
    """One could sign in the other's name."""
    other = DETECTOR.replace("live-chat", "images").replace("CHAT_SECRET", "IMAGE_SECRET")
    (folder / "detectors" / "images.yaml").write_text(other, "utf-8")
    environment.setenv("CHAT_SECRET", LIVE_CHAT)
    environment.setenv("IMAGE_SECRET", f"{WEB_SHOP},{LIVE_CHAT}")
    policies = Policies(watch_folder(folder), (COMMON,))
    assert policies.unsigned() == [
        "CHAT_SECRET of the detector live-chat has a secret of the detector images (IMAGE_SECRET): "
        "each needs one of its own."
    ]
    environment.setenv("IMAGE_SECRET", COMMON)
    assert Policies(watch_folder(folder), (COMMON,)).unsigned() == [
        "IMAGE_SECRET of the detector images has a secret of all other detectors "
        "(KOBAN_INGEST__SECRET): each needs one of its own."
    ]
    environment.setenv("IMAGE_SECRET", WEB_SHOP)
    assert Policies(watch_folder(folder), (COMMON,)).unsigned() == []


@pytest.mark.parametrize(
    ("secret", "other"),
    [
        (COMMON, "all other detectors (KOBAN_INGEST__SECRET)"),
        (APPEALS, "all other sources (KOBAN_APPEALS__SECRET)"),
        (WEB_SHOP, "the detector images (IMAGE_SECRET)"),
        (APPEALS_NEXT, None),
        (LIVE_CHAT, None),
    ],
)
def test_a_receiver_of_feedback_knows_no_other_secret(
    folder: Path, environment: pytest.MonkeyPatch, secret: str, other: str | None
) -> None:
    """It could sign alerts or appeals with it. The detector's own one is no other."""
    images = DETECTOR.replace("live-chat", "images").replace("CHAT_SECRET", "IMAGE_SECRET")
    (folder / "detectors" / "images.yaml").write_text(images, "utf-8")
    (folder / "detectors" / "live-chat.yaml").write_text(DETECTOR + OWN, "utf-8")
    for name, value in {
        "CHAT_FEEDBACK": ADDRESS,
        "CHAT_SECRET": LIVE_CHAT,
        "IMAGE_SECRET": WEB_SHOP,
        "FEEDBACK_SECRET": secret,
    }.items():
        environment.setenv(name, value)
    policies = Policies(watch_folder(folder), (COMMON,), (APPEALS,))
    words = f"FEEDBACK_SECRET of the detector live-chat has a secret of {other}"
    expected = [] if other is None else [f"{words}: each needs one of its own."]
    assert policies.undelivering() == expected
    assert policies.unsigned() == []


def test_two_receivers_of_feedback_have_secrets_of_their_own(
    folder: Path, environment: pytest.MonkeyPatch
) -> None:
    """One could send the other a verdict in Koban's name."""
    for name in ("images", "live-chat"):
        file = folder / "detectors" / f"{name}.yaml"
        file.write_text(f"detector: {name}\n{OWN}", "utf-8")
    environment.setenv("CHAT_FEEDBACK", ADDRESS)
    environment.setenv("FEEDBACK_SECRET", WEB_SHOP)
    assert Policies(watch_folder(folder), (COMMON,)).undelivering() == [
        "FEEDBACK_SECRET of the detector live-chat has a secret of the detector images "
        "(FEEDBACK_SECRET): each needs one of its own."
    ]


def test_a_source_of_appeals_has_a_secret_of_its_own(
    folder: Path, environment: pytest.MonkeyPatch
) -> None:
    """appeals.yaml names its variable; without it nobody files or withdraws for the source."""
    environment.setenv("CHAT_SECRET", LIVE_CHAT)
    written = (folder / "appeals.yaml").read_text("utf-8")
    source = "sources: {web-shop: {secret: {env: WEB_SHOP_SECRET}}}\n"
    (folder / "appeals.yaml").write_text(written + source, "utf-8")
    without = Policies(watch_folder(folder), (COMMON,), (APPEALS,))
    assert [signer.sender for signer in without.appeal_keys().signers] == [None]
    assert without.appeal_keys().own == {"web-shop"}
    assert without.unsigned() == [
        "WEB_SHOP_SECRET is missing: the source web-shop of appeals signs so."
    ]
    environment.setenv("WEB_SHOP_SECRET", WEB_SHOP)
    with_it = Policies(watch_folder(folder), (COMMON,), (APPEALS,))
    assert [signer.sender for signer in with_it.appeal_keys().signers] == ["web-shop", None]


OWN = "feedback: {url: {env: CHAT_FEEDBACK}, secret: {env: FEEDBACK_SECRET}}\n"
ADDRESS = "https://ml.example/verdicts"


@pytest.mark.parametrize(
    ("written", "variables", "secrets"),
    [
        ("detector: live-chat\n" + FEEDBACK, {}, (COMMON,)),
        (DETECTOR + FEEDBACK, {"CHAT_SECRET": LIVE_CHAT}, (LIVE_CHAT,)),
        (DETECTOR + OWN, {"CHAT_SECRET": LIVE_CHAT, "FEEDBACK_SECRET": WEB_SHOP}, (WEB_SHOP,)),
        (DETECTOR + OWN, {"FEEDBACK_SECRET": f"{WEB_SHOP},{APPEALS}"}, (WEB_SHOP, APPEALS)),
    ],
)
def test_feedback_is_signed_as_the_policy_says(
    folder: Path,
    environment: pytest.MonkeyPatch,
    written: str,
    variables: dict[str, str],
    secrets: tuple[str, ...],
) -> None:
    """By its own secret, else the detector's, else the common one."""
    (folder / "detectors" / "live-chat.yaml").write_text(written, "utf-8")
    for name, value in {"CHAT_FEEDBACK": ADDRESS, **variables}.items():
        environment.setenv(name, value)
    policies = Policies(watch_folder(folder), (COMMON,))
    assert policies.receiver_of("live-chat") == Receiver(ADDRESS, secrets)
    assert policies.undelivering() == []
    assert policies.with_feedback() == {"live-chat"}


@pytest.mark.parametrize(
    ("variables", "kind", "sentence"),
    [
        (
            {"FEEDBACK_SECRET": WEB_SHOP},
            FeedbackProblemKind.NO_ADDRESS,
            "CHAT_FEEDBACK is missing: the feedback of live-chat goes there.",
        ),
        (
            {"CHAT_FEEDBACK": "http://ml.example/verdicts", "FEEDBACK_SECRET": WEB_SHOP},
            FeedbackProblemKind.NO_ADDRESS,
            "CHAT_FEEDBACK is wrong: expected an https address (http only on this machine).",
        ),
        (
            {"CHAT_FEEDBACK": ADDRESS},
            FeedbackProblemKind.NO_SECRET,
            "FEEDBACK_SECRET is missing: it signs the feedback of live-chat.",
        ),
    ],
)
def test_feedback_without_address_or_secret_is_named(
    folder: Path,
    environment: pytest.MonkeyPatch,
    variables: dict[str, str],
    kind: FeedbackProblemKind,
    sentence: str,
) -> None:
    """By `koban check` and `koban doctor`; the messages wait meanwhile."""
    (folder / "detectors" / "live-chat.yaml").write_text("detector: live-chat\n" + OWN, "utf-8")
    for name, value in variables.items():
        environment.setenv(name, value)
    policies = Policies(watch_folder(folder), (COMMON,))
    assert policies.undelivering() == [sentence]
    assert policies.receiver_of("live-chat") == FeedbackProblem(kind=kind)
    nobody = FeedbackProblem(kind=FeedbackProblemKind.NO_ADDRESS)
    assert policies.receiver_of("nobody") == nobody


@pytest.mark.parametrize("address", ["http://127.0.0.1:8600/v", "http://localhost/v"])
def test_feedback_stays_on_this_machine_without_https(
    folder: Path, environment: pytest.MonkeyPatch, address: str
) -> None:
    """As the platform's address does."""
    (folder / "detectors" / "live-chat.yaml").write_text("detector: live-chat\n" + FEEDBACK)
    environment.setenv("CHAT_FEEDBACK", address)
    policies = Policies(watch_folder(folder), (COMMON,))
    assert policies.receiver_of("live-chat") == Receiver(address, (COMMON,))


def answering(request: httpx.Request) -> httpx.Response:
    """A platform with one user that can be made unreachable."""
    if request.url.path.endswith("u_away"):
        return httpx.Response(503)
    if not request.url.path.endswith("u_123"):
        return httpx.Response(404)
    return httpx.Response(200, json={"id": "u_123", "name": "a\u202eb", "status": "active"})


@pytest.fixture
async def look_ups(folder: Path) -> AsyncIterator[LookUps]:
    """Look-ups over the example's platform.yaml."""
    transport = httpx.MockTransport(answering)
    async with httpx.AsyncClient(base_url="http://127.0.0.1/", transport=transport) as http:
        yield LookUps(Platform(http, PLATFORM_TIMEOUT), Policies(watch_folder(folder), ()))


async def test_a_look_up_shows_the_fields_of_the_policy(look_ups: LookUps) -> None:
    """Missing fields are left out; direction characters become visible."""
    facts = await look_ups.look_up("user", "u_123")
    assert facts is not None
    values = {fact.value for fact in facts}
    assert "active" in values
    assert "\u202e" not in "".join(values)


async def test_unknown_subject_and_outage_differ(look_ups: LookUps) -> None:
    """Unknown subject, unknown type and outage have different results."""
    assert await look_ups.look_up("user", "u_nobody") is None
    assert await look_ups.look_up("spaceship", "x") is None
    assert await look_ups.look_up("user", "..") is None
    with pytest.raises(Unavailable):
        await look_ups.look_up("user", "u_away")


def an_order(playbook: str, version: str, action: str = "mute_user") -> Order:
    """A change by the policy of a version."""
    return Order(
        case="K7Q2F9XM0",
        decision="D1",
        planned=PlannedAction(action=action, subject=Subject(type="user", id="u_1")),
        proof=Proof(playbook=playbook, policy=version),
        direction=Direction.DO,
        actor="U0SATO",
    )


async def test_an_order_follows_the_policy_of_its_case(folder: Path) -> None:
    """That of this process, else that of the ledger, which is read once."""
    policies, asked = Policies(watch_folder(folder), (COMMON,)), []
    packed = policies.current_packed("off_platform")
    assert packed is not None
    spec = packed.policy.catalog.find("mute_user")
    assert spec is not None
    named = spec.model_copy(update={"title": Text(ja="旧", en="Old")})
    catalog = packed.policy.catalog.model_copy(update={"actions": {"mute_user": named}})
    old = packed.policy.model_copy(update={"catalog": catalog})

    async def stored(playbook: str, version: str) -> PackedPolicy | None:
        asked.append((playbook, version))
        return pack(old) if version == "v0" else None

    source = ActionSource(policies, stored)
    assert await source.spec_of(an_order("off_platform", packed.policy.version)) == spec
    assert asked == []
    for _ in range(2):
        found = await source.spec_of(an_order("off_platform", "v0"))
        assert found is not None
        assert found.title.en == "Old"
    assert await source.spec_of(an_order("off_platform", "v0", "permanent_ban")) is None
    assert asked == [("off_platform", "v0")]


async def test_an_order_of_an_unknown_policy_follows_the_current_one(folder: Path) -> None:
    """The log has a line; an action that is not there any more has no request."""
    policies = Policies(watch_folder(folder), (COMMON,))

    async def nothing(playbook: str, version: str) -> None:
        return None

    source = ActionSource(policies, nothing)
    with capture_logs() as logs:
        found = await source.spec_of(an_order("off_platform", "v9"))
    assert found == policies.catalog().find("mute_user")
    assert found is not None
    assert [(line["event"], line["version"]) for line in logs] == [("policy_version_unknown", "v9")]
    assert await source.spec_of(an_order("off_platform", "v9", "gone")) is None
