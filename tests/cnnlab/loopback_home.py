"""A real web server on the loopback that plays a data set's home, well-behaved or not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Home:
    """Serve `files` by name; whatever is in `breaks` is announced whole and breaks off half-way."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks: set[str] = set()
        self.asked: list[str] = []
        self.url = ""


@contextmanager
def serve() -> Iterator[Home]:
    """Run a home for the time of a with block."""
    home = Home()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            home.asked.append(name)
            if name not in home.files:
                self.send_error(404)
                return
            body = home.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if name in home.breaks else body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' stderr for what is tested."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        home.url = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield home
        finally:
            server.shutdown()
            thread.join()
