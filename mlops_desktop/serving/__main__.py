"""Start the serving program: verify and load a bundle, then serve it until SIGTERM, which lets requests finish."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from mlops_desktop.serving.errors import CannotServe
from mlops_desktop.serving.log import install, log


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 stopped as asked, 1 the bundle or the address can't be served, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    install()
    # One thread for linear algebra, too: see onnx_predictor. Read by the libraries when they are imported.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        return _serve(options)
    except CannotServe as error:
        log("error", str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlops_desktop.serving", description="Serve one model over HTTP.")
    parser.add_argument("--bundle", type=Path, required=True, help="folder with serving.json and model/")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--uds", type=Path, help="path of a Unix socket")
    place.add_argument("--port", type=int, help="TCP port, 0 for any free one")
    parser.add_argument("--host", default="127.0.0.1", help="address of the port (default: %(default)s)")
    parser.add_argument(
        "--deployment", default=os.environ.get("MLOPS_DEPLOYMENT", ""), help="id, for the log (MLOPS_DEPLOYMENT)"
    )
    parser.add_argument("--max-body", type=int, default=32 * 2**20, help="bytes of one request (default: %(default)s)")
    parser.add_argument("--max-waiting", type=int, default=1024, help="requests that may wait (default: %(default)s)")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for an answer (default: %(default)s)")
    parser.add_argument("--drain", type=float, default=10.0, help="seconds to finish on SIGTERM (default: %(default)s)")
    return parser


def _serve(options: argparse.Namespace) -> int:
    # Imported late: --help, a wrong option and a taken port answer at once.
    import uvicorn

    from mlops_desktop.serving.app import Application
    from mlops_desktop.serving.bundle import read_bundle
    from mlops_desktop.serving.exchange import Exchange
    from mlops_desktop.serving.predictor import load
    from mlops_desktop.serving.recorder import Recorder
    from mlops_desktop.serving.sockets import open_port, open_unix_socket

    started = time.monotonic()
    bundle = read_bundle(options.bundle, options.deployment)
    with _closing(open_unix_socket(options.uds) if options.uds else open_port(options.host, options.port)) as listener:
        exchange = Exchange(bundle, load(bundle))
        exchange.warm_up()
        recorder = Recorder(bundle.schema, bundle.profile, classifies=bundle.is_classification)
        application = Application(
            exchange,
            recorder,
            most_body=options.max_body,
            time_limit=options.time_limit,
            most_waiting=options.max_waiting,
        )

        class Server(uvicorn.Server):
            """Ends with code 0 after SIGTERM, and is not ready from the moment it is asked to stop."""

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                application.start()
                await super().startup(sockets)
                address = str(options.uds) if options.uds else "{}:{}".format(*listener.getsockname()[:2])
                log(
                    "info",
                    "Serving.",
                    model=bundle.model,
                    version=bundle.version,
                    format=bundle.format,
                    address=address,
                    deployment=bundle.deployment,
                    boot=recorder.boot,
                    seconds=round(time.monotonic() - started, 3),
                )

            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, self.handle_exit)
                yield

            def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
                application.ready = False
                if not self.should_exit:
                    log(
                        "info", "Asked to stop; requests under way are finished first.", signal=signal.Signals(sig).name
                    )
                self.should_exit = True

        config = uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            backlog=2048,
            # Longer than the gateway keeps idle connections, so that it never sends into one that is being closed.
            timeout_keep_alive=120,
            timeout_graceful_shutdown=max(1, round(options.drain)),
        )
        # What was loaded stays: the collector need not look through the model's objects again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        # Health is answered between two steps of a Python model, which gives the interpreter away only when asked.
        sys.setswitchinterval(0.001)
        Server(config).run(sockets=[listener])
        application.stop(options.drain)
        log("info", "Stopped.", deployment=bundle.deployment)
    return 0


@contextlib.contextmanager
def _closing(listener: socket.socket) -> Iterator[socket.socket]:
    """The socket, closed in the end and its file removed."""
    path = listener.getsockname() if listener.family == socket.AF_UNIX else None
    try:
        yield listener
    finally:
        listener.close()
        if isinstance(path, str):
            Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
