"""A collector of traces for tests: it takes OTLP over HTTP, and keeps what comes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Listens on loopback while it is entered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[ExportTraceServiceRequest] = []
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf":
                    keep(ExportTraceServiceRequest.FromString(body))
                    answer, status = ExportTraceServiceResponse().SerializeToString(), 200
                else:
                    answer, status = b"", 400
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="collector")

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def spans(self, trace: str) -> dict[str, tuple[str, Span]]:
        """The spans of a trace (hex) by their ids, each with its service."""
        found = {}
        with self._lock:
            for resource in (each for request in self._requests for each in request.resource_spans):
                told = {each.key: each.value.string_value for each in resource.resource.attributes}
                for span in (each for scope in resource.scope_spans for each in scope.spans):
                    if span.trace_id.hex() == trace:
                        assert span.span_id.hex() not in found, "sent twice"
                        found[span.span_id.hex()] = told["service.name"], span
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
