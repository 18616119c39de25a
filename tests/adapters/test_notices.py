from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.communication.email.aio import EmailClient
from azure.core.credentials import AzureKeyCredential

from adapters.billing_emails import EmailLog, EmailSender
from domain.errors import BillingEmailFailed
from domain.identifiers import MspId
from domain.ports.billing_emails import BillingEmail, NoticeKind
from local.processes import free_ports

NOTICE = BillingEmail(
    NoticeKind.PAYMENT_DUE,
    MspId("m"),
    "accounts@contoso.com",
    "Invoice M365-INV-0001 is due",
    "Please pay.",
    "m:M365-INV-0001:3",
)


class Service:
    """The part of Azure Communication Services that accepts an e-mail."""

    def __init__(self) -> None:
        self.status = 202
        self.requests: list[tuple[Any, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((await request.json(), request.headers["Operation-Id"]))
        return web.json_response({"id": "x", "status": "Running"}, status=self.status)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, EmailSender]]:
    taking = Service()
    app = web.Application()
    app.router.add_post("/emails:send", taking.take)
    async with TestServer(app) as server:
        client = EmailClient(
            str(server.make_url("")), AzureKeyCredential("c2VjcmV0"), retry_total=0
        )
        yield taking, EmailSender(lambda: client, "billing@manage365.example")
        await client.close()


async def test_a_notice_is_handed_over_as_the_same_one_at_each_attempt(
    service: tuple[Service, EmailSender],
) -> None:
    taking, notices = service
    await notices.send(NOTICE)
    await notices.send(NOTICE)
    (body, first), (_, second) = taking.requests
    assert body["senderAddress"] == "billing@manage365.example"
    assert body["recipients"] == {"to": [{"address": "accounts@contoso.com"}]}
    assert body["content"] == {"subject": NOTICE.subject, "plainText": "Please pay."}
    assert first == second


async def test_an_attempt_that_the_service_knows_already_is_no_failure(
    service: tuple[Service, EmailSender],
) -> None:
    taking, notices = service
    taking.status = 409
    await notices.send(NOTICE)


@pytest.mark.parametrize("status", [400, 401, 503])
async def test_a_notice_that_is_not_taken_is_a_failure(
    service: tuple[Service, EmailSender], status: int
) -> None:
    taking, notices = service
    taking.status = status
    with pytest.raises(BillingEmailFailed):
        await notices.send(NOTICE)


async def test_a_service_that_does_not_answer_is_a_failure() -> None:
    (port,) = free_ports(1)
    async with EmailClient(
        f"http://127.0.0.1:{port}", AzureKeyCredential("c2VjcmV0"), retry_total=0
    ) as client:
        with pytest.raises(BillingEmailFailed):
            await EmailSender(lambda: client, "x").send(NOTICE)


async def test_without_an_address_the_log_has_it_and_never_the_address(
    service: tuple[Service, EmailSender], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    _, notices = service
    await notices.send(replace(NOTICE, to=None))
    await EmailLog().send(NOTICE)
    assert service[0].requests == []
    assert NOTICE.subject in caplog.text
    assert "accounts@contoso.com" not in caplog.text
