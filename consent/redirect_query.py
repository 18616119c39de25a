"""What Microsoft's redirect says, as OpenAPI shows it; `redirect.py` reads it."""

from pydantic import Field

from edge.models import RequestModel


class RedirectQuery(RequestModel):
    """The redirect's query string. It is not signed: nothing in it is proof.

    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """

    tenant: str | None = Field(None, description="The tenant whose admin consented.")
    admin_consent: str | None = Field(
        None, alias="admin_consent", description="`True`, with errors too."
    )
    state: str | None = Field(None, description="As the session's link had it.")
    scope: str | None = Field(
        None, description="What was consented to; may be missing, and proves nothing."
    )
    error: str | None = Field(None, description="Why it was not; read before all else.")
    error_description: str | None = Field(
        None, alias="error_description", description="The same for people; never shown."
    )
