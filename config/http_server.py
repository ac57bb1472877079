"""The HTTP server of a process: uvicorn around the one application, with the discovery plane's own connections."""

import os

from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from config import gc_tuning
from config.environment import Environment
from config.local.child_lifetime import die_with
from discovery.web.http1.connection import Connection

BACKLOG = 20_000  # connections that the kernel queues: after an outage all clients reconnect at once
IDLE = 120.0  # seconds; longer than clients keep a connection, so that it is they who end it and no request is lost
ENDING = 4  # seconds that requests under way may still take when the server ends


class Configuration(Config):
    """uvicorn's, for a process that is to live long: and with others, not longer than the one that started them."""

    parent: int | None = None

    def load(self) -> None:
        """Load the application."""
        if self.parent is not None:
            die_with(self.parent)
        super().load()
        gc_tuning.freeze()


def serve(environment: Environment, *, processes: int) -> None:
    """Serve until a signal says otherwise; several processes share the port."""
    config = configured(environment, processes=processes)
    if processes == 1:
        Server(config).run()
    else:
        config.parent = os.getpid()
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def configured(environment: Environment, *, processes: int) -> Configuration:
    """How uvicorn is set up."""
    return Configuration(
        "config.asgi:application",
        host=environment.http.host,
        port=environment.http.port,
        workers=processes,
        loop="uvloop",
        http=Connection,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # one message goes to many: compressing it for each costs more than it saves
        interface="asgi3",
        lifespan="on",
        proxy_headers=False,  # addresses are what the kernel says: open loopback must not be claimed by a header
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=BACKLOG,
        timeout_keep_alive=int(IDLE),
        timeout_graceful_shutdown=ENDING,
        ssl_certfile=environment.tls_certificate,
        ssl_keyfile=environment.tls_key,
    )
