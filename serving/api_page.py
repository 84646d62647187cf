"""The document of the routes as a page for a person: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from serving.openapi import PROBLEMS, document
from serving.pages.layout import FOLDER


@cache
def page() -> str:
    """Return the page."""
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    environment.filters["tojson_plain"] = lambda value: json.dumps(value, ensure_ascii=False)
    routes = {
        path: {method: {"description": "", "requestBody": None, **route} for method, route in operations.items()}
        for path, operations in document()["paths"].items()
    }
    whole = {**document(), "paths": routes}
    return environment.get_template("api.html").render(document=whole, problems=PROBLEMS, fields=_fields)


def _fields(schema: Mapping[str, Any]) -> Markup:
    """Return a message's fields as a list: name, type, what it means, whether it is needed."""
    named = _resolved(schema)
    rows = []
    for name, field in named.get("properties", {}).items():
        needed = "" if name in named.get("required", ()) else ", optional"
        rows.append(
            Markup("<li><code>{}</code> ({}{}) {}</li>").format(
                name, _type(field), needed, field.get("description", "")
            )
        )
    return Markup("<ul>{}</ul>").format(Markup("").join(rows))


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Mapping[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return str(escape(field["$ref"].rpartition("/")[2]))
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field:
        return " or ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("format") or field.get("type") or field.get("const") or "any")
