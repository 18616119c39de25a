"""Which authentication methods people may register and use, and authentication strengths."""

from local.microsoft.filters import Document
from local.microsoft.resources import Access, Resource, words
from local.microsoft.tenant import Tenant
from local.microsoft.topics.readers import POLICY, SCOPES_MISSING, identity

_EVERYBODY = {
    "targetType": "group",
    "id": "all_users",
    "isRegistrationRequired": False,
}
_NOBODY = {"targetType": "group", "id": "00000000-0000-0000-0000-000000000000"}
_WRITE = Access(
    words("Policy.ReadWrite.AuthenticationMethod"),
    words("Global Administrator|Authentication Policy Administrator"),
)


def _method(name: str, kind: str, *, is_on: bool, **more: object) -> Document:
    return {
        "@odata.type": f"#microsoft.graph.{kind}AuthenticationMethodConfiguration",
        "id": name,
        "state": "enabled" if is_on else "disabled",
        "excludeTargets": [],
        **more,
        "includeTargets": [dict(_EVERYBODY)],
    }


def _feature(state: str) -> Document:
    return {
        "state": state,
        "includeTarget": {"targetType": "group", "id": "all_users"},
        "excludeTarget": dict(_NOBODY),
    }


def _methods(tenant: Tenant) -> list[Document]:
    """Return the configuration of each method; weak ones are on where nobody looks after them."""
    shows = tenant.by_profile("enabled", "default", "disabled")
    features = ("displayAppInformationRequiredState", "displayLocationInformationRequiredState")
    authenticator = _method(
        "MicrosoftAuthenticator",
        "microsoftAuthenticator",
        is_on=True,
        isSoftwareOathEnabled=not tenant.is_hardened,
        featureSettings={feature: _feature(shows) for feature in features},
    )
    return [_fido(tenant), authenticator, _access_pass(tenant), *_weak(tenant), *_unused()]


def _fido(tenant: Tenant) -> Document:
    return _method(
        "Fido2",
        "fido2",
        is_on=not tenant.is_neglected,
        isSelfServiceRegistrationAllowed=True,
        isAttestationEnforced=tenant.is_hardened,
        keyRestrictions={"isEnforced": False, "enforcementType": "block", "aaGuids": []},
    )


def _access_pass(tenant: Tenant) -> Document:
    return _method(
        "TemporaryAccessPass",
        "temporaryAccessPass",
        is_on=not tenant.is_neglected,
        defaultLifetimeInMinutes=60,
        defaultLength=8,
        minimumLifetimeInMinutes=60,
        maximumLifetimeInMinutes=480,
        isUsableOnce=tenant.is_hardened,
    )


def _weak(tenant: Tenant) -> list[Document]:
    """Return the methods that an attacker can get around."""
    weak, email = not tenant.is_hardened, tenant.by_profile("disabled", "default", "enabled")
    return [
        _method("Sms", "sms", is_on=weak),
        _method("SoftwareOath", "softwareOath", is_on=weak),
        _method("Voice", "voice", is_on=tenant.is_neglected, isOfficePhoneAllowed=weak),
        _method("Email", "email", is_on=weak, allowExternalIdToUseEmailOtp=email),
    ]


def _unused() -> list[Document]:
    lists = {"state": "disabled", "exemptedCertificateAuthoritiesSubjectKeyIdentifiers": []}
    codes = {"standardQRCodeLifetimeInDays": 365, "pinLength": 8}
    return [
        _method(
            "X509Certificate", "x509Certificate", is_on=False, crlValidationConfiguration=lists
        ),
        _method("QRCodePin", "qrCodePin", is_on=False, **codes),
    ]


def methods_policy(tenant: Tenant) -> Document:
    """Return the policy of authentication methods, with the configuration of each."""
    campaign = {
        "snoozeDurationInDays": 1,
        "state": tenant.by_profile("enabled", "default", "disabled"),
        "excludeTargets": [],
        "includeTargets": [
            {
                "id": "all_users",
                "targetType": "group",
                "targetedAuthenticationMethod": "microsoftAuthenticator",
            }
        ],
    }
    return {
        "id": "authenticationMethodsPolicy",
        "displayName": "Authentication Methods Policy",
        "description": "The tenant-wide policy that controls which methods are allowed.",
        "lastModifiedDateTime": "2025-03-01T00:00:00Z",
        "policyVersion": "1.5",
        "policyMigrationState": tenant.by_profile(
            "migrationComplete", "migrationInProgress", "preMigration"
        ),
        "registrationEnforcement": {"authenticationMethodsRegistrationCampaign": campaign},
        "authenticationMethodConfigurations": _methods(tenant),
    }


def _configurations(tenant: Tenant) -> list[Document]:
    """Return the methods of the policy, which can be written one by one."""
    policy = tenant.objects.get("policies/authenticationMethodsPolicy", None, latest=True)
    methods: list[Document] = (policy or methods_policy(tenant))[
        "authenticationMethodConfigurations"
    ]
    return methods


def _in_beta(tenant: Tenant, policy: Document) -> Document:
    """Return the policy with the properties that only beta has."""
    preferences = {
        "state": tenant.by_profile("enabled", "default", "disabled"),
        "excludeTargets": [],
        "includeTargets": [{"id": "all_users", "targetType": "group"}],
    }
    methods = policy["authenticationMethodConfigurations"]
    return {
        "systemCredentialPreferences": preferences,
        **policy,
        "authenticationMethodConfigurations": [_method_in_beta(tenant, one) for one in methods],
    }


def _method_in_beta(tenant: Tenant, method: Document) -> Document:
    if "featureSettings" not in method:
        return method
    companion = _feature(tenant.by_profile("disabled", "default", "enabled"))
    return {
        **method,
        "featureSettings": {"companionAppAllowedState": companion, **method["featureSettings"]},
    }


_STRENGTHS = (
    (
        "00000000-0000-0000-0000-000000000002",
        "Multifactor authentication",
        (
            *("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"),
            *("deviceBasedPush", "temporaryAccessPassOneTime", "temporaryAccessPassMultiUse"),
            *("password,microsoftAuthenticatorPush", "password,softwareOath"),
            *("password,hardwareOath", "password,sms", "password,voice", "federatedMultiFactor"),
        ),
    ),
    (
        "00000000-0000-0000-0000-000000000003",
        "Passwordless MFA",
        ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush"),
    ),
    (
        "00000000-0000-0000-0000-000000000004",
        "Phishing-resistant MFA",
        ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"),
    ),
)


def _strength(key: str, name: str, kind: str, combinations: tuple[str, ...]) -> Document:
    return {
        "id": key,
        "createdDateTime": "2021-12-01T00:00:00Z",
        "modifiedDateTime": "2021-12-01T00:00:00Z",
        "displayName": name,
        "description": f"{name}: combinations of methods that satisfy it",
        "policyType": kind,
        "requirementsSatisfied": "mfa",
        "allowedCombinations": list(combinations),
    }


def strengths(tenant: Tenant) -> list[Document]:
    """Return the built-in strengths, and one of its own in a hardened tenant."""
    built_in = [_strength(key, name, "builtIn", how) for key, name, how in _STRENGTHS]
    key = identity(tenant, "strength/Administrators")
    own = _strength(key, "Administrators", "custom", ("fido2",))
    return [*built_in, *tenant.by_profile([own], [], [])]


_TYPE = "microsoft.graph.authenticationMethodsPolicy"
RESOURCES = (
    Resource(
        "policies/authenticationMethodsPolicy",
        _TYPE,
        POLICY,
        methods_policy,
        is_list=False,
        in_beta=_in_beta,
        parts=words("authenticationMethodConfigurations"),
        writes={"PATCH": _WRITE},
        read_only=words("id|lastModifiedDateTime|displayName|description|policyVersion"),
        optional=words("systemCredentialPreferences"),
        denied=SCOPES_MISSING,
    ),
    Resource(
        "policies/authenticationMethodsPolicy/authenticationMethodConfigurations",
        "microsoft.graph.authenticationMethodConfiguration",
        POLICY,
        _configurations,
        writes={"PATCH": _WRITE},
        read_only=words("id"),
        choices={"state": words("enabled|disabled")},
        denied=SCOPES_MISSING,
    ),
    Resource(
        "policies/authenticationStrengthPolicies",
        "microsoft.graph.authenticationStrengthPolicy",
        POLICY,
        strengths,
        writes={
            method: Access(
                words("Policy.ReadWrite.AuthenticationMethod"),
                words("Security Administrator|Conditional Access Administrator"),
            )
            for method in ("POST", "PATCH", "DELETE")
        },
        read_only=words("id|createdDateTime|modifiedDateTime|policyType|requirementsSatisfied"),
        denied=SCOPES_MISSING,
    ),
)
