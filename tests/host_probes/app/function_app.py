"""Probes: functions that return what a host passed them. Their names decide the order."""

import asyncio
import json

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
_STORAGE = "AzureWebJobsStorage"
_TOGETHER = 30
_arrived: list[str] = []
_all_here = asyncio.Event()
_messages: list[dict[str, object]] = []


def _given(name: str, req: func.HttpRequest) -> func.HttpResponse:
    given = {
        "function": name,
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route": dict(req.route_params),
        "received": req.get_body().decode("latin-1"),
    }
    return func.HttpResponse(json.dumps(given), mimetype="application/json")


@app.route("early/{id}", methods=["GET"])
def a_parameter(req: func.HttpRequest) -> func.HttpResponse:
    """A parameter that sorts before a literal."""
    return _given("a_parameter", req)


@app.route("early/summary", methods=["GET"])
def b_literal(req: func.HttpRequest) -> func.HttpResponse:
    """A literal that sorts after a parameter."""
    return _given("b_literal", req)


@app.route("late/summary", methods=["GET"])
def c_literal(req: func.HttpRequest) -> func.HttpResponse:
    """A literal that sorts before a parameter."""
    return _given("c_literal", req)


@app.route("late/{id}", methods=["GET"])
def d_parameter(req: func.HttpRequest) -> func.HttpResponse:
    """A parameter that sorts after a literal."""
    return _given("d_parameter", req)


@app.route("echo/{value}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Return everything that arrived."""
    return _given("echo", req)


@app.route("empty/{status:int}", methods=["GET"])
def empty(req: func.HttpRequest) -> func.HttpResponse:
    """Answer without a body."""
    return func.HttpResponse(status_code=int(req.route_params["status"]))


@app.route("large/{megabytes:int}", methods=["GET"])
def large(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with a large body."""
    return func.HttpResponse(bytes(int(req.route_params["megabytes"]) * 1024 * 1024))


@app.route("meet/{day}", methods=["GET"])
async def meet(req: func.HttpRequest) -> func.HttpResponse:
    """Answer once all invocations are running at the same time."""
    _arrived.append(req.url)
    if len(_arrived) == _TOGETHER:
        _all_here.set()
    await _all_here.wait()
    return func.HttpResponse("met")


@app.route("messages", methods=["GET"])
def messages(req: func.HttpRequest) -> func.HttpResponse:
    """Return the messages that functions were called with."""
    return func.HttpResponse(json.dumps(_messages), mimetype="application/json")


@app.route("method", methods=["GET"])
def method_get(req: func.HttpRequest) -> func.HttpResponse:
    """Accept one method."""
    return _given("method_get", req)


@app.route("method", methods=["PATCH"])
def method_patch(req: func.HttpRequest) -> func.HttpResponse:
    """Accept another method of the same path."""
    return _given("method_patch", req)


@app.route("typed/guid/{id:guid}", methods=["GET"])
def typed_guid(req: func.HttpRequest) -> func.HttpResponse:
    """Accept GUIDs."""
    return _given("typed_guid", req)


@app.route("typed/regex/{id:regex(^a{{2}}$)}", methods=["GET"])
def typed_regex(req: func.HttpRequest) -> func.HttpResponse:
    """Accept what matches a pattern."""
    return _given("typed_regex", req)


@app.route("typed/{kind}/{id}", methods=["GET"])
def typed_unfit(req: func.HttpRequest) -> func.HttpResponse:
    """Accept what matches no constraint."""
    return _given("typed_unfit", req)


@app.route("wild/{*path}", methods=["GET"])
def unrouted(req: func.HttpRequest) -> func.HttpResponse:
    """Accept everything else, including the requests for functions that sort after it."""
    return _given("unrouted", req)


@app.route("wild/zed", methods=["GET"])
def zed(req: func.HttpRequest) -> func.HttpResponse:
    """Is never reached: its name sorts after the catch-all's."""
    return _given("zed", req)


def _take(message: func.QueueMessage, queue: str) -> None:
    body = message.get_body().decode()
    _messages.append({"queue": queue, "body": body, "dequeue": message.dequeue_count})
    if body.startswith("fail"):
        raise RuntimeError("as it was asked to")


@app.queue_trigger("message", "probe", _STORAGE)
def take(message: func.QueueMessage) -> None:
    """Receive messages."""
    _take(message, "probe")


@app.queue_trigger("message", "probe-poison", _STORAGE)
def take_poison(message: func.QueueMessage) -> None:
    """Receive failed messages."""
    _take(message, "probe-poison")


@app.queue_trigger("message", "probe-lone", _STORAGE)
def take_lone(message: func.QueueMessage) -> None:
    """Receive messages of a queue whose poison queue has no trigger."""
    _take(message, "probe-lone")
