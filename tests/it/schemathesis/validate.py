"""Checks a description by the rules of OpenAPI 3.2, and each of its examples by its schema."""

import json
import sys

import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_32

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace", "query"}

document = json.load(sys.stdin)
found = []


def check(where, value, schema):
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    found.extend(f"{where}: {error.message}" for error in validator.iter_errors(value))


def resolved(part):
    if "$ref" not in part:
        return part
    target = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return target


def check_content(where, content):
    for media_type, described in content.items():
        examples = [one["value"] for one in described.get("examples", {}).values()]
        examples += [described["example"]] if "example" in described else []
        if not examples:
            found.append(f"{where}: {media_type} has no example")
        for example in examples:
            check(f"{where} as {media_type}", example, described.get("schema", {}))


rules = jsonschema_rs.Draft202012Validator(OPENAPI_32)
found.extend(f"/{'/'.join(map(str, e.instance_path))}: {e.message}" for e in rules.iter_errors(document))
for name, schema in document["components"]["schemas"].items():
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})

names = set()
for path, methods in document["paths"].items():
    for method, operation in methods.items():
        where = f"{method} {path}"
        if method not in METHODS or operation["operationId"] in names:
            found.append(f"{where}: the method or the id")
        names.add(operation["operationId"])
        for parameter in operation.get("parameters", []):
            check(f"{where} {parameter['name']}", parameter["example"], parameter["schema"])
        check_content(where, operation.get("requestBody", {}).get("content", {}))
        for status, response in operation["responses"].items():
            check_content(f"{where} {status}", resolved(response).get("content", {}))

print("\n".join(found))
sys.exit(1 if found else 0)
