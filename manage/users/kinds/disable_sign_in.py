"""Block a user's sign-in.

https://learn.microsoft.com/graph/api/user-update
"""

from core.operations.kind import Get, OperationKind, Patch, Step
from domain.roles import Permission

DISABLE = OperationKind(
    name="disable-user",
    title="Block sign-in",
    staff=Permission.USERS_MANAGE,
    permission="User.EnableDisableAccount.All",
    role="User Administrator",
    before=Get("/users/{id}?$select=id,accountEnabled"),
    steps=(
        Step("block sign-in", Patch("/users/{id}", {"accountEnabled": False}), repeatable=True),
    ),
    protects=True,
    on_premises=True,
)
