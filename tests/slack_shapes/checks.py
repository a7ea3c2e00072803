"""All layers at once, and the stand-in's own opinion."""

from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.blockkit.views import check_view
from tests.slack_shapes.limits import limit_faults
from tests.slack_shapes.models import model_faults
from tests.slack_shapes.rules import rule_faults
from tests.slack_shapes.schema import schema_faults
from tests.slack_shapes.sent import Kind, Sent


def faults_of(sent: Sent) -> list[str]:
    """What Slack would refuse, and what would be no good card."""
    return [
        *model_faults(sent),
        *schema_faults(sent),
        *limit_faults(sent),
        *rule_faults(sent),
    ]


def sandbox_faults(sent: Sent) -> list[str]:
    """What the stand-in would refuse: it must not be stricter than Slack, nor blind."""
    if sent.kind in (Kind.MODAL, Kind.HOME):
        return check_view(sent.whole, Surface(sent.kind.value))
    return check_blocks(list(sent.blocks), Surface.MESSAGE)
