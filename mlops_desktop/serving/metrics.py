"""The text that Prometheus reads from /metrics, under the names that MLServer uses."""

from __future__ import annotations

from itertools import accumulate

from mlops_desktop.serving.chunks import LATENCY_EDGES
from mlops_desktop.serving.recorder import Totals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = range(4, len(LATENCY_EDGES), 4)  # every fourth edge of the chunks' histogram


def prometheus(totals: Totals, waiting: int, model: str, version: str) -> str:
    """Counters since the start of the process; `waiting` is the length of the queue now."""
    labels = f'model="{_escape(model)}",version="{_escape(version)}"'
    name = "model_infer_request"
    reached = list(accumulate(totals.latency.tolist()))
    lines = [
        f"# HELP {name}_success_total Requests for predictions that were answered.",
        f"# TYPE {name}_success_total counter",
        f"{name}_success_total{{{labels}}} {totals.succeeded}",
        f"# HELP {name}_failure_total Requests for predictions that were refused or failed.",
        f"# TYPE {name}_failure_total counter",
        f"{name}_failure_total{{{labels}}} {totals.failed}",
        f"# HELP {name}_duration_seconds Time from the request's first byte to its answer.",
        f"# TYPE {name}_duration_seconds histogram",
        *(f'{name}_duration_seconds_bucket{{{labels},le="{LATENCY_EDGES[i]:g}"}} {reached[i]}' for i in _BUCKETS),
        f'{name}_duration_seconds_bucket{{{labels},le="+Inf"}} {reached[-1]}',
        f"{name}_duration_seconds_sum{{{labels}}} {totals.seconds:.6f}",
        f"{name}_duration_seconds_count{{{labels}}} {reached[-1]}",
        "# HELP model_infer_requests_waiting Requests that wait for the model now.",
        "# TYPE model_infer_requests_waiting gauge",
        f"model_infer_requests_waiting{{{labels}}} {waiting}",
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
