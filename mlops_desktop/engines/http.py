"""Requests to the gateway and to deployments; the one place that knows httpx."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_desktop.domain.errors import EngineUnavailable

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class HttpClient:
    """Keeps connections open; may be used from any thread. Environment proxies are not asked: all is on loopback."""

    def __init__(self) -> None:
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Answer:
        """Any answer, whatever its status; EngineUnavailable when there is none within `timeout` seconds."""
        import httpx

        try:
            response = self._open().request(method, url, content=body, headers=dict(headers or {}), timeout=timeout)
        except httpx.TimeoutException as error:
            raise EngineUnavailable(f"No answer within {timeout:g} s.", "Look at the deployment's log.") from error
        except httpx.HTTPError as error:
            raise EngineUnavailable("The gateway does not answer.", "Check the engine, then try again.") from error
        return Answer(response.status_code, dict(response.headers), response.content)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _open(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=64))
            return self._client
