"""Every resource, of all topics."""

from local.microsoft.topics import (
    conditional_access,
    licences,
    organization,
    roles,
    secure_scores,
)

RESOURCES = (
    *conditional_access.RESOURCES,
    *licences.RESOURCES,
    *organization.RESOURCES,
    *roles.RESOURCES,
    *secure_scores.RESOURCES,
)
