"""CORS as Azure's front end handles it before the host: the `cors` of `infra/`.

https://learn.microsoft.com/azure/app-service/app-service-web-tutorial-rest-api#enable-cors
"""

from aiohttp import web

from local.host.server import Handler


class FrontEnd:
    """Answers preflights itself, and lets browsers of exactly one origin read responses.

    Args:
        handler: Answers everything else.
        origin: The origin that may call; None turns CORS off, and the host gets preflights too.
    """

    def __init__(self, handler: Handler, origin: str | None) -> None:
        self._handler, self._origin = handler, origin

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        if self._origin is None:
            return await self._handler(request)
        allowed = request.headers.get("Origin") == self._origin
        if _is_preflight(request):
            return web.Response(status=204, headers=self._leave(request) if allowed else {})
        response = await self._handler(request)
        if allowed:
            response.headers["Access-Control-Allow-Origin"] = self._origin
        return response

    def _leave(self, request: web.BaseRequest) -> dict[str, str]:
        asked = {
            "Access-Control-Allow-Methods": request.headers["Access-Control-Request-Method"],
            "Access-Control-Allow-Headers": request.headers.get(
                "Access-Control-Request-Headers", ""
            ),
        }
        named = {name: value for name, value in asked.items() if value}
        return {"Access-Control-Allow-Origin": self._origin or "", **named}


def _is_preflight(request: web.BaseRequest) -> bool:
    return (
        request.method == "OPTIONS"
        and {
            "Origin",
            "Access-Control-Request-Method",
        }
        <= request.headers.keys()
    )
