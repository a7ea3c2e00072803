"""The enforcement as a versioned worker runs it: it ends on the version that it began on.

A class of its own, since Temporal refuses a pinned workflow from a worker without a version.
"""

from temporalio import workflow
from temporalio.common import VersioningBehavior

from workflows.domain.enforcement import EnforcementReport
from workflows.enforcement import EnforcementWorkflow
from workflows.starts import EnforcementStart


@workflow.defn(name="EnforcementWorkflow", versioning_behavior=VersioningBehavior.PINNED)
class PinnedEnforcement(EnforcementWorkflow):
    """A change at the platform ends under the rules that it was begun with."""

    @workflow.init
    def __init__(self, start: EnforcementStart) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: EnforcementStart) -> EnforcementReport:
        """Does what `EnforcementWorkflow` does."""
        return await super().run(start)
