"""Checks of all layers, and of the sandbox."""

from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.blockkit.views import check_view
from tests.slack_shapes.limits import limit_faults
from tests.slack_shapes.models import model_faults
from tests.slack_shapes.rules import rule_faults
from tests.slack_shapes.schema import schema_faults
from tests.slack_shapes.sent import Kind, Sent


def faults_of(sent: Sent) -> list[str]:
    """Faults that Slack would refuse, and violations of Koban's own rules."""
    return [
        *model_faults(sent),
        *schema_faults(sent),
        *limit_faults(sent),
        *rule_faults(sent),
    ]


def sandbox_faults(sent: Sent) -> list[str]:
    """Faults that the sandbox refuses; it must be as strict as Slack."""
    if sent.kind in (Kind.MODAL, Kind.HOME):
        return check_view(sent.whole, Surface(sent.kind.value))
    return check_blocks(list(sent.blocks), Surface.MESSAGE)
