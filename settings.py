"""Settings, read from the environment; the README's table is checked against this model."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

# No pydantic plugins are used, and looking for them reads the metadata of every installed package
# at each cold start.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class SettingMissing(Exception):
    """A required setting is missing or wrong; the text names it."""


class StorageSettings(BaseModel):
    """The storage account: a connection string, or endpoints used with the app's identity."""

    model_config = ConfigDict(hide_input_in_errors=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Read each field from the environment variable with its name in capitals.

        Raises:
            ValidationError: A required variable is missing, or one is malformed.
        """
        names = {name: name.upper() for name in cls.model_fields}
        given = {field: os.environ[name] for field, name in names.items() if name in os.environ}
        return cls.model_validate(given)

    storage_connection_string: str | None = Field(
        None, description="Connection string of the storage account; local development."
    )
    storage_table_endpoint: str | None = Field(
        None, description="Table endpoint, reached with the app's managed identity; in Azure."
    )
    storage_queue_endpoint: str | None = Field(
        None, description="Queue endpoint, reached with the app's managed identity; in Azure."
    )
    storage_blob_endpoint: str | None = Field(
        None, description="Blob endpoint, reached with the app's managed identity; in Azure."
    )


class OperatorSettings(StorageSettings):
    """Storage, the secrets and Microsoft: what the operator commands need, as the app does."""

    key_vault_url: str | None = Field(
        None, description="Key Vault with the partner apps' credentials; in Azure."
    )
    secrets_dir: str | None = Field(
        None, description="Folder with one file per secret; local development."
    )
    azure_client_id: str | None = Field(
        None,
        description="Client ID of the app's user-assigned managed identity, which partner apps"
        " may trust; in Azure.",
    )
    credential_cache_seconds: float = Field(
        300,
        ge=0,
        description="A partner app's new credential takes effect within this many seconds.",
    )
    entra_authority: str = Field(
        "https://login.microsoftonline.com", description="Microsoft Entra ID, without a tenant."
    )
    graph_endpoint: str = Field(
        "https://graph.microsoft.com", description="Microsoft Graph, without a version."
    )
    partner_center_endpoint: str = Field(
        "https://api.partnercenter.microsoft.com", description="Partner Center, without a version."
    )
    consent_redirect_uri: str = Field(
        description="This app's /consent/callback as registered in Entra."
    )


class Settings(OperatorSettings):
    """The settings in which deployments differ.

    A setting without a default is required; the error names it and never shows a value.
    """

    api_audience: str = Field(description="Client ID of this API: the `aud` of staff tokens.")
    page_token_key: str = Field(
        min_length=32,
        description="Secret of 32 characters or more that signs page tokens; the same on all"
        " instances.",
    )
    portal_url: str = Field(description="Where the browser goes after consent.")
    seller_name: str = Field("Manage365 Pty Ltd", description="The seller on invoices.")
    seller_abn: str = Field(
        "", description="The seller's ABN on invoices; without it none are issued."
    )
    seller_address: str = Field(
        "", description=r"The seller's postal address on invoices, lines separated by `\n`."
    )
    payment_details: str = Field(
        "", description=r"How to pay, printed on invoices, lines separated by `\n`."
    )
    email_endpoint: str | None = Field(
        None,
        description="Azure Communication Services, for billing e-mails; without it they go to"
        " the log.",
    )
    email_sender: str = Field("", description="The sender's address of billing e-mails.")
    sync_interval_hours: float = Field(
        6, gt=0, description="Hours between two reads of a tenant's users and licences."
    )
    graph_pace_seconds: float = Field(
        1,
        ge=0,
        description=(
            "Seconds between two requests to a tenant's Conditional Access or identity protection;"
            " Microsoft accepts one a second from all apps together."
        ),
    )
    work_redelivery_seconds: float = Field(
        120, ge=0, description="Pending work older than this is queued again."
    )
    staff_cache_seconds: float = Field(
        30,
        ge=0,
        le=60,
        description="How long a caller's role is cached for reads; 0 turns the cache off.",
    )
    search_cache_seconds: float = Field(
        10,
        ge=0,
        description="Age at which the search index in memory is checked against storage.",
    )
    applicationinsights_connection_string: str | None = Field(
        None, description="Application Insights, for spans and metrics; without it none are sent."
    )
    telemetry_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Sampling rate of traces, by use case; metrics are not sampled.",
    )
    telemetry_console: bool = Field(
        default=False, description="Write spans and metrics to standard error; local development."
    )
    sync_schedule: str = Field(
        description="NCRONTAB schedule of the search for tenants due for sync, such as"
        " `0 */2 * * * *`."
    )
    gdap_schedule: str = Field(
        description="NCRONTAB schedule of the GDAP relationship poll, such as `15 */10 * * * *`."
    )
    recovery_schedule: str = Field(
        description="NCRONTAB schedule of requeuing pending work, such as `30 * * * * *`."
    )
    invoice_schedule: str = Field(
        description="NCRONTAB schedule of issuing invoices and payment reminders, such as"
        " `0 15 * * * *`."
    )

    @field_validator("seller_abn")
    @classmethod
    def _valid_abn(cls, text: str) -> str:
        """Check the ABN's digits: an invoice with a wrong ABN is not a tax invoice."""
        from stdnum.au import abn  # noqa: PLC0415  not loaded if there is no ABN

        if not text:
            return text
        if not abn.is_valid(text):
            raise ValueError("must be a valid Australian Business Number")
        return abn.compact(text)
