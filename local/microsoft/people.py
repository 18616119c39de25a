"""The people of a tenant: generated from its number when they are read, always the same."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from local.microsoft.products import SKUS

_FIRST = (
    "Adele", "Björn", "Chloé", "Đorđe", "Ελένη", "Фёдор", "गीता", "Henrietta", "İpek", "José",
    "Kōji", "李娜", "Mahmoud", "نور", "Ödön", "Paweł", "Quentin", "Ruth", "Søren", "Þóra",
)  # fmt: skip
_LAST = (
    "Vance", "Åberg", "Müller", "O'Neil", "Παπαδόπουλος", "Иванов", "शर्मा", "van der Berg",
    "Yılmaz", "García", "佐藤", "王", "الخطيب", "Nowak", "Smith-Jones", "Wilber",
)  # fmt: skip
_DEPARTMENTS = ("Service desk", "Projects", "Sales", "Finance", None)


def user(number: int, index: int, domain: str, version: int = 0) -> dict[str, Any]:
    """Return a user of a tenant.

    Args:
        number: The tenant's number.
        index: The user's index; index 0 is an enabled member.
        version: How often the user was changed.
    """
    random = Random(number * 1_000_003 + index)
    first, last = random.choice(_FIRST), random.choice(_LAST)
    guest = index > 0 and random.random() < 0.1
    name = f"user{index}.{number}"
    address = f"{name}@{domain}"
    licences = random.sample(SKUS, k=random.choice((0, 1, 1, 2)))
    return {
        "id": str(UUID(int=random.getrandbits(128), version=4)),
        "displayName": f"{first} {last}" + (f" ({version})" if version else ""),
        "userPrincipalName": f"{name}_example.org#EXT#@{domain}" if guest else address,
        "mail": None if guest or random.random() < 0.1 else address,
        "accountEnabled": index == 0 or random.random() > 0.08,
        "userType": "Guest" if guest else "Member",
        "createdDateTime": _time(datetime(2019, 1, 1, tzinfo=UTC) + timedelta(hours=index)),
        "assignedLicenses": [{"disabledPlans": [], "skuId": sku} for sku, _ in licences],
        "jobTitle": random.choice(("Engineer", "Technician", "Account manager", None)),
        "department": random.choice(_DEPARTMENTS),
        "usageLocation": random.choice(("AU", "NZ", None)),
        "onPremisesSyncEnabled": random.choice((True, None, None)),
        "givenName": first,
        "surname": last,
        "preferredLanguage": "en-AU",
    }


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
