"""The domain's errors. Only the HTTP edge maps them to statuses.

DomainError
├── MalformedInput, FlagNotEditable              the request itself is wrong
├── NothingNamed, LengthRequired, BodyTooLarge
├── Unauthenticated                              the token is missing or not trusted
├── NotStaff, PermissionMissing, OwnerRequired   a known caller without the right
├── MspSuspended
├── PartnerTenantProtected, OtherTenantNamed     protection of the partner tenant
├── TenantNotFound, NoPartnerTenant, StaffNotFound, InvoiceNotFound
├── PartnerTenantExists, InvalidStatus, LastOwner   conflicts of state
├── TenantNotManageable                          nothing can be changed at the tenant now
├── OperationNotFound, UserNotFound
├── IdempotencyMismatch, ConfirmationRequired    a change that is not carried out as asked
├── Protected, PrivilegedUser, MasteredOnPremises, RoleRequired, OwnOperation
├── InvalidOperationState, ChangedMeanwhile, OperationExpired, TooManyOperations, MicrosoftError
├── OperationAbandoned                           a fault of this service
├── StaleVersion, ConcurrentChange               another writer was first
├── ForeignPerson                                cannot be staff of this MSP
├── ConsentRequired, GdapRefused, OrganizationMismatch, MicrosoftRefused   Microsoft refuses
├── CustomerConsentRefused
├── SellerIncomplete                             no tax invoice without the seller's ABN
└── MicrosoftUnavailable, StorageUnavailable, BillingEmailFailed     a service does not answer
"""

PARTNER_TENANT_PROTECTED = (
    "Cannot hard-delete the MSP's own partner tenant. Disable via /my-tenant first."
)


class NoSuchMsp(LookupError):
    """No MSP has this ID.

    In a command this is the operator's mistake; at the edge it is a fault of the service.
    """

    def __init__(self) -> None:
        super().__init__("There is no MSP of this ID.")


class DomainError(Exception):
    """The base class of all deliberate refusals."""


class MalformedInput(DomainError):
    """A value that the caller sent cannot be read.

    Args:
        path: The field, as a dotted path if it is nested.
        reason: What the value must be; never the value itself.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.problems: tuple[tuple[str, str], ...] = ((path, reason),)


class FlagNotEditable(DomainError):
    """A tenant edit contains `is_own_msp_tenant`, which only /my-tenant and consent set."""


class NothingNamed(DomainError):
    """A path parameter cannot be the name of anything."""


class LengthRequired(DomainError):
    """The body was sent in chunks, and the Functions host does not pass chunked bodies on."""


class BodyTooLarge(DomainError):
    """The body is larger than the limit."""


class Unauthenticated(DomainError):
    """The bearer token is missing or not trusted; only the log contains the reason."""


class NotStaff(DomainError):
    """The person is verified, but is not staff of any MSP."""


class PermissionMissing(DomainError):
    """The caller's role does not have the route's permission."""


class OwnerRequired(DomainError):
    """Only an owner may add, change or remove owners."""


class MspSuspended(DomainError):
    """The MSP is suspended for unpaid invoices and can use billing only, or it was deleted."""


class PartnerTenantProtected(DomainError):
    """The request would remove, suspend or offboard the MSP's own partner tenant."""

    def __init__(self, message: str = PARTNER_TENANT_PROTECTED) -> None:
        super().__init__(message)


class OtherTenantNamed(DomainError):
    """The body names a different tenant from the one that the MSP may enable."""


class TenantNotFound(DomainError):
    """The MSP has no such tenant.

    The answer is the same if another MSP has it, so that the caller cannot find out.
    """


class NoPartnerTenant(DomainError):
    """The MSP has no partner tenant."""


class StaffNotFound(DomainError):
    """The MSP has no such staff member.

    The answer is the same if another MSP has one, so that the caller cannot find out.
    """


class InvoiceNotFound(DomainError):
    """The MSP has no such invoice."""


class SellerIncomplete(DomainError):
    """The seller's ABN is not set, so an invoice would not be a valid tax invoice."""


class PartnerTenantExists(DomainError):
    """The MSP already has another partner tenant."""


class InvalidStatus(DomainError):
    """The lifecycle does not allow this step from the tenant's current status."""


class TenantNotManageable(DomainError):
    """The tenant cannot be managed now: it is not active, or the service has no access to it."""


class OperationNotFound(DomainError):
    """The MSP has no such operation.

    The answer is the same if another MSP has it, so that the caller cannot find out.
    """


class UserNotFound(DomainError):
    """The tenant has no such user."""


class IdempotencyMismatch(DomainError):
    """The `Idempotency-Key` came with another request in the last 24 hours."""


class ConfirmationRequired(DomainError):
    """A change of the partner tenant's policies must name its primary domain."""


class Protected(DomainError):
    """The account must not be locked out.

    Args:
        reasons: Why: `self`, `service_account`, `break_glass`, `last_global_admin`, `msp_staff`.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__(f"The account is protected: {', '.join(reasons)}.")
        self.reasons = reasons


class PrivilegedUser(DomainError):
    """Microsoft refuses the change because the user holds an Entra role."""


class MasteredOnPremises(DomainError):
    """The property is managed in the customer's Active Directory."""


class RoleRequired(DomainError):
    """The service account lacks an Entra role at the customer."""


class OwnOperation(DomainError):
    """Nobody approves their own operation."""


class InvalidOperationState(DomainError):
    """The operation's state does not allow this."""


class ChangedMeanwhile(DomainError):
    """Something else has changed what is to be put back."""


class OperationExpired(DomainError):
    """The operation could not be carried out within a day."""


class OperationAbandoned(DomainError):
    """The operation was given up because of a fault of this service."""


class TooManyOperations(DomainError):
    """Too many operations of the tenant wait already."""


class MicrosoftError(DomainError):
    """Microsoft Graph refuses the request for a reason that is not known here."""


class LastOwner(DomainError):
    """The change would leave the MSP without an owner."""


class ForeignPerson(DomainError):
    """The person cannot be staff of this MSP.

    Either the MSP does not sign in from the person's tenant, or the person is staff of another
    MSP. The error does not say which: otherwise an admin could find out who works for whom.
    """

    def __init__(self, advice: str = "") -> None:
        reason = "Staff are people of a tenant that this MSP signs in from, and of no other MSP."
        super().__init__(f"{reason} {advice}".strip())


class StaleVersion(DomainError):
    """`If-Match` names a version older than the stored one."""


class ConcurrentChange(DomainError):
    """The rows that the decision was based on have changed since they were read."""


class ConsentRequired(DomainError):
    """The partner app has no sufficient admin consent in the tenant, or does not have it yet."""


class CustomerConsentRefused(DomainError):
    """Microsoft does not let the MSP consent to the partner app in a customer's tenant.

    Args:
        reason: A stable word, such as `customer_not_listed`.
        advice: What is wrong and what to do, for people.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(advice)
        self.reason, self.advice = reason, advice


class GdapRefused(DomainError):
    """Microsoft refused to create the GDAP relationship."""


class OrganizationMismatch(DomainError):
    """Microsoft Graph returned a different organisation from the requested one."""


class MicrosoftRefused(DomainError):
    """Microsoft Identity refuses the partner app: its credential is wrong or has expired."""


class MicrosoftUnavailable(DomainError):
    """Microsoft does not answer, or asks the caller to wait.

    Args:
        retry_after: Seconds to wait, as Microsoft asked or as estimated here.
    """

    def __init__(self, message: str, retry_after: float = 30) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageUnavailable(DomainError):
    """Azure Storage does not answer."""


class BillingEmailFailed(DomainError):
    """A billing e-mail could not be sent; it is retried later."""
