"""A small app for the tests of the local host."""

import asyncio

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
_TOGETHER = 50
_arrived = 0
_all_here = asyncio.Event()


@app.route("meet", methods=["GET"])
async def meet(req: func.HttpRequest) -> func.HttpResponse:
    """Answer once fifty invocations are running at the same time."""
    global _arrived  # noqa: PLW0603  counts the invocations
    _arrived += 1
    if _arrived == _TOGETHER:
        _all_here.set()
    await _all_here.wait()
    return func.HttpResponse("met")


@app.route("echo/{*rest}", methods=["POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Return what arrived; a synchronous function runs in a thread."""
    text = f"{req.route_params['rest']} {req.params['a']} {req.get_body().decode()}"
    return func.HttpResponse(text, status_code=201, headers={"x-sample": "yes"})


@app.route("broken", methods=["GET"])
async def broken(req: func.HttpRequest) -> func.HttpResponse:
    """Raise."""
    raise RuntimeError("the secret is hunter2")


@app.queue_trigger("message", "sample", "AzureWebJobsStorage")
async def fail(message: func.QueueMessage) -> None:
    """Always fail."""
    raise RuntimeError(f"attempt {message.dequeue_count}")


_overtaken = asyncio.Event()


@app.queue_trigger("message", "overtaking", "AzureWebJobsStorage")
async def overtaken(message: func.QueueMessage) -> None:
    """Make the slow message wait until the quick one has arrived."""
    if message.get_body() == b"quick":
        _overtaken.set()
    await _overtaken.wait()


@app.timer_trigger("timer", "0 0 0 1 1 *")
async def yearly(timer: func.TimerRequest) -> None:
    """Run for half a second."""
    await asyncio.sleep(0.5)
