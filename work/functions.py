"""The timer that queues pending work again."""

from datetime import timedelta
from functools import partial

import azure.functions as func

from edge.triggers import add_timer, new_blueprint
from work.requeue import WorkPorts, requeue_work


def work_functions(ports: WorkPorts, after: timedelta) -> func.Blueprint:
    """Return the area's functions.

    Args:
        after: Age at which pending work is queued again.
    """
    blueprint = new_blueprint()
    add_timer(blueprint, "recover_work", "RECOVERY_SCHEDULE", partial(requeue_work, ports, after))
    return blueprint
