"""The connection to a Docker engine, and the only file that knows docker-py: calls go out, our own errors come back.

docker-py's clients are not thread-safe, so every call borrows one from a small pool; streams keep one for themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, TypeVar

from mlops_desktop.domain.errors import Conflict, NotFound, StorageError
from mlops_desktop.engines.failures import refusal, unavailable

T = TypeVar("T")
CALL_SECONDS = 60.0  # no answer within this time: the engine does not answer
STATUS_SECONDS = 3.0
DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
SPOOL_BYTES = 16 << 20  # build contexts above this go to a temporary file


class DockerHost:
    """A Docker engine at an address (empty: what DOCKER_HOST says, else the usual socket). Connects when used."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._api_version: str | None = None
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()

    # The engine itself

    def info(self, timeout: float = CALL_SECONDS) -> dict[str, Any]:
        """What `docker info` shows; a short timeout for those who only want to know whether it answers."""
        if timeout == CALL_SECONDS:
            return self._call(lambda api: dict(api.info()))
        with translated():
            self._knock()
            client = self._connect(timeout)
            try:
                return dict(client.info())
            finally:
                client.close()

    @property
    def local(self) -> bool:
        """Whether the engine is on this computer."""
        with self._borrow() as api:
            return str(api.base_url).startswith("http+docker://local")

    @property
    def shares_processes(self) -> bool:
        """Whether process ids that it tells are this computer's: not with a virtual machine in between."""
        return sys.platform == "linux" and self.local

    # Images

    def image(self, name: str) -> dict[str, Any] | None:
        return self._find(lambda api: api.inspect_image(name))

    def pull(
        self, name: str, told: Callable[[dict[str, Any]], None], on_cancel: Callable[[Callable[[], None]], None]
    ) -> None:
        """Pull an image; `told` gets each message of the engine."""
        repository, _, tag = name.partition("@") if "@" in name else name.rpartition(":")
        if not repository or "/" in tag:
            repository, tag = name, "latest"

        def open_stream(api: Any) -> Any:
            return api._post(
                api._url("/images/create"), params={"fromImage": repository, "tag": tag}, stream=True, timeout=None
            )

        self._stream(open_stream, told, on_cancel)

    def build(
        self,
        name: str,
        write_context: Callable[[IO[bytes]], None],
        labels: Mapping[str, str],
        arguments: Mapping[str, str],
        told: Callable[[dict[str, Any]], None],
        on_cancel: Callable[[Callable[[], None]], None],
    ) -> None:
        """Build an image with the classic builder; `told` gets each message, and raises to end the build.

        `arguments` should hold proxy settings only: the engine keeps those out of the image's history.
        """
        # Not api.build(): it hides the response, and only closing the response stops the engine.
        parameters = {
            "t": name,
            "rm": True,
            "forcerm": True,
            "pull": False,
            "labels": json.dumps(dict(labels)),
            "buildargs": json.dumps(dict(arguments)),
        }
        with spooled(write_context) as context:

            def open_stream(api: Any) -> Any:
                return api._post(
                    api._url("/build"),
                    data=context,
                    params=parameters,
                    headers={"Content-Type": "application/x-tar"},
                    stream=True,
                    timeout=None,
                )

            self._stream(open_stream, told, on_cancel)

    def commit(self, container: str, name: str, labels: Mapping[str, str]) -> None:
        """Make an image of a container's files, with its configuration and more labels."""
        repository, _, tag = name.rpartition(":")
        conf = {"Labels": dict(labels)}
        self._call(lambda api: api.commit(container, repository=repository, tag=tag, pause=False, conf=conf))

    def prune_images(self, label: str, until: str = "") -> None:
        """Remove untagged images with that label, as builds leave them; `until`: only older ones, such as 1h."""
        filters: dict[str, Any] = {"dangling": True, "label": [label]} | ({"until": [until]} if until else {})
        self._call(lambda api: api.prune_images(filters=filters))

    def has_untagged(self, label: str) -> bool:
        return bool(self._call(lambda api: api.images(filters={"dangling": True, "label": label})))

    def remove_image(self, name: str) -> None:
        with contextlib.suppress(NotFound, Conflict):
            self._call(lambda api: api.remove_image(name, noprune=False))

    # Containers

    def create(self, name: str, image: str, host: Mapping[str, Any], **options: Any) -> str:
        """Create a container; `host` are docker-py's host options. Conflict when the name is taken."""

        def make(api: Any) -> str:
            config = api.create_host_config(**host)
            return str(api.create_container(image, name=name, host_config=config, **options)["Id"])

        return self._call(make)

    def start(self, container: str) -> None:
        self._call(lambda api: api.start(container))

    def stop(self, container: str, grace_seconds: float) -> None:
        """Stop it if it exists and runs."""
        with contextlib.suppress(NotFound):
            self._call(
                lambda api: api.stop(container, timeout=max(0, round(grace_seconds))), CALL_SECONDS + grace_seconds
            )

    def kill(self, container: str, signal: str) -> None:
        self._call(lambda api: api.kill(container, signal))

    def remove(self, container: str) -> None:
        """Remove it, running or not, if it exists."""
        with contextlib.suppress(NotFound, Conflict):  # Conflict: its removal is already going on
            self._call(lambda api: api.remove_container(container, force=True, v=True))

    def inspect(self, container: str) -> dict[str, Any] | None:
        return self._find(lambda api: api.inspect_container(container))

    def containers(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Containers in any state that carry all labels; an empty value asks for the label alone."""
        wanted = [f"{key}={value}" if value else key for key, value in labels.items()]
        return self._call(lambda api: list(api.containers(all=True, filters={"label": wanted})))

    def never_started(self, name: str) -> list[dict[str, Any]]:
        """Containers whose name begins so and that were only created."""
        filters = {"name": [f"^/{name}"], "status": ["created"]}
        return self._call(lambda api: list(api.containers(all=True, filters=filters)))

    def put(self, container: str, folder: str, tar: bytes | IO[bytes]) -> None:
        """Unpack a tar inside a container, which need not run."""
        self._call(lambda api: api.put_archive(container, folder, tar))

    def execute(self, container: str, command: list[str]) -> tuple[int, str]:
        """Run a command in a running container: exit code and output."""

        def run(api: Any) -> tuple[int, str]:
            made = api.exec_create(container, command)["Id"]
            output = api.exec_start(made)
            return int(api.exec_inspect(made)["ExitCode"] or 0), output.decode(errors="replace")

        return self._call(run)

    def logs(self, container: str, stream: str, tail: int, since: float | None) -> str:
        """One stream's lines, each after its time."""

        def read(api: Any) -> str:
            out = api.logs(
                container, stdout=stream == "stdout", stderr=stream == "stderr", timestamps=True, tail=tail, since=since
            )
            return str(out.decode(errors="replace"))

        return self._call(read)

    def statistics(
        self, container: str, told: Callable[[dict[str, Any]], None], on_cancel: Callable[[Callable[[], None]], None]
    ) -> None:
        """Read a container's figures, one a second, until it stops or is cancelled."""
        self._stream(
            lambda api: api._get(api._url("/containers/{0}/stats", container), params={"stream": True}, stream=True),
            told,
            on_cancel,
        )

    def events(self, since: float, until: float, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What happened between two moments that are past."""
        return self._call(
            lambda api: list(api.events(since=int(since), until=int(until), filters=dict(filters), decode=True))
        )

    # Volumes

    def volume(self, name: str) -> dict[str, Any] | None:
        return self._find(lambda api: api.inspect_volume(name))

    def create_volume(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return self._call(lambda api: dict(api.create_volume(name, labels=dict(labels))))

    def remove_volume(self, name: str) -> None:
        with contextlib.suppress(NotFound, Conflict):
            self._call(lambda api: api.remove_volume(name))

    def close(self) -> None:
        """Close idle connections; the next call would open new ones."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    # Plumbing

    def _connect(self, timeout: float) -> Any:
        import docker
        from docker.utils import kwargs_from_env

        options = {"base_url": self._address} if self._address else kwargs_from_env()
        client = docker.APIClient(version=self._api_version or "auto", timeout=timeout, **options)
        self._api_version = client.api_version
        return client

    def _knock(self) -> None:
        """Fail at once, with the plain cause, when nobody listens at a Unix socket.

        docker-py would leave its own socket open when it can't connect.
        """
        address = self._address or os.environ.get("DOCKER_HOST") or DEFAULT_ADDRESS
        if address.startswith("unix://") and hasattr(socket, "AF_UNIX"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(STATUS_SECONDS)
                probe.connect("/" + address.removeprefix("unix://").lstrip("/"))

    @contextlib.contextmanager
    def _borrow(self, timeout: float = CALL_SECONDS) -> Iterator[Any]:
        with translated():
            self._knock()
            try:
                client = self._idle.get_nowait()
            except queue.Empty:
                client = self._connect(timeout)
            client.timeout = timeout
            try:
                yield client
            finally:
                self._idle.put(client)

    def _call(self, function: Callable[[Any], T], timeout: float = CALL_SECONDS) -> T:
        with self._borrow(timeout) as client:
            return function(client)

    def _find(self, function: Callable[[Any], Any]) -> dict[str, Any] | None:
        try:
            return dict(self._call(function))
        except NotFound:
            return None

    def _stream(
        self,
        open_stream: Callable[[Any], Any],
        told: Callable[[dict[str, Any]], None],
        on_cancel: Callable[[Callable[[], None]], None],
    ) -> None:
        from docker.errors import DockerException
        from docker.types import CancellableStream

        with translated():
            self._knock()
            client = self._connect(CALL_SECONDS)
            try:
                response = open_stream(client)
                client._raise_for_status(response)
                stream = CancellableStream(client._stream_helper(response, decode=True), response)

                def stop() -> None:
                    # It reaches for the socket below the response, which may be gone by itself already.
                    with contextlib.suppress(AttributeError, OSError, DockerException):
                        stream.close()

                # Taken now: when the engine hangs up, the response forgets its file without closing the socket below.
                file = getattr(getattr(response.raw, "_fp", None), "fp", None)
                line = getattr(getattr(file, "raw", None), "_sock", None)
                on_cancel(stop)
                try:
                    for message in stream:
                        told(message)
                finally:
                    response.close()
                    for part in (file, line):
                        if part is not None:
                            part.close()
            finally:
                client.close()


@contextlib.contextmanager
def spooled(write: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """A tar to be sent, in memory or, when it is large, in a temporary file."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as context:
        try:
            write(context)
        except OSError as error:
            raise StorageError(f"The build context can't be written: {error.strerror}.", "Free some space.") from error
        context.seek(0)
        yield context


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn every error of docker-py and of what it stands on into ours."""
    import requests
    import urllib3
    from docker.errors import APIError, DockerException
    from docker.errors import NotFound as Missing

    try:
        yield
    except Missing as error:
        raise NotFound(f"Docker does not know it: {_explanation(error)}", "Refresh, or deploy again.") from error
    except APIError as error:
        raise refusal(_explanation(error), int(error.status_code or 500)) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise unavailable(error) from error


def _explanation(error: Any) -> str:
    text = error.explanation or str(error)
    return (text.decode(errors="replace") if isinstance(text, bytes) else str(text)).strip()
