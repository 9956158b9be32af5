"""How the service listens: on one address, with limits, and so that what it has begun is finished."""

import asyncio
import os
import signal
import socket
import sys

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.errors import ProjectError

HEAD_SECONDS = 10  # in which the head of a request has to come
KEEP_ALIVE_SECONDS = 20
SECONDS_TO_END = 60  # for what has begun when the service is told to end
CONNECTIONS = 512


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, which also closes a connection whose request does not come."""

    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.wait_for_head()
        else:
            self.stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        super().connection_lost(exc)

    def wait_for_head(self) -> None:
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def stop_waiting(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None


def configure(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SECONDS_TO_END,
    )


class Server(uvicorn.Server):
    """uvicorn, which says in our words where it listens, or why it can't."""

    async def startup(self, sockets: list | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"http://{shown}:{port}/ is ready; Ctrl-C ends it.", flush=True)


def run(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; requests that have begun are finished.

    Raises:
        ProjectError: the address can't be used.
    """
    try:
        listener = bind(host, port)
    except OSError as exc:
        remedy = "Choose another: make service PORT=8001."
        raise ProjectError(f"{host}:{port}", f"cannot be listened on: {os.strerror(exc.errno)}", remedy) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again when all is done
    Server(configure(app, host, port)).run([listener])


def bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    return listener
