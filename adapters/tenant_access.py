"""The permissions in a tenant's token."""

from typing import override

from adapters.entra_refusals import DelegatedAccessRefused
from adapters.identity import TokenSource, roles_of, scopes_of
from domain.errors import TenantNotManageable
from domain.msp import Msp
from domain.ports.tenant_access import TenantAccess
from domain.tenant import Tenant


class TokenTenantAccess(TenantAccess):
    """TenantAccess from the claims of the token: `roles` if it is app-only, `scp` otherwise."""

    def __init__(self, tokens: TokenSource) -> None:
        self._tokens = tokens

    @override
    async def permissions(self, msp: Msp, tenant: Tenant, *, fresh: bool = False) -> frozenset[str]:
        try:
            token = await self._tokens.tenant_token(msp, tenant, fresh=fresh)
        except DelegatedAccessRefused as refusal:
            raise TenantNotManageable(str(refusal)) from None
        return roles_of(token) if tenant.is_own_msp_tenant else scopes_of(token)
