"""Bodies of the routes of users."""

from edge.models import Notes, RequestModel


class UserOperationBody(RequestModel):
    """Why a user is changed.

    `override` overrides the protection of the account, which only an owner may do, with a reason.
    With `requireApproval` another person must approve the operation first.
    """

    reason: Notes | None = None
    override: bool = False
    require_approval: bool = False
