"""A strict fake of a Kubernetes API server: HTTP/2 over TLS, as real ones speak it.

It has what a controller of Byre uses: discovery by fixed paths, get, list in pages with `continue`, watch
with bookmarks and 410, create, update, merge patch, server-side apply of a status, delete with
preconditions; resourceVersion conflicts, generation, finalizers and deletionTimestamp, the status
subresource, schemas of custom resources with defaults, pruning and CEL's transition rules; tokens (401)
and rules for what they may do (403); GOAWAY, 429 and other failures on demand.

It is no real one in this, which `cluster.py` can start instead (`BYRE_KUBE_APISERVER`):
- of CEL it knows the rules of Byre's custom resource by their text, and no others;
- server-side apply is there for statuses alone, ownership is kept by leaf and not shown in
  managedFields, and lists are values unless they are lists of conditions;
- strategic merge patch, JSON patch, protobuf, tables, selectors, dry runs and admission are not there;
- a list is always of now, or for a later page of the first page's moment; `resourceVersion` of a list is
  not looked at;
- no controllers run: nothing collects what has no owner any more (a bare kube-apiserver is no other);
- namespaces are made by tests and never go.
"""

import bisect
import json
import select
import socket
import ssl
import threading
import time
import urllib.parse
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from harness.kube_objects import APIFailure, Objects, merged

BOOKMARK_SECONDS = 1.0
WAIT_SECONDS = 0.2


class APIServer:
    """The server: `tokens` says who a token is, `rules` what a user may do."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.objects = Objects()
        self.tokens: dict[str, str] = {"admin-token": "admin"}
        # user: [(group, resource with subresource, verb, namespace or None for all)]
        self.rules: dict[str, set[tuple[str, str, str, str | None]]] = {}
        self.requests: list[tuple[str, str, str, int]] = []
        # Answers that the next requests get that are not the administrator's: (verb or "", failure).
        self.failures: list[tuple[str, APIFailure]] = []
        self.is_down = False
        self.connections: set["_Connection"] = set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["h2"])
        self.context = context
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def allow(self, user: str, group: str, resource: str, *verbs: str, namespace: str | None = None):
        self.rules.setdefault(user, set()).update(
            (group, resource, verb, namespace) for verb in verbs
        )

    def close(self) -> None:
        self.socket.close()
        self.drop_connections()
        with self.objects.changed:
            self.objects.changed.notify_all()

    def drop_connections(self) -> None:
        """Cuts all connections, without a word."""
        for connection in list(self.connections):
            connection.cut()

    def go_away(self) -> None:
        """Asks all clients to connect anew, as a server that goes down does."""
        for connection in list(self.connections):
            connection.go_away()

    def take_down(self) -> None:
        """Refuses connections until `bring_up`."""
        self.is_down = True
        self.drop_connections()

    def bring_up(self) -> None:
        self.is_down = False

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            if self.is_down:
                plain.close()
                continue
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = self.context.wrap_socket(plain, server_side=True)
        except OSError:
            return
        connection = _Connection(self, secure)
        self.connections.add(connection)
        try:
            connection.run()
        finally:
            self.connections.discard(connection)
            connection.cut()

    # Requests

    def authorise(self, user: str, group: str, resource: str, verb: str, namespace: str) -> None:
        if user == "admin":
            return
        rules = self.rules.get(user, set())
        for place in (None, namespace):
            if (group, resource, verb, place) in rules:
                return
        raise APIFailure(
            403, "Forbidden",
            f'{resource} is forbidden: User "{user}" cannot {verb} resource "{resource}" in API group '
            f'"{group}" in the namespace "{namespace}"',
        )  # fmt: skip


class _Request:
    """A request with its body, taken apart."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.method = headers[":method"]
        self.headers = headers
        self.target = headers[":path"]
        path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        self.raw_body = body
        parts = [urllib.parse.unquote(it) for it in path.strip("/").split("/")]
        if parts[0] == "api":
            self.group, self.version, parts = "", parts[1], parts[2:]
        elif parts[0] == "apis" and len(parts) > 2:
            self.group, self.version, parts = parts[1], parts[2], parts[3:]
        else:
            raise APIFailure(404, "NotFound", "the server could not find the requested resource")
        self.namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            self.namespace, parts = parts[1], parts[2:]
        self.resource = parts[0]
        self.name = parts[1] if len(parts) > 1 else ""
        self.subresource = parts[2] if len(parts) > 2 else ""

    @property
    def verb(self) -> str:
        if self.method == "GET":
            if self.query.get("watch") == "true":
                return "watch"
            return "get" if self.name else "list"
        return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[self.method]

    @property
    def body(self) -> dict:
        try:
            body = json.loads(self.raw_body)
        except ValueError:
            raise APIFailure(400, "BadRequest", "the body is no JSON") from None
        if not isinstance(body, dict):
            raise APIFailure(400, "BadRequest", "the body is no object")
        return body


class _Connection:
    def __init__(self, server: APIServer, secure: ssl.SSLSocket) -> None:
        self.server = server
        self.socket = secure
        self.lock = threading.Lock()
        self.windows = threading.Condition(self.lock)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.open = True
        self.streams: dict[int, tuple[dict, bytearray]] = {}

    def run(self) -> None:
        with self.lock:
            self.h2.initiate_connection()
            self._flush()
        while self.open:
            try:
                if not self.socket.pending():
                    if not select.select([self.socket], [], [], WAIT_SECONDS)[0]:
                        continue
                # Reading and writing of one TLS connection must not overlap.
                with self.lock:
                    self.socket.settimeout(0)
                    data = self.socket.recv(65536)
            except ssl.SSLWantReadError:
                continue
            except (OSError, ValueError):
                return
            if not data:
                return
            with self.lock:
                try:
                    events = self.h2.receive_data(data)
                except h2.exceptions.ProtocolError:
                    self._flush()
                    return
                for event in events:
                    self._take(event)
                self._flush()
                self.windows.notify_all()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            headers = {
                (it[0].decode() if isinstance(it[0], bytes) else it[0]): (
                    it[1].decode() if isinstance(it[1], bytes) else it[1]
                )
                for it in event.headers
            }
            self.streams[event.stream_id] = (headers, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self.streams:
                self.streams[event.stream_id][1].extend(event.data)
        elif isinstance(event, h2.events.StreamEnded):
            headers, body = self.streams.pop(event.stream_id)
            threading.Thread(
                target=self._answer, args=(event.stream_id, headers, bytes(body)), daemon=True
            ).start()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.open = False

    def _flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            try:
                self.socket.settimeout(10)
                self.socket.sendall(data)
            except OSError:
                self.open = False

    def cut(self) -> None:
        self.open = False
        try:
            self.socket.close()
        except OSError:
            pass

    def go_away(self) -> None:
        with self.lock:
            try:
                self.h2.close_connection(h2.errors.ErrorCodes.NO_ERROR)
                self._flush()
            except (h2.exceptions.ProtocolError, OSError):
                pass
        self.cut()

    # Answers

    def _answer(self, stream: int, headers: dict[str, str], body: bytes) -> None:
        code = 200
        verb = ""
        target = headers.get(":path", "")
        try:
            try:
                request = _Request(headers, body)
                verb = request.verb
                answer = self._handle(stream, request)
                if answer is None:
                    return
                if verb == "create":
                    code = 201
            except APIFailure as failure:
                code, answer = failure.code, failure.status
            extra = []
            if code == 429:
                extra = [("retry-after", "1")]
            self._send(stream, code, json.dumps(answer).encode(), extra)
        except (OSError, h2.exceptions.ProtocolError, ConnectionError):
            pass
        finally:
            self.server.requests.append((headers.get("authorization", ""), verb, target, code))

    def _user(self, headers: dict[str, str]) -> str:
        kind, _, token = headers.get("authorization", "").partition(" ")
        user = self.server.tokens.get(token) if kind == "Bearer" else None
        if user is None:
            raise APIFailure(401, "Unauthorized", "Unauthorized")
        return user

    def _handle(self, stream: int, request: _Request) -> dict | None:
        user = self._user(request.headers)
        server, objects = self.server, self.server.objects
        kind = (request.group, request.resource)
        if kind not in objects.kinds or objects.kinds[kind][1] != request.version:
            raise APIFailure(404, "NotFound", "the server could not find the requested resource")
        resource = request.resource + (f"/{request.subresource}" if request.subresource else "")
        place = request.namespace or (request.name if request.resource == "namespaces" else "")
        server.authorise(user, request.group, resource, request.verb, place)
        for index, (verb, failure) in enumerate(server.failures):
            if user != "admin" and verb in ("", request.verb):
                del server.failures[index]
                raise failure
        if request.subresource not in ("", "status"):
            raise APIFailure(404, "NotFound", "the server could not find the requested resource")
        if request.subresource and kind not in objects.schemas:
            raise APIFailure(404, "NotFound", "the server could not find the requested resource")
        if request.verb == "watch":
            self._watch(stream, kind, request)
            return None
        return self._do(kind, request)

    def _do(self, kind: tuple[str, str], request: _Request) -> dict:
        objects, namespace, name = self.server.objects, request.namespace, request.name
        content_type = request.headers.get("content-type", "")
        match request.verb:
            case "get":
                return objects.get(kind, namespace, name)
            case "list":
                limit = int(request.query.get("limit", "0"))
                return objects.list(kind, namespace, limit, request.query.get("continue", ""))
            case "create":
                self._expect(content_type, "application/json")
                return objects.create(kind, namespace, request.body)
            case "update":
                self._expect(content_type, "application/json")
                body = request.body
                if not body.get("metadata", {}).get("resourceVersion") and kind[0] == "byre.io":
                    raise APIFailure(422, "Invalid", "metadata.resourceVersion: must be specified")
                return objects.update(
                    kind, namespace, name, lambda old: body, request.subresource
                )
            case "patch" if content_type == "application/apply-patch+yaml":
                if request.subresource != "status":
                    raise APIFailure(415, "UnsupportedMediaType", "apply is for statuses here")
                manager = request.query.get("fieldManager")
                if not manager:
                    raise APIFailure(400, "BadRequest", "PatchOptions.fieldManager: Required value")
                body = request.body
                if not body.get("apiVersion") or not body.get("kind"):
                    raise APIFailure(400, "BadRequest", "apiVersion and kind must be set")
                force = request.query.get("force") == "true"
                return objects.apply_status(kind, namespace, name, body, manager, force)
            case "patch":
                self._expect(content_type, "application/merge-patch+json")
                return objects.update(
                    kind, namespace, name, lambda old: merged(old, request.body),
                    request.subresource,
                )  # fmt: skip
            case "delete":
                return objects.delete(
                    kind, namespace, name, request.body if request.raw_body else {}
                )
        raise APIFailure(405, "MethodNotAllowed", request.method)

    @staticmethod
    def _expect(content_type: str, wanted: str) -> None:
        if content_type != wanted:
            raise APIFailure(415, "UnsupportedMediaType", f"not {wanted} but {content_type}")

    def _watch(self, stream: int, kind: tuple[str, str], request: _Request) -> None:
        """Sends events until the time is over, the history is not enough, or somebody hangs up."""
        objects = self.server.objects
        version = int(request.query["resourceVersion"])
        deadline = time.monotonic() + float(request.query.get("timeoutSeconds", "1800"))
        bookmarks = request.query.get("allowWatchBookmarks") == "true"
        bookmark_due = time.monotonic() + BOOKMARK_SECONDS
        self._headers(stream, 200, [("content-type", "application/json")])
        while self.open and time.monotonic() < deadline and not self.server.is_down:
            lines = []
            with objects.changed:
                if version < objects.oldest:
                    failure = APIFailure(
                        410, "Expired", f"too old resource version: {version} ({objects.version})"
                    )
                    self._data(stream, self._line("ERROR", failure.status), end=True)
                    return
                start = bisect.bisect_right(objects.history, version, key=lambda it: it[0])
                for _, what, type, item in objects.history[start:]:
                    place = item["metadata"].get("namespace", "")
                    if what == kind and request.namespace in ("", place):
                        lines.append(self._line(type, item))
                version = objects.version
                if not lines:
                    objects.changed.wait(WAIT_SECONDS)
            if not lines and bookmarks and time.monotonic() > bookmark_due:
                bookmark_due = time.monotonic() + BOOKMARK_SECONDS
                name, api, _ = objects.kinds[kind]
                api_version = f"{kind[0]}/{api}" if kind[0] else api
                bookmark = {
                    "kind": name,
                    "apiVersion": api_version,
                    "metadata": {"resourceVersion": str(version), "creationTimestamp": None},
                }
                lines.append(self._line("BOOKMARK", bookmark))
            for line in lines:
                # In pieces, as a network brings it.
                self._data(stream, line[: len(line) // 2])
                self._data(stream, line[len(line) // 2 :])
        self._data(stream, b"", end=True)

    @staticmethod
    def _line(type: str, item: dict) -> bytes:
        return json.dumps({"type": type, "object": item}).encode() + b"\n"

    def _headers(self, stream: int, code: int, more: list[tuple[str, str]]) -> None:
        with self.lock:
            self.h2.send_headers(stream, [(":status", str(code)), *more])
            self._flush()

    def _send(self, stream: int, code: int, body: bytes, more: list[tuple[str, str]]) -> None:
        self._headers(stream, code, [("content-type", "application/json"), *more])
        self._data(stream, body, end=True)

    def _data(self, stream: int, body: bytes, end: bool = False) -> None:
        """Sends as the client's windows let it."""
        while True:
            with self.lock:
                if not self.open:
                    raise ConnectionError("closed")
                room = min(
                    self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size
                )
                if room > 0 or not body:
                    piece, body = body[:room], body[room:]
                    self.h2.send_data(stream, piece, end_stream=end and not body)
                    self._flush()
                    if not body:
                        return
                else:
                    self.windows.wait(WAIT_SECONDS)
