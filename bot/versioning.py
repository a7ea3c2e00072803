"""Which version of Koban a worker is, for Temporal to route open cases by."""

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from bot.errors import SettingWrong
from bot.settings import Temporal


def deployment_of(settings: Temporal) -> WorkerDeploymentConfig | None:
    """The worker's deployment and build, or None where it is not versioned.

    Raises:
        SettingWrong: where only one of the two is set.
    """
    if settings.deployment is None and settings.build_id is None:
        return None
    if settings.deployment is None or settings.build_id is None:
        raise SettingWrong(
            "KOBAN_TEMPORAL__DEPLOYMENT and KOBAN_TEMPORAL__BUILD_ID belong together: set both."
        )
    version = WorkerDeploymentVersion(settings.deployment, settings.build_id)
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        # Cases move on with their next task; what has to stay says so itself (`workflows.enforcement_workflow`).
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
