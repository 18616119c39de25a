"""Allow a user's sign-in again.

https://learn.microsoft.com/graph/api/user-update
"""

from core.operations.kind import Get, OperationKind, Patch, Step
from domain.roles import Permission

ENABLE = OperationKind(
    name="enable-user",
    title="Allow sign-in",
    staff=Permission.USERS_MANAGE,
    permission="User.EnableDisableAccount.All",
    role="User Administrator",
    before=Get("/users/{id}?$select=id,accountEnabled"),
    steps=(Step("allow sign-in", Patch("/users/{id}", {"accountEnabled": True}), repeatable=True),),
    on_premises=True,
)
