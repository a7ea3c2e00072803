"""All layers at once."""

from tests.slack_shapes.limits import limit_faults
from tests.slack_shapes.models import model_faults
from tests.slack_shapes.rules import rule_faults
from tests.slack_shapes.schema import schema_faults
from tests.slack_shapes.sent import Sent


def faults_of(sent: Sent) -> list[str]:
    """What Slack would refuse, and what would be no good card."""
    return [
        *model_faults(sent),
        *schema_faults(sent),
        *limit_faults(sent),
        *rule_faults(sent),
    ]
