"""The objects of a small Kubernetes: what an API server does with them, without HTTP.

What `kube_server` adds and where both differ from a real one is told there.
"""

import base64
import copy
import json
import re
import threading
import time
import uuid
from collections.abc import Callable

from harness import kube_schema

NAME = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
MICRO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$")
# (group, plural): kind, version, whether objects are in namespaces.
BUILT_IN = {
    ("", "namespaces"): ("Namespace", "v1", False),
    ("", "secrets"): ("Secret", "v1", True),
    ("coordination.k8s.io", "leases"): ("Lease", "v1", True),
    ("events.k8s.io", "events"): ("Event", "v1", True),
}


class APIFailure(Exception):
    """An answer that is an error: metav1.Status."""

    def __init__(self, code: int, reason: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
            **({"details": details} if details else {}),
        }


def merged(target: dict, patch: dict) -> dict:
    """RFC 7396."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result[name] if isinstance(result.get(name), dict) else {}, value)
        else:
            result[name] = value
    return result


def _keyed(items: list) -> dict | None:
    """A list of conditions by type; None for another list, which is one value."""
    if items and all(isinstance(it, dict) and "type" in it and "status" in it for it in items):
        return {it["type"]: it for it in items}
    return None


def _paths(value: object, path: tuple = ()) -> dict[tuple, object]:
    """The leaves of a value, by path."""
    if isinstance(value, list) and (keyed := _keyed(value)) is not None:
        value = keyed
    if isinstance(value, dict) and value:
        found = {}
        for name, member in value.items():
            found |= _paths(member, (*path, name))
        return found
    return {path: value}


def _without(value: object, path: tuple) -> object:
    """The value without one leaf, and without what is empty then."""
    if isinstance(value, list):
        keyed = _keyed(value) or {}
        if path[0] not in keyed:
            return value
        rest = _without(keyed[path[0]], path[1:]) if len(path) > 1 else {}
        keep = [it for it in value if it["type"] != path[0]]
        # A condition of which nothing but its key is left goes.
        return keep + [rest] if rest and set(rest) > {"type"} else keep
    if not isinstance(value, dict) or path[0] not in value:
        return value
    result = dict(value)
    if len(path) == 1:
        result.pop(path[0])
    else:
        rest = _without(result[path[0]], path[1:])
        if rest in ({}, []):
            result.pop(path[0])
        else:
            result[path[0]] = rest
    return result


def _applied(value: object, config: object) -> object:
    """The value with what is applied."""
    if isinstance(value, dict) and isinstance(config, dict):
        result = dict(value)
        for name, member in config.items():
            result[name] = _applied(value.get(name), member)
        return result
    if isinstance(value, list) and isinstance(config, list) and _keyed(config) is not None:
        there, wanted = _keyed(value) or {}, _keyed(config)
        names = [*there, *(name for name in wanted if name not in there)]
        return [
            _applied(there.get(name), wanted[name]) if name in wanted else there[name]
            for name in names
        ]
    return config


class Objects:
    """All objects, with a history that watches read."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.version = 100
        # Watches and continuations from before this version are told 410.
        self.oldest = 0
        self.kinds = dict(BUILT_IN)
        self.schemas: dict[tuple[str, str], dict] = {}
        self.items: dict[tuple[str, str], dict[tuple[str, str], dict]] = {}
        # (version, group and plural, type, object)
        self.history: list[tuple[int, tuple[str, str], str, dict]] = []
        # What managers applied to a status: by uid and manager.
        self.applied: dict[tuple[str, str], dict] = {}
        self.pages: dict[str, tuple[int, list[dict]]] = {}
        for name in ("kube-system", "default"):
            self.create(("", "namespaces"), "", {"metadata": {"name": name}})

    # Custom resources

    def define(self, definition: dict) -> None:
        """Takes a CustomResourceDefinition, as strictly as an API server."""
        spec = definition["spec"]
        names, version = spec["names"], spec["versions"][0]
        assert definition["metadata"]["name"] == f"{names['plural']}.{spec['group']}"
        assert version["served"] and version["storage"] and len(spec["versions"]) == 1
        schema = version["schema"]["openAPIV3Schema"]
        faults = kube_schema.structural_faults(schema)
        assert not faults, faults
        kind = (spec["group"], names["plural"])
        self.kinds[kind] = (names["kind"], version["name"], spec["scope"] == "Namespaced")
        self.schemas[kind] = schema

    def _checked(self, kind: tuple[str, str], new: dict, old: dict | None) -> dict:
        """Prunes, defaults and validates."""
        name = new["metadata"].get("name", "")
        if not NAME.match(name) or len(name) > 253:
            raise self._invalid(kind, name, ["metadata.name: Invalid value"])
        if kind in self.schemas:
            new = kube_schema.pruned(new, self.schemas[kind], is_root=True)
            faults = kube_schema.validate(new, self.schemas[kind], "", old)
        else:
            faults = self._built_in_faults(kind, new, old)
        if faults:
            raise self._invalid(kind, name, faults)
        return new

    def _built_in_faults(self, kind: tuple[str, str], new: dict, old: dict | None) -> list[str]:
        faults = []
        if kind[1] == "secrets":
            new.setdefault("type", "Opaque")
            for key, value in (new.get("data") or {}).items():
                try:
                    base64.b64decode(value, validate=True)
                except ValueError:
                    faults.append(f"data[{key}]: no base64")
            if new["type"] == "kubernetes.io/tls":
                for key in ("tls.crt", "tls.key"):
                    if key not in new.get("data", {}):
                        faults.append(f"data[{key}]: Required value")
            if old and old["type"] != new["type"]:
                faults.append("type: field is immutable")
        if kind[1] == "leases":
            spec = new.get("spec", {})
            if spec.get("leaseDurationSeconds", 1) <= 0:
                faults.append("spec.leaseDurationSeconds: must be greater than 0")
            if spec.get("leaseTransitions", 0) < 0:
                faults.append("spec.leaseTransitions: must not be negative")
            for field in ("acquireTime", "renewTime"):
                if field in spec and not MICRO_TIME.match(spec[field]):
                    raise APIFailure(400, "BadRequest", f"{field} is no MicroTime")
        if kind[1] == "events":
            for field in ("reportingController", "reportingInstance", "action", "reason"):
                if not new.get(field):
                    faults.append(f"{field}: Required value")
            if new.get("type") not in ("Normal", "Warning"):
                faults.append("type: Invalid value")
            if len(new.get("note", "")) > 1024 or len(new.get("reportingInstance", "")) > 128:
                faults.append("note: too long")
            if not MICRO_TIME.match(new.get("eventTime", "")):
                raise APIFailure(400, "BadRequest", "eventTime is no MicroTime")
            if new.get("regarding", {}).get("namespace") != new["metadata"]["namespace"]:
                faults.append("regarding.namespace: does not match event.namespace")
        for owner in new["metadata"].get("ownerReferences", []):
            if not all(owner.get(field) for field in ("apiVersion", "kind", "name", "uid")):
                faults.append("metadata.ownerReferences: Required value")
        if sum(1 for it in new["metadata"].get("ownerReferences", []) if it.get("controller")) > 1:
            faults.append("metadata.ownerReferences: only one has controller set to true")
        return faults

    def _invalid(self, kind: tuple[str, str], name: str, faults: list[str]) -> APIFailure:
        message = f'{self.kinds[kind][0]} "{name}" is invalid: {"; ".join(faults)}'
        return APIFailure(422, "Invalid", message)

    # Reading

    def get(self, kind: tuple[str, str], namespace: str, name: str) -> dict:
        with self.changed:
            found = self.items.get(kind, {}).get((namespace, name))
            if found is None:
                raise APIFailure(404, "NotFound", f'{kind[1]} "{name}" not found', name=name)
            return copy.deepcopy(found)

    def list(self, kind: tuple[str, str], namespace: str, limit: int, token: str) -> dict:
        """A page of a list; an empty namespace is all."""
        with self.changed:
            if token:
                version, rest = self.pages.pop(token, (0, []))
                if version <= self.oldest:
                    raise APIFailure(
                        410, "Expired", "The provided continue parameter is too old", name=""
                    )
            else:
                version = self.version
                rest = [
                    copy.deepcopy(it)
                    for (place, _), it in sorted(self.items.get(kind, {}).items())
                    if namespace in ("", place)
                ]
            page, rest = (rest[:limit], rest[limit:]) if limit else (rest, [])
            metadata: dict = {"resourceVersion": str(version)}
            if rest:
                metadata["continue"] = uuid.uuid4().hex
                metadata["remainingItemCount"] = len(rest)
                self.pages[metadata["continue"]] = (version, rest)
            name, api, _ = self.kinds[kind]
            api_version = f"{kind[0]}/{api}" if kind[0] else api
            # Real servers write null for an empty list of some kinds.
            items = page or None
            return {
                "kind": f"{name}List", "apiVersion": api_version, "metadata": metadata,
                "items": items,
            }  # fmt: skip

    def expire(self) -> None:
        """Forgets the history: who asks for a moment before now is told 410."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.history.clear()
            self.changed.notify_all()

    # Writing

    def create(self, kind: tuple[str, str], namespace: str, body: dict) -> dict:
        with self.changed:
            body = copy.deepcopy(body)
            metadata = body.setdefault("metadata", {})
            if metadata.get("resourceVersion"):
                raise APIFailure(400, "BadRequest", "resourceVersion should not be set")
            if metadata.setdefault("namespace", namespace) != namespace:
                raise APIFailure(400, "BadRequest", "the namespace of the object does not match")
            if not namespace:
                metadata.pop("namespace")
            elif ("", namespace) not in self.items.get(("", "namespaces"), {}):
                raise APIFailure(404, "NotFound", f'namespaces "{namespace}" not found')
            if kind in self.schemas:
                body.pop("status", None)
            body = self._checked(kind, body, None)
            name = body["metadata"]["name"]
            if (namespace, name) in self.items.setdefault(kind, {}):
                raise APIFailure(409, "AlreadyExists", f'{kind[1]} "{name}" already exists')
            kind_name, api, _ = self.kinds[kind]
            body["kind"] = kind_name
            body["apiVersion"] = f"{kind[0]}/{api}" if kind[0] else api
            body["metadata"] |= {
                "uid": str(uuid.uuid4()),
                "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
            if kind in self.schemas:
                body["metadata"]["generation"] = 1
            return self._store(kind, "ADDED", body)

    def update(
        self,
        kind: tuple[str, str],
        namespace: str,
        name: str,
        change: Callable[[dict], dict],
        subresource: str = "",
    ) -> dict:
        """Replaces an object by what `change` makes of it."""
        with self.changed:
            old = self.get(kind, namespace, name)
            new = change(copy.deepcopy(old))
            metadata = new.get("metadata", {})
            for field in ("name", "namespace"):
                if metadata.get(field, old["metadata"].get(field)) != old["metadata"].get(field):
                    raise APIFailure(400, "BadRequest", f"the {field} does not match")
            for field in ("uid", "resourceVersion"):
                if metadata.get(field) not in (None, "", old["metadata"][field]):
                    raise APIFailure(
                        409, "Conflict",
                        f'Operation cannot be fulfilled on {kind[1]} "{name}": the object has been '
                        "modified; please apply your changes to the latest version and try again",
                    )  # fmt: skip
            if kind in self.schemas:
                # A status is written through its subresource alone, and nothing else there.
                if subresource == "status":
                    new = {**old, **({"status": new["status"]} if "status" in new else {})}
                else:
                    new.pop("status", None)
                    if "status" in old:
                        new["status"] = old["status"]
            for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp"):
                if field in old["metadata"]:
                    new["metadata"][field] = old["metadata"][field]
            if "deletionTimestamp" in old["metadata"]:
                added = set(new["metadata"].get("finalizers", []))
                if added - set(old["metadata"].get("finalizers", [])):
                    raise self._invalid(kind, name, ["metadata.finalizers: none can be added now"])
            new["kind"], new["apiVersion"] = old["kind"], old["apiVersion"]
            new["metadata"].setdefault("name", name)
            if namespace:
                new["metadata"]["namespace"] = namespace
            new = self._checked(kind, new, old)
            if "generation" in old["metadata"] and new.get("spec") != old.get("spec"):
                new["metadata"]["generation"] = old["metadata"]["generation"] + 1
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            if not new["metadata"].get("finalizers"):
                new["metadata"].pop("finalizers", None)
                if "deletionTimestamp" in old["metadata"]:
                    return self._store(kind, "DELETED", new)
            if new == old:
                return old
            return self._store(kind, "MODIFIED", new)

    def apply_status(
        self, kind: tuple[str, str], namespace: str, name: str, config: dict, manager: str,
        force: bool,
    ) -> dict:  # fmt: skip
        """Server-side apply of a status."""
        with self.changed:
            uid = self.get(kind, namespace, name)["metadata"]["uid"]
            if config.get("metadata", {}).get("managedFields"):
                raise APIFailure(400, "BadRequest", "metadata.managedFields must be nil")
            wanted = config.get("status", {})
            before = self.applied.get((uid, manager), {})

            def change(old: dict) -> dict:
                for field in ("uid", "resourceVersion"):
                    value = config.get("metadata", {}).get(field)
                    if value not in (None, old["metadata"][field]):
                        raise APIFailure(409, "Conflict", f"{field} is another one")
                leaves = _paths(wanted)
                for (owned_uid, other), theirs in self.applied.items():
                    if owned_uid != uid or other == manager:
                        continue
                    owned = _paths(theirs)
                    lost = {it for it in leaves if it in owned and owned[it] != leaves[it]}
                    if lost and not force:
                        raise APIFailure(409, "Conflict", f"Apply failed with conflicts: {other}")
                    for path in lost:
                        self.applied[(owned_uid, other)] = _without(theirs, path)
                status = old.get("status", {})
                for path in _paths(before):
                    if path and path not in leaves:
                        status = _without(status, path)
                return {**old, "status": _applied(status, wanted)}

            done = self.update(kind, namespace, name, change, "status")
            self.applied[(uid, manager)] = copy.deepcopy(wanted)
            return done

    def delete(self, kind: tuple[str, str], namespace: str, name: str, options: dict) -> dict:
        with self.changed:
            old = self.get(kind, namespace, name)
            for field, value in (options.get("preconditions") or {}).items():
                if old["metadata"].get(field) != value:
                    raise APIFailure(409, "Conflict", f"Precondition failed: {field}")
            if old["metadata"].get("finalizers"):
                if "deletionTimestamp" not in old["metadata"]:
                    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                    old["metadata"] |= {"deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
                    old["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
                    return self._store(kind, "MODIFIED", old)
                return old
            return self._store(kind, "DELETED", old)

    def _store(self, kind: tuple[str, str], type: str, new: dict) -> dict:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        place = (new["metadata"].get("namespace", ""), new["metadata"]["name"])
        if type == "DELETED":
            del self.items[kind][place]
        else:
            self.items[kind][place] = json.loads(json.dumps(new))
        self.history.append((self.version, kind, type, copy.deepcopy(new)))
        self.changed.notify_all()
        return copy.deepcopy(new)
