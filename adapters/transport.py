"""The transport of the Azure SDK's clients."""

from urllib.request import getproxies_environment

from azure.core.pipeline.transport import AioHttpTransport


def names_proxy() -> bool:
    """Return whether the environment names a proxy for HTTP or HTTPS.

    https://docs.aiohttp.org/en/stable/client_advanced.html#proxy-support
    """
    return not {"http", "https"}.isdisjoint(getproxies_environment())


def new_transport(*, connection_timeout: float = 20, read_timeout: float = 60) -> AioHttpTransport:
    """Return a transport over connections of its own.

    For each request the SDK's transport would read the proxy variables and `~/.netrc`, in a
    thread: a third of a request's time. It does so only if there is a proxy when the app starts.

    Args:
        connection_timeout: Seconds to wait for a connection; by default as in the storage SDKs.
        read_timeout: Seconds to wait for data; by default as in the storage SDKs.
    """
    return AioHttpTransport(
        connection_timeout=connection_timeout,
        read_timeout=read_timeout,
        use_env_settings=names_proxy(),
    )
