"""Schemas of custom resources as an API server applies them: prune, default, validate; and what makes a
schema structural.

Of CEL, the rules that Byre's custom resource has are known by their text (`RULES`); one that is not
known fails loudly, so that none goes unchecked.
"""

import re

TYPES = {
    "object": lambda it: isinstance(it, dict),
    "array": lambda it: isinstance(it, list),
    "string": lambda it: isinstance(it, str),
    "integer": lambda it: isinstance(it, int) and not isinstance(it, bool),
    "number": lambda it: isinstance(it, (int, float)) and not isinstance(it, bool),
    "boolean": lambda it: isinstance(it, bool),
}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def same_presence(field: str):
    return lambda new, old: (field in new) == (field in old)


# By the text of the rule: whether it is about a change, and what it says.
RULES = {
    "self == oldSelf": (True, lambda new, old: new == old),
    "has(self.name) == has(oldSelf.name)": (True, same_presence("name")),
    "has(self.isolation) == has(oldSelf.isolation)": (True, same_presence("isolation")),
    "has(self.uid) == has(oldSelf.uid)": (True, same_presence("uid")),
    "has(self.secretName) == has(oldSelf.secretName)": (True, same_presence("secretName")),
    "has(self.periodic) != has(self.revisions)": (
        False,
        lambda new, old: ("periodic" in new) != ("revisions" in new),
    ),
    "!has(self.adopt) || !self.adopt || has(self.uid)": (
        False,
        lambda new, old: not new.get("adopt") or "uid" in new,
    ),
}


def structural_faults(schema: dict, path: str = "") -> list[str]:
    """What an API server would refuse in a schema of a custom resource (structural schemas).

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
    """
    faults = []
    is_either = schema.get("x-kubernetes-int-or-string")
    if is_either:
        if "type" in schema:
            faults.append(f"{path}: int-or-string has no type")
        if schema.get("anyOf") not in (None, [{"type": "integer"}, {"type": "string"}]):
            faults.append(f"{path}: int-or-string has that one anyOf")
    elif schema.get("type") not in TYPES:
        faults.append(f"{path}: type {schema.get('type')}")
    for word in ("allOf", "oneOf", "not", "$ref", "definitions", "id", "uniqueItems"):
        if word in schema:
            faults.append(f"{path}: {word} is not used here")
    if "anyOf" in schema and not is_either:
        faults.append(f"{path}: anyOf is not used here")
    if "properties" in schema and "additionalProperties" in schema:
        faults.append(f"{path}: properties and additionalProperties exclude each other")
    if schema.get("type") == "array" and "items" not in schema:
        faults.append(f"{path}: an array has items")
    for name in schema.get("required", []):
        if name not in schema.get("properties", {}):
            faults.append(f"{path}: {name} is required and no property")
    if schema.get("x-kubernetes-list-type") == "map":
        keys = schema.get("x-kubernetes-list-map-keys") or []
        item = schema.get("items", {})
        if not keys:
            faults.append(f"{path}: a list that is a map has keys")
        for key in keys:
            if key not in item.get("properties", {}):
                faults.append(f"{path}: key {key} is a property")
            if key not in item.get("required", []) and "default" not in item["properties"][key]:
                faults.append(f"{path}: key {key} is required or has a default")
    if "default" in schema:
        faults += [f"{path}: default: {it}" for it in validate(schema["default"], schema, "", None)]
    for rule in schema.get("x-kubernetes-validations", []):
        if rule["rule"] not in RULES:
            faults.append(f"{path}: rule {rule['rule']} is none that the tests know")
        if not rule.get("message") or "\n" in rule["message"]:
            faults.append(f"{path}: a rule has a message of one line")
    if "pattern" in schema:
        re.compile(schema["pattern"])
    for name, child in schema.get("properties", {}).items():
        if path == "" and name in ("apiVersion", "kind", "metadata"):
            continue
        faults += structural_faults(child, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            faults += structural_faults(schema[word], f"{path}[{word}]")
    return faults


def pruned(value, schema: dict, is_root: bool = False):
    """The value without what the schema does not know, and with its defaults."""
    if isinstance(value, dict) and "properties" in schema:
        kept = {}
        for name, member in value.items():
            if is_root and name in ("apiVersion", "kind", "metadata"):
                kept[name] = member
            elif name in schema["properties"] and member is not None:
                kept[name] = pruned(member, schema["properties"][name])
        for name, child in schema["properties"].items():
            if "default" in child and name not in kept:
                kept[name] = child["default"]
        return kept
    if isinstance(value, list) and "items" in schema:
        return [pruned(item, schema["items"]) for item in value]
    return value


def validate(value, schema: dict, path: str, old) -> list[str]:
    """What is wrong with a value; `old` is what it was before, None for nothing."""
    if schema.get("x-kubernetes-int-or-string"):
        if not (TYPES["integer"](value) or TYPES["string"](value)):
            return [f"{path}: must be an integer or a string"]
    elif not TYPES[schema["type"]](value):
        return [f"{path}: must be of type {schema['type']}"]
    faults = []
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                faults.append(f"{path}.{name}: Required value")
        for name, member in value.items():
            child = schema.get("properties", {}).get(name)
            if child and not (path == "" and name == "metadata"):
                before = old.get(name) if isinstance(old, dict) else None
                faults += validate(member, child, f"{path}.{name}", before)
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            faults.append(f"{path}: too many items")
        for index, item in enumerate(value):
            faults += validate(item, schema["items"], f"{path}[{index}]", None)
        if schema.get("x-kubernetes-list-type") == "map":
            keys = schema["x-kubernetes-list-map-keys"]
            seen = [tuple(item.get(key) for key in keys) for item in value]
            if len(set(seen)) < len(seen):
                faults.append(f"{path}: Duplicate value")
    elif isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            faults.append(f"{path}: should match '{schema['pattern']}'")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            faults.append(f"{path}: is too short or too long")
        if schema.get("format") == "date-time" and not TIME.match(value):
            faults.append(f"{path}: must be a time")
    elif TYPES["number"](value):
        if value < schema.get("minimum", value):
            faults.append(f"{path}: should be at least {schema['minimum']}")
    if "enum" in schema and value not in schema["enum"]:
        faults.append(f"{path}: Unsupported value: {value}")
    for rule in schema.get("x-kubernetes-validations", []):
        is_transition, holds = RULES[rule["rule"]]
        if is_transition and old is None:
            continue
        if not holds(value, old):
            faults.append(f"{path}: Invalid value: {rule['message']}")
    return faults
