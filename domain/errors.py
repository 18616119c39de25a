"""What can go wrong, by name. The HTTP edge alone knows which status each one becomes.

DomainError
├── MalformedInput, FlagNotEditable              the request itself is wrong
├── NothingNamed, LengthRequired, BodyTooLarge
├── Unauthenticated                              no token that can be trusted
├── NotStaff, PermissionMissing, OwnerRequired   a known caller who may not
├── MspSuspended
├── PartnerTenantProtected, OtherTenantNamed     the partner tenant's guards
├── TenantNotFound, NoPartnerTenant, StaffNotFound, InvoiceNotFound
├── PartnerTenantExists, InvalidStatus, LastOwner   conflicts of state
├── StaleVersion, ConcurrentChange               somebody else was faster
├── ForeignPerson                                who cannot be staff here
├── ConsentRequired, GdapRefused, OrganizationMismatch, MicrosoftRefused   Microsoft says no
├── SellerIncomplete                             no tax invoice without the seller's ABN
└── MicrosoftUnavailable, StorageUnavailable, BillingEmailFailed     nobody answers
"""

PARTNER_TENANT_PROTECTED = (
    "Cannot hard-delete the MSP's own partner tenant. Disable via /my-tenant first."
)


class NoSuchMsp(LookupError):
    """There is no MSP of an ID: an operator's mistake, and at the edge a fault of the service."""

    def __init__(self) -> None:
        super().__init__("There is no MSP of this ID.")


class DomainError(Exception):
    """The root of everything that the product refuses on purpose."""


class MalformedInput(DomainError):
    """A value that the caller sent cannot be read.

    Args:
        path: The field, dotted for nested ones.
        reason: What it must be; never what it was.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.problems: tuple[tuple[str, str], ...] = ((path, reason),)


class FlagNotEditable(DomainError):
    """`is_own_msp_tenant` stands in a tenant edit; only /my-tenant and consent set it."""


class NothingNamed(DomainError):
    """A parameter of the path is no name at all."""


class LengthRequired(DomainError):
    """A body came in chunks, of which the Functions host hands over none."""


class BodyTooLarge(DomainError):
    """The body is over the limit."""


class Unauthenticated(DomainError):
    """The bearer token is missing or cannot be trusted; which of it, only the log knows."""


class NotStaff(DomainError):
    """A verified person who is nobody's staff."""


class PermissionMissing(DomainError):
    """The caller's role lacks the route's permission."""


class OwnerRequired(DomainError):
    """Only an owner makes, changes or removes owners."""


class MspSuspended(DomainError):
    """The MSP is suspended for unpaid invoices, and billing alone stays open; or it was deleted."""


class PartnerTenantProtected(DomainError):
    """The step would remove, suspend or offboard the MSP's own partner tenant."""

    def __init__(self, message: str = PARTNER_TENANT_PROTECTED) -> None:
        super().__init__(message)


class OtherTenantNamed(DomainError):
    """The body names another tenant than the one that the MSP may enable."""


class TenantNotFound(DomainError):
    """No such tenant at this MSP, or another MSP's: the caller cannot tell."""


class NoPartnerTenant(DomainError):
    """The MSP has no partner tenant."""


class StaffNotFound(DomainError):
    """No such staff member at this MSP, or another MSP's: the caller cannot tell."""


class InvoiceNotFound(DomainError):
    """No such invoice at this MSP."""


class SellerIncomplete(DomainError):
    """The seller's ABN is not set: what would be issued is no tax invoice."""


class PartnerTenantExists(DomainError):
    """The MSP has another partner tenant already."""


class InvalidStatus(DomainError):
    """The lifecycle has no such step from the tenant's present status."""


class LastOwner(DomainError):
    """The step would leave the MSP without an owner."""


class ForeignPerson(DomainError):
    """Somebody cannot be staff of this MSP.

    They are of a tenant that it does not sign in from, or staff elsewhere: which of it, nobody is
    told, or an admin could ask who works for whom.
    """

    def __init__(self, advice: str = "") -> None:
        reason = "Staff are people of a tenant that this MSP signs in from, and of no other MSP."
        super().__init__(f"{reason} {advice}".strip())


class StaleVersion(DomainError):
    """`If-Match` names an older version than the one stored."""


class ConcurrentChange(DomainError):
    """The rows that a change was decided on have changed since."""


class ConsentRequired(DomainError):
    """The partner app has no (sufficient) admin consent in the tenant, or not yet."""


class GdapRefused(DomainError):
    """Microsoft refused to create the GDAP relationship."""


class OrganizationMismatch(DomainError):
    """Microsoft Graph names another organisation than the one asked for."""


class MicrosoftRefused(DomainError):
    """Microsoft Identity refuses the partner app itself: a wrong or expired credential."""


class MicrosoftUnavailable(DomainError):
    """Microsoft does not answer, or asks to wait.

    Args:
        retry_after: Seconds that Microsoft asked to wait, or our own guess.
    """

    def __init__(self, message: str, retry_after: float = 30) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageUnavailable(DomainError):
    """Azure Storage does not answer."""


class BillingEmailFailed(DomainError):
    """A notice could not be handed over; it is tried again later."""
