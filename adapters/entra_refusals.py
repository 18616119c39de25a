"""Entra's refusals: the meaning of each code, and what to do about it.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from collections.abc import Sequence
from typing import Any

from domain.errors import ConsentRequired, MicrosoftRefused, MicrosoftUnavailable

# No service principal (yet), or no consent (yet).
_NO_CONSENT = frozenset({700016, 7000229, 65001})
_BUSY = frozenset({90055, 90033, 50196})
# A client secret that is wrong or has expired, an assertion that is not signed with a registered
# certificate, and a certificate that has expired or was revoked.
BAD_CREDENTIAL = frozenset({7000215, 7000222, 700027, 1000502, 7000274, 7000214, 7000277})
_NO_TENANT = 90002

# Entra's errors for a sign-in that has to be repeated, or that a policy blocks.
_GRANT_REFUSED = {"invalid_grant", "interaction_required"}
_PASSING = {"server_error", "temporarily_unavailable"}
# OAuth errors that the app itself has to correct (RFC 6749, 5.2).
_REFUSALS = {
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "unauthorized_client",
}
# How a sign-in by device code ends if nobody completes it.
_ENDS = {
    "authorization_declined": "The sign-in was declined.",
    "access_denied": "The sign-in was declined.",
    "expired_token": "The code expired before anybody signed in: start again.",
    "bad_verification_code": "The code is not valid any more: start again.",
}
_BLOCKED = frozenset({53000, 53001, 53002, 53003, 530036})
_MOST_CODES = 20
# Advice for refusals of the service account at a customer.
_ADVICE: tuple[tuple[frozenset[int], str], ...] = (
    (
        frozenset({50072, 50074, 50076, 50079, 50158}),
        "Conditional Access asks the service account for MFA: sign it in again with MFA.",
    ),
    (
        frozenset({53000, 53001, 53002, 53003}),
        "Conditional Access blocks the service account: exclude it or allow its location.",
    ),
    (
        frozenset({530036}),
        (
            "Conditional Access blocks the way in which the service account was signed in, such as"
            " a device code: sign it in another way, or exclude it."
        ),
    ),
    (
        frozenset({50034}),
        (
            "The service account does not exist any more: create it, or name another one, and sign"
            " it in."
        ),
    ),
    (
        frozenset({50053}),
        (
            "The service account is locked after too many failed sign-ins: wait until it is"
            " unlocked, and see who tried."
        ),
    ),
    (
        frozenset({50055}),
        "The service account's password has expired: set a new one and sign it in again.",
    ),
    (
        frozenset({50057}),
        "The service account is disabled: enable it and sign it in again.",
    ),
    (
        frozenset({50078, 50173, 70008, 70043, 700082}),
        "The service account's sign-in has expired: sign it in again.",
    ),
    (
        frozenset({70000}),
        (
            "The service account's refresh token is not valid: sign the account in again and store"
            " the new one."
        ),
    ),
    (
        frozenset({_NO_TENANT}),
        "Microsoft knows no tenant of this ID: see that it was not deleted.",
    ),
    (
        _NO_CONSENT,
        (
            "The partner app has no consent in the customer's tenant: have an administrator of the"
            " customer consent to it."
        ),
    ),
    (
        # Entra returns this code if there is no relationship, no access assignment, or the account
        # is in no group with access.
        frozenset({50020}),
        (
            "No GDAP access: see that the customer has accepted the invite, and that the service"
            " account is in a security group that has access."
        ),
    ),
)


class DelegatedAccessRefused(Exception):
    """Entra refuses the service account a token for a customer; the text says what to do."""


class DelegatedConsentMissing(DelegatedAccessRefused):
    """The partner app has no consent in the customer's tenant, or does not have it yet."""


def codes_of(result: dict[str, Any]) -> list[int]:
    """Return the AADSTS codes of MSAL's answer."""
    codes = result.get("error_codes")
    found = codes[:_MOST_CODES] if isinstance(codes, list) else []
    return [code for code in found if type(code) is int and 0 < code < 10**9]


def _error(result: dict[str, Any]) -> str | None:
    error = result.get("error")
    return error if isinstance(error, str) else None


def refusal_of(result: dict[str, Any]) -> Exception:
    """Return the error that Entra's refusal means; it is identified by code, never by text."""
    codes, error = codes_of(result), _error(result)
    if not _NO_CONSENT.isdisjoint(codes):
        return ConsentRequired("The partner app has no admin consent in this tenant.")
    is_passing = not _BUSY.isdisjoint(codes) or error in _PASSING
    if is_passing or (not codes and error not in _REFUSALS):
        return MicrosoftUnavailable("Microsoft Identity is busy or does not make sense.")
    if _NO_TENANT in codes:
        return MicrosoftRefused("Microsoft knows no tenant of this ID.")
    what = "the partner app" if BAD_CREDENTIAL.isdisjoint(codes) else "the partner app's credential"
    return MicrosoftRefused(f"Microsoft Identity refuses {what}{_numbered(codes)}.")


def sign_in_refusal_of(result: dict[str, Any]) -> Exception:
    """Return the error that the end of a sign-in by device code means.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code#expected-errors
    """
    if _error(result) in _ENDS:
        return MicrosoftRefused(_ENDS[str(_error(result))])
    if not _BLOCKED.isdisjoint(codes_of(result)):
        return MicrosoftRefused(
            "Conditional Access blocks the sign-in: exclude the account from the policy for device"
            " codes, locations or devices while it signs in."
        )
    refusal = refusal_of(result)
    if type(refusal) is MicrosoftRefused and BAD_CREDENTIAL.isdisjoint(codes_of(result)):
        return MicrosoftRefused(
            f"Microsoft Identity refuses the sign-in{_numbered(codes_of(result))}."
        )
    return refusal


def delegated_refusal_of(result: dict[str, Any]) -> DelegatedAccessRefused | None:
    """Return the error that a refusal means for the service account.

    Returns None if the refusal concerns the app, or is temporary.
    """
    codes = codes_of(result)
    if not _BUSY.isdisjoint(codes):
        return None
    if not _NO_CONSENT.isdisjoint(codes):
        return DelegatedConsentMissing(_advice(codes))
    is_grants = _error(result) in _GRANT_REFUSED or _NO_TENANT in codes
    return DelegatedAccessRefused(_advice(codes)) if is_grants else None


def _advice(codes: Sequence[int]) -> str:
    """Return why the service account gets no token for a customer, and what to do about it."""
    for meant, text in _ADVICE:
        if not meant.isdisjoint(codes):
            return text
    return f"Microsoft refuses the service account{_numbered(codes)}."


def _numbered(codes: Sequence[int]) -> str:
    """Return a code and the page that explains it, in brackets; an empty text without a code."""
    return f" (AADSTS{codes[0]}, see https://login.microsoftonline.com/error)" if codes else ""
