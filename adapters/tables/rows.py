"""The stored form of the rows in the table `msps`.

A kind is stored as the annotations of its class specify. The exceptions in this module preserve
the form that earlier releases wrote; a new kind needs no exception.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from azure.data.tables import TableEntity

from adapters.tables.row_codec import (
    Codec,
    Stored,
    amount_of,
    as_json,
    as_list,
    as_object,
    many,
    prefixed,
    row_codec,
)
from domain.billing_account import BillingAccount
from domain.billing_terms import BillingTerms, TermsChange
from domain.consent_session import ConsentOutcome, ConsentRecord, ConsentState
from domain.identifiers import MspId, TenantId
from domain.invoice import Invoice, InvoiceLine, InvoiceLines, InvoiceParty, Payment
from domain.month import Month
from domain.msp import Msp, PartnerApp, SecurityGroup
from domain.row_changes import Row
from domain.row_kinds import kind_of
from domain.usage import ActivePeriod, TenantUsage

IN_RANGE = "PartitionKey eq @msp and RowKey ge @first and RowKey lt @last"
_COMPACT = (",", ":")
_MSP_ID = {"msp_id": "PartitionKey"}


def to_entity(row: Row) -> dict[str, Any]:
    """Return a row as an entity; properties that are None are omitted, as Tables would do."""
    cls = type(row)
    return {"RowKey": kind_of(cls).key_of(row), **_codec(cls).encode(row)}


def from_entity[R: Row](cls: type[R], entity: TableEntity) -> R:
    """Read a row.

    Raises:
        StorageUnavailable: Another release wrote a word that this release does not know.
    """
    return cast("R", _codec(cls).decode(entity))


def range_of(kind: type[Row], msp_id: MspId, *key: str) -> dict[str, str]:
    """Return the parameters of IN_RANGE for an MSP's rows of a kind with these key parts."""
    first, last = kind_of(kind).range(*key)
    return {"msp": msp_id, "first": first, "last": last}


def _groups() -> Codec:
    """Return the codec for security groups; an element without a group ID is ignored."""
    group = as_object(SecurityGroup)
    return Codec(
        many(group).encode,
        lambda found: tuple(
            group.decode({"roles": [], **each}) for each in found if "group_id" in each
        ),
    )


def _msp() -> Codec:
    app = row_codec(PartnerApp, codecs={"security_groups": as_json(_groups())})
    spread = {"app": prefixed("app_", app)}
    codec = row_codec(Msp, _MSP_ID, spread=spread, required=("owners",))
    return Codec(codec.encode, lambda stored: codec.decode(_with_sign_in_tenants(stored)))


def _with_sign_in_tenants(stored: Stored) -> Stored:
    """Return an MSP's row with its sign-in tenants.

    An earlier release did not store them. The tenant of the app registration is a sign-in tenant,
    because only staff could create the registration.
    """
    return {"sign_in_tenants": json.dumps([stored["app_tenant_id"]]), **stored}


def _consent() -> Codec:
    codec = row_codec(ConsentRecord, _MSP_ID)
    return Codec(codec.encode, lambda stored: codec.decode(_with_known_state(stored)))


def _with_known_state(stored: Stored) -> Stored:
    """Return a consent row; a state or outcome unknown to this release counts as none."""
    if stored["state"] in ConsentState and stored.get("outcome") in {None, *ConsentOutcome}:
        return stored
    return {**stored, "state": ConsentState.NONE, "outcome": None}


def _payment() -> Codec:
    """Return the codec for payments; `paid` is written only for queries and never read."""
    names = {"dunning_step": "pursued", "dunning_at": "pursued_at", "notified_step": "noticed"}
    codec = row_codec(Payment, _MSP_ID | names, required=("dunning_step", "notified_step"))
    return Codec(lambda row: codec.encode(row) | {"paid": row.paid_at is not None}, codec.decode)


def _encode_lines(row: InvoiceLines) -> Stored:
    lines = [
        (line.tenant_id, line.tenant_name, line.active_days, int(line.amount.scaleb(2)))
        for line in row.lines
    ]
    text = json.dumps(lines, ensure_ascii=False, separators=_COMPACT)
    return {"PartitionKey": str(row.msp_id), "lines": text}


def _decode_lines(stored: Stored) -> InvoiceLines:
    """Read a part of an invoice's lines; month, set and number are stored only in the key."""
    _, text, line_set, part = stored["RowKey"].split(":")
    month = Month.parse(text)
    lines = tuple(
        InvoiceLine(TenantId(tenant_id), name, days, month.days, amount_of(cents))
        for tenant_id, name, days, cents, *_ in json.loads(stored["lines"])
    )
    return InvoiceLines(MspId(stored["PartitionKey"]), month, line_set, int(part), lines)


def _usage() -> Codec:
    periods = as_json(many(as_list(ActivePeriod)), _COMPACT)
    return row_codec(TenantUsage, _MSP_ID | {"periods": "stretches"}, {"periods": periods})


def _terms() -> Codec:
    terms = row_codec(BillingTerms, required=("annual_prepay",))
    return row_codec(TermsChange, _MSP_ID, spread={"terms": terms})


def _invoice() -> Codec:
    party = as_json(as_list(InvoiceParty))
    return row_codec(Invoice, _MSP_ID, {"seller": party, "buyer": party})


# Kinds that are not stored as their annotations alone specify.
_EXCEPTIONS: dict[type[Row], Callable[[], Codec]] = {
    Msp: _msp,
    ConsentRecord: _consent,
    TenantUsage: _usage,
    TermsChange: _terms,
    BillingAccount: lambda: row_codec(BillingAccount, _MSP_ID, required=("issued", "documented")),
    Invoice: _invoice,
    InvoiceLines: lambda: Codec(_encode_lines, _decode_lines),
    Payment: _payment,
}


@cache
def _codec(cls: type[Row]) -> Codec:
    """Return the codec of a kind, made when it is first used: a cold start waits for no other."""
    exception = _EXCEPTIONS.get(cls)
    return exception() if exception else row_codec(cls, _MSP_ID)
