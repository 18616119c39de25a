"""The accounts that sign in with a code: staff, administrators, service accounts, a guest."""

from dataclasses import dataclass
from functools import cache

from local.sample_data import CONTOSO, MSPS, STRANGER, fixed_id, tenants


@dataclass(frozen=True, slots=True)
class SignInAccount:
    """An account.

    Args:
        home: The tenant that it belongs to.
        guest_of: Other tenants in which it is a guest.
        is_admin: Whether it is a Global Administrator.
    """

    user_name: str
    oid: str
    home: str
    guest_of: tuple[str, ...] = ()
    is_admin: bool = False


@cache
def accounts() -> dict[str, SignInAccount]:
    """Return the accounts by user name."""
    known = [
        SignInAccount(
            f"admin@{t.domain}", fixed_id(f"admin/{t.domain}"), t.tenant_id, is_admin=True
        )
        for t in tenants()
    ]
    for msp in MSPS:
        known += [
            SignInAccount(f"{one.role}@{msp.own.domain}", one.oid, one.tid) for one in msp.staff
        ]
        name, oid = f"service@{msp.own.domain}", fixed_id(f"account/{msp.client_id}")
        known.append(SignInAccount(name, oid, msp.own.tenant_id))
    guest = fixed_id(f"guest/{STRANGER.domain}")
    home, where = STRANGER.tenant_id, (CONTOSO.own.tenant_id,)
    known.append(SignInAccount(f"guest@{STRANGER.domain}", guest, home, where))
    return {account.user_name: account for account in known}
