"""The numbers of invoices: 1, 2, 3, … for each MSP, without a gap."""

from dataclasses import replace

from domain.billing_account import BillingAccount


def take_number(account: BillingAccount) -> tuple[int, BillingAccount]:
    """Return the next invoice's number, and the account that has given it.

    The account is written in the transaction of the invoice, guarded by its version: a number is
    used exactly when its invoice is stored, so there is no gap and no number twice.
    """
    number = account.issued + 1
    return number, replace(account, issued=number)
