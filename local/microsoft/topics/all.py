"""Every resource, of all topics."""

from local.microsoft.resources import Resource
from local.microsoft.topics import (
    applications,
    audits,
    authentication_methods,
    conditional_access,
    devices,
    groups,
    licences,
    organization,
    policies,
    roles,
    secure_scores,
    security,
    services,
)

_TOPICS = (
    *(applications, audits, authentication_methods, conditional_access, devices, groups),
    *(licences, organization, policies, roles, secure_scores, security, services),
)
RESOURCES: tuple[Resource, ...] = tuple(one for topic in _TOPICS for one in topic.RESOURCES)
