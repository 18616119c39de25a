"""A small app for the tests of the local host."""

import asyncio

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
_TOGETHER = 50
_arrived = 0
_all_here = asyncio.Event()


@app.route("meet", methods=["GET"])
async def meet(req: func.HttpRequest) -> func.HttpResponse:
    """Answer once fifty invocations are under way at the same time."""
    global _arrived  # noqa: PLW0603  the invocations count themselves
    _arrived += 1
    if _arrived == _TOGETHER:
        _all_here.set()
    await _all_here.wait()
    return func.HttpResponse("met")


@app.route("echo/{*rest}", methods=["POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Give back what arrived; a sync function runs in a thread."""
    text = f"{req.route_params['rest']} {req.params['a']} {req.get_body().decode()}"
    return func.HttpResponse(text, status_code=201, headers={"x-sample": "yes"})


@app.route("broken", methods=["GET"])
async def broken(req: func.HttpRequest) -> func.HttpResponse:
    """Raise."""
    raise RuntimeError("the secret is hunter2")


@app.queue_trigger("message", "sample", "AzureWebJobsStorage")
async def fail(message: func.QueueMessage) -> None:
    """Never succeed."""
    raise RuntimeError(f"attempt {message.dequeue_count}")


_overtaken = asyncio.Event()


@app.queue_trigger("message", "overtaking", "AzureWebJobsStorage")
async def overtaken(message: func.QueueMessage) -> None:
    """Let the slow message wait until the quick one has come."""
    if message.get_body() == b"quick":
        _overtaken.set()
    await _overtaken.wait()


@app.timer_trigger("timer", "0 0 0 1 1 *")
async def yearly(timer: func.TimerRequest) -> None:
    """Take a moment."""
    await asyncio.sleep(0.5)
