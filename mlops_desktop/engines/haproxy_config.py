"""The gateway's configuration as text. It never changes while it runs: only servers and one map do.

A request's route (environment/model) and a random slot from 0 to 99 are looked up in a map that names the deployment.
A map is replaced in one step by HAProxy's runtime interface, so that no moment exists in which the old deployment has
lost its share and the new one has none yet (which lost 2,216 of 55,774 answers when weights were changed one by one),
and nothing is ever reloaded, so no older process lingers with older routes. The names that are filled in were checked
against a grammar before (`gateway.check_routes`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mlops_desktop.engines.gateway import CLOSED, MONITOR_PATH, NO_VERSION, NOT_ANSWERING, TOKEN_HEADER, Route, slots
from mlops_desktop.engines.sockets import FOLDER

CONFIG_FOLDER = "/etc/mlops-desktop"
CONFIG = f"{CONFIG_FOLDER}/haproxy.cfg"
MAP = f"{CONFIG_FOLDER}/routes.map"
BACKEND = "deployments"
RUNTIME_PATH = "/-/runtime"
_RUNTIME_SOCKET = "/tmp/runtime.sock"  # noqa: S108 - in the container's own tmpfs

# The runtime interface is a Unix socket inside the container. A published socket file works on Linux only, a TCP one
# has no password, and `docker exec` takes 0.1 s and a tool that the official image lacks. So a few lines of Lua (part
# of Debian's and of the official build) pass commands on, behind the token of the admin side.
LUA = f"""core.register_service("runtime", "http", function(applet)
  local body = applet:receive()
  local socket = core.tcp()
  socket:settimeout(5)
  local answer = ""
  if socket:connect("unix@{_RUNTIME_SOCKET}") then
    socket:send(body .. "\\n")
    answer = socket:receive("*a") or ""
    socket:close()
    applet:set_status(200)
  else
    applet:set_status(502)
  end
  applet:add_header("content-type", "text/plain")
  applet:add_header("content-length", tostring(#answer))
  applet:start_response()
  applet:send(answer)
end)
"""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the two sides listen inside the container."""

    address: str
    port: int
    admin_port: int
    token: str


def config(listen: Listen, deployments: Collection[str]) -> str:
    """haproxy.cfg for HAProxy 2.6 and later."""
    servers = "".join(f"  server {server(d)}\n" for d in sorted(deployments))
    errors = "".join(
        f"  http-error status {status} content-type application/json string {_json(text)}{extra}\n"
        for status, text, extra in (
            (400, "The request is no valid HTTP.", ""),
            (408, "The request did not arrive in time.", ""),
            (502, NOT_ANSWERING, ""),
            (503, NOT_ANSWERING, " hdr retry-after 1"),
            (504, "The deployment that serves this model took too long to answer.", ""),
        )
    )
    closed = f"status 403 content-type application/json string {_json(CLOSED)}"
    no_version = f"status 503 content-type application/json string {_json(NO_VERSION)} hdr retry-after 5"
    return f"""global
  log stderr format raw local0 notice
  stats socket unix@{_RUNTIME_SOCKET} mode 600 level admin
  lua-load {CONFIG_FOLDER}/runtime.lua
  maxconn 4000

defaults
  mode http
  # A connection to a socket succeeds or fails at once; the retries bridge the second in which a crashed one restarts.
  # Only failed connections are tried again: a request that kills the serving program must not be sent to it twice.
  timeout connect 500ms
  retries 2
  timeout client 120s
  timeout server 120s
  timeout http-request 10s
  timeout http-keep-alive 120s
{errors}
frontend public
  bind {listen.address}:{listen.port}
  # Decoded before it is compared, because the serving program decodes too.
  http-request deny {closed} if {{ path,url_dec -m sub -i {MONITOR_PATH} }}
  http-request del-header {TOKEN_HEADER}
  http-request set-var(txn.slot) rand(100)
  http-request set-var(txn.route) path,field(2,/,2)
  http-request set-var(txn.deployment) var(txn.route),concat(/,txn.slot),map({MAP})
  http-request return {no_version} unless {{ var(txn.deployment) -m found }}
  http-request replace-path ^/[^/]*/[^/]*/?(.*) /\\1
  default_backend {BACKEND}

frontend admin
  bind {listen.address}:{listen.admin_port}
  http-request set-var(txn.token) str({listen.token})
  http-request deny {closed} unless {{ req.hdr({TOKEN_HEADER}),secure_memcmp(txn.token) }}
  http-request del-header {TOKEN_HEADER}
  http-request use-service lua.runtime if {{ path {RUNTIME_PATH} }} {{ method POST }}
  http-request set-var(txn.deployment) path,field(2,/)
  http-request replace-path ^/[^/]*/?(.*) /\\1
  default_backend {BACKEND}

backend {BACKEND}
  balance roundrobin
  option http-no-delay
  # All have weight 0: a deployment is only ever chosen by name, and when it is gone no other one may answer for it.
  use-server %[var(txn.deployment)] if TRUE
{servers}"""


def server(deployment: str) -> str:
    """A server's name, address and options, in the configuration and for `add server`.

    Idle connections are let go well before the serving program closes them (after 5 s), or a request could be written
    to one that is just being closed.
    """
    return f"{deployment} unix@{socket_path(deployment)} weight 0 pool-purge-delay 2s"


def socket_path(deployment: str) -> str:
    """A deployment's socket as the gateway sees it."""
    return f"{FOLDER}/{deployment}/{deployment}.sock"


def map_entries(routes: Sequence[Route]) -> dict[str, str]:
    """Key (environment/model/slot) and deployment of every slot that has one."""
    return {f"{route.key}/{i}": d for route in routes for i, d in enumerate(slots(route.targets))}


def map_text(entries: dict[str, str]) -> str:
    """The map's file."""
    return "".join(f"{key} {deployment}\n" for key, deployment in entries.items())


def _json(sentence: str) -> str:
    return '"{\\"error\\": \\"' + sentence + '\\"}"'
