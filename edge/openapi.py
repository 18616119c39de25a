"""OpenAPI 3.1, generated from the catalogue and the models that validate the requests."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.roles import Permission
from edge.models import ApiModel, NoBody, NoQuery
from edge.routes import Route
from edge.templates import parameters, plain_path

_REF = "#/components/schemas/{model}"
_SECURITY = {"entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
_GUARDED = (401, 402, 403)
_ALWAYS = (400, 500, 503)
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The version that the change was decided on, as `etag` told it.",
    "schema": {"type": "string"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Chosen by the caller; a request that is repeated with it within 24 hours is"
    " carried out once, and has the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class Problem(ApiModel):
    """One malformed field."""

    path: str
    message: str


class Error(ApiModel):
    """The body of every error."""

    status_code: int
    error: str
    code: str
    message: str
    request_id: str
    errors: list[Problem] | None = None
    reasons: list[str] | None = None


# A schema's name is part of the API contract, and is kept if its class is renamed.
_PUBLISHED = {
    "ConsentOutcome": "Outcome",
    "TenantConnection": "Connection",
    "TenantScope": "Scope",
}

type Mode = Literal["validation", "serialization"]
type Schemas = dict[tuple[Any, Mode], dict[str, Any]]


def document(catalogue: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes."""
    routes = sorted(catalogue, key=lambda route: (route.path, route.method))
    schemas, schema = models_json_schema(sorted(_models(routes), key=str), ref_template=_REF)
    paths: dict[str, Any] = {}
    for route in routes:
        operations = paths.setdefault(f"/{plain_path(route.path)}", {})
        operation = operations[route.method.lower()] = _operation(route, schemas)
        if "HEAD" in route.methods:
            operations["head"] = _head(operation)
    made = {
        "openapi": "3.1.0",
        "info": {"title": "Manage365 partner-tenant service", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schema.get("$defs", {}),
            "securitySchemes": _SECURITY,
        },
    }
    return _published(made)


def _published(document: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(document)
    for name, published in _PUBLISHED.items():
        text = text.replace(f'"{name}"', f'"{published}"')
        text = text.replace(f'"{_REF.format(model=name)}"', f'"{_REF.format(model=published)}"')
    found: dict[str, Any] = json.loads(text)
    components = found["components"]
    components["schemas"] = dict(sorted(components["schemas"].items()))
    return found


def _models(routes: Iterable[Route]) -> set[tuple[type[BaseModel], Mode]]:
    wanted: set[tuple[type[BaseModel], Mode]] = {(Error, "serialization")}
    for route in routes:
        wanted |= {(model, "serialization") for model in route.answers.values() if model}
        if route.body is not NoBody:
            wanted.add((route.body, "validation"))
    return wanted


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.area],
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route),
            *([_IF_MATCH] if route.conditional else []),
            *([_IDEMPOTENCY_KEY] if route.idempotent else []),
        ],
        "responses": _responses(route, schemas),
    }
    if isinstance(route.permission, Permission):
        operation["security"] = [{"entra": []}]
        operation["x-permission"] = str(route.permission)
    if route.body is not NoBody:
        content = _json(schemas[route.body, "validation"])
        operation["requestBody"] = {"required": not route.body_optional, "content": content}
    return operation


def _head(get: dict[str, Any]) -> dict[str, Any]:
    """Return the HEAD operation of a GET: the same operation without response bodies."""
    responses = {
        status: {"description": response["description"]}
        for status, response in get["responses"].items()
    }
    return {**get, "operationId": f"head_{get['operationId']}", "responses": responses}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in parameters(route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is NoQuery:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _inlined(value, definitions),
        }
        for name, value in schema["properties"].items()
    ]


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            return definitions[value["$ref"].rsplit("/", 1)[-1]]
        return {key: _inlined(item, definitions) for key, item in value.items()}
    return [_inlined(item, definitions) for item in value] if isinstance(value, list) else value


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in route.answers.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if model:
            responses[str(status)]["content"] = _json(schemas[model, "serialization"])
        elif route.media:
            file = {"schema": {"type": "string", "format": "binary"}}
            responses[str(status)]["content"] = {route.media: file}
    statuses = {*route.all_errors, *_ALWAYS}
    if route.method != "GET":
        statuses.add(409)  # any change can conflict with another writer's
    if parameters(route.path):
        statuses.add(404)  # a parameter with an undecoded escape names nothing
    if isinstance(route.permission, Permission):
        statuses |= {*_GUARDED}
    if route.body is not NoBody:
        statuses |= {411, 413}
    for status in sorted(statuses - set(route.answers)):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": _json(schemas[Error, "serialization"]),
        }
    return responses
