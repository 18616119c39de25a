"""Errors over HTTP: the table of statuses and codes, and the format of an error's body."""

import math
from http import HTTPStatus
from typing import Any

from domain import errors

# Each error class of the domain with its status and its stable code. A test fails if a class has
# no entry.
TABLE: dict[type[errors.DomainError], tuple[HTTPStatus, str]] = {
    errors.MalformedInput: (HTTPStatus.BAD_REQUEST, "malformed_input"),
    errors.FlagNotEditable: (HTTPStatus.BAD_REQUEST, "flag_not_editable"),
    errors.NothingNamed: (HTTPStatus.NOT_FOUND, "not_found"),
    errors.LengthRequired: (HTTPStatus.LENGTH_REQUIRED, "length_required"),
    errors.BodyTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large"),
    errors.Unauthenticated: (HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    errors.NotStaff: (HTTPStatus.FORBIDDEN, "not_staff"),
    errors.PermissionMissing: (HTTPStatus.FORBIDDEN, "permission_missing"),
    errors.OwnerRequired: (HTTPStatus.FORBIDDEN, "owner_required"),
    errors.MspSuspended: (HTTPStatus.PAYMENT_REQUIRED, "msp_suspended"),
    errors.PartnerTenantProtected: (HTTPStatus.FORBIDDEN, "partner_tenant_protected"),
    errors.OtherTenantNamed: (HTTPStatus.FORBIDDEN, "tenant_mismatch"),
    errors.TenantNotFound: (HTTPStatus.NOT_FOUND, "tenant_not_found"),
    errors.NoPartnerTenant: (HTTPStatus.NOT_FOUND, "no_partner_tenant"),
    errors.StaffNotFound: (HTTPStatus.NOT_FOUND, "staff_not_found"),
    errors.InvoiceNotFound: (HTTPStatus.NOT_FOUND, "invoice_not_found"),
    errors.OperationNotFound: (HTTPStatus.NOT_FOUND, "operation_not_found"),
    errors.UserNotFound: (HTTPStatus.NOT_FOUND, "user_not_found"),
    errors.IdempotencyMismatch: (HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency_mismatch"),
    errors.ConfirmationRequired: (HTTPStatus.CONFLICT, "confirmation_required"),
    errors.Protected: (HTTPStatus.CONFLICT, "protected"),
    errors.PrivilegedUser: (HTTPStatus.FORBIDDEN, "privileged_user"),
    errors.MasteredOnPremises: (HTTPStatus.CONFLICT, "mastered_on_premises"),
    errors.RoleRequired: (HTTPStatus.UNPROCESSABLE_ENTITY, "role_required"),
    errors.OwnOperation: (HTTPStatus.FORBIDDEN, "own_operation"),
    errors.InvalidOperationState: (HTTPStatus.CONFLICT, "invalid_operation_state"),
    errors.ChangedMeanwhile: (HTTPStatus.CONFLICT, "changed_meanwhile"),
    errors.OperationExpired: (HTTPStatus.CONFLICT, "operation_expired"),
    errors.OperationAbandoned: (HTTPStatus.INTERNAL_SERVER_ERROR, "operation_abandoned"),
    errors.TooManyOperations: (HTTPStatus.CONFLICT, "too_many_operations"),
    errors.MicrosoftError: (HTTPStatus.BAD_GATEWAY, "microsoft_error"),
    errors.PartnerTenantExists: (HTTPStatus.CONFLICT, "partner_tenant_exists"),
    errors.InvalidStatus: (HTTPStatus.CONFLICT, "invalid_status"),
    errors.TenantNotManageable: (HTTPStatus.CONFLICT, "tenant_not_manageable"),
    errors.LastOwner: (HTTPStatus.CONFLICT, "last_owner"),
    errors.ConcurrentChange: (HTTPStatus.CONFLICT, "concurrent_change"),
    errors.StaleVersion: (HTTPStatus.PRECONDITION_FAILED, "stale_version"),
    errors.ForeignPerson: (HTTPStatus.UNPROCESSABLE_ENTITY, "foreign_person"),
    errors.ConsentRequired: (HTTPStatus.UNPROCESSABLE_ENTITY, "consent_required"),
    errors.CustomerConsentRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "consent_refused"),
    errors.OrganizationMismatch: (HTTPStatus.BAD_GATEWAY, "organization_mismatch"),
    errors.GdapRefused: (HTTPStatus.BAD_GATEWAY, "gdap_refused"),
    errors.MicrosoftRefused: (HTTPStatus.BAD_GATEWAY, "microsoft_refused"),
    errors.MicrosoftUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "microsoft_unavailable"),
    errors.StorageUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "storage_unavailable"),
    errors.BillingEmailFailed: (HTTPStatus.SERVICE_UNAVAILABLE, "notice_failed"),
    errors.SellerIncomplete: (HTTPStatus.SERVICE_UNAVAILABLE, "seller_incomplete"),
}

_RETRY_AFTER = 30
_LONGEST_WAIT = 3600  # seconds


def status_of(error: errors.DomainError) -> tuple[HTTPStatus, str]:
    """Return the status and the code of an error."""
    return TABLE[type(error)]


def headers_of(error: errors.DomainError) -> dict[str, str]:
    """Return the additional headers of an error's response."""
    status = TABLE[type(error)][0]
    if status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE):
        return {"Retry-After": str(_seconds(getattr(error, "retry_after", _RETRY_AFTER)))}
    return {}


def _seconds(wait: float) -> int:
    """Return whole seconds from 1 to 3600 for any wait that another service returned."""
    bounded = min(max(wait, 1), _LONGEST_WAIT)
    return _RETRY_AFTER if math.isnan(bounded) else math.ceil(bounded)


def body_of(  # noqa: PLR0913  the parts of a body; most are optional
    status: HTTPStatus,
    code: str,
    message: str,
    request_id: str,
    problems: tuple[tuple[str, str], ...] = (),
    reasons: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return an error's body. It never contains a value from the request.

    Args:
        problems: Path and message of each malformed field.
        reasons: Details for programs.
    """
    body: dict[str, Any] = {
        "statusCode": int(status),
        "error": status.phrase,
        "code": code,
        "message": message,
        "requestId": request_id,
    }
    if problems:
        body["errors"] = [{"path": path, "message": text} for path, text in problems]
    if reasons:
        body["reasons"] = list(reasons)
    return body
