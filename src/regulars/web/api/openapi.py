"""The OpenAPI 3.1 document: from the models of commands, the signatures of questions, and the types of answers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from pydantic.json_schema import models_json_schema

from regulars.crm_domain.command import Command
from regulars.web.access.permissions import takes
from regulars.web.api.commands import DO, Done, DoneTogether
from regulars.web.api.parameters import Parameters, parameters_of, without_defaults
from regulars.web.api.problems import MEDIA_TYPE
from regulars.web.api.problems import schema as problem_schema
from regulars.web.api.questions import QUESTIONS, Question
from regulars.web.api.shapes import Found, Schema, shape_of
from regulars.web.api.telling import NAME, Listening, Told
from regulars.web.limits import Limits

_REF = "#/components/schemas/{model}"
_ABOUT = """Every command and every question of a store. A customer is named by id: `POST /find` finds the id of a
reference, an e-mail or a phone number, so that addresses hold nothing personal. Money is text in the store's currency;
instants are ISO 8601 with an offset, and a bare date is the end of that day in the business's zone."""
_PROBLEMS = {
    "4XX": "The request is refused; `code` and `detail` say why. 401: no token in force. 403: its role may not do "
    "this. 404: there is nobody and nothing of this name. 408: the body took too long to arrive. 409: a rule of the "
    "domain is against it. 412: something was recorded of the customer since the ETag of If-Match. 413, 415, 422: what "
    "was sent is too large, not JSON, or not what it should be. 429: the token asks too often.",
    "503": "The store is busy, and may be asked again after the seconds of Retry-After; or it can't be used as it is.",
}
_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a retry harmless: the same key with the same body returns the first outcome.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
}
_MATCH_HEADER = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of an answer about the customer: refused where anything was recorded of them since.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,19}-[0-9]{1,9}-[0-9]{0,17}"$'},
}
_NONE_MATCH_HEADER = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an earlier answer: 304 where it would be the same.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,19}-[0-9]{1,9}-[0-9]{0,17}"$'},
}


_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The name of a subscription of this token.",
    "schema": {"type": "string", "pattern": f"^{NAME}$"},
}


def document(commands: Mapping[str, type[Command]], limits: Limits) -> dict[str, Any]:
    """The document for a store with these commands, those of its extensions included."""
    answers: Found = {}
    paths: dict[str, dict[str, Any]] = {}
    for name, command in commands.items():
        paths[f"/commands/{name}"] = {"post": _command(name, command, answers)}
    paths["/batch"] = {"post": _batch(sorted(commands), limits, answers)}
    paths["/changes/{name}"] = {"post": _changes(answers), "delete": _no_more_changes()}
    for question in QUESTIONS:
        path = paths.setdefault(question.path.replace(":path}", "}"), {})
        path[question.method.lower()] = _question(question, answers)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Regulars", "version": "1", "description": " ".join(_ABOUT.split())},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(answers, commands) | {"Problem": problem_schema()},
            "responses": dict(_problems()),
        },
    }


def _command(name: str, command: type[Command], answers: Found) -> dict[str, Any]:
    about = inspect.getdoc(command) or name
    return {
        "operationId": name,
        "tags": ["commands"],
        "summary": about.partition("\n")[0],
        "description": f"{about}\n\nIt takes the role {takes(name)}.",
        "parameters": [_KEY_HEADER, _MATCH_HEADER],
        "requestBody": _json({"$ref": _REF.format(model=name)}) | {"required": True},
        "responses": _responses(shape_of(Done, answers)),
    }


def _batch(names: list[str], limits: Limits, answers: Found) -> dict[str, Any]:
    one = {
        "type": "object",
        "description": f'A command\'s own fields, and its name as "{DO}". Its command_id makes a retry harmless.',
        "properties": {DO: {"enum": names}},
        "required": [DO],
    }
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": limits.commands}
    body = {
        "type": "object",
        "properties": {"commands": several},
        "required": ["commands"],
        "additionalProperties": False,
    }
    return {
        "operationId": "batch",
        "tags": ["commands"],
        "summary": "Carry out several commands in one transaction: all of them or none.",
        "parameters": [_MATCH_HEADER],
        "requestBody": _json(body) | {"required": True},
        "responses": _responses(shape_of(DoneTogether, answers)),
    }


def _changes(answers: Found) -> dict[str, Any]:
    body = without_defaults(Listening.model_json_schema(ref_template=_REF))
    return {
        "operationId": "changes",
        "tags": ["changes"],
        "summary": "Acknowledge a batch of changes, and take the next one.",
        "description": f"{inspect.getdoc(Listening)}\n\nIt takes the role {takes('changes')}.",
        "parameters": [_NAME],
        "requestBody": _json(body) | {"required": True},
        "responses": _responses(shape_of(Told, answers)),
    }


def _no_more_changes() -> dict[str, Any]:
    refused = {status: {"$ref": f"#/components/responses/{status}"} for status in _PROBLEMS}
    return {
        "operationId": "drop_changes",
        "tags": ["changes"],
        "summary": "Drop a subscription, with the batches that wait or are kept.",
        "parameters": [_NAME],
        "responses": {"204": {"description": "It is dropped."}, **refused},
    }


def _question(question: Question, answers: Found) -> dict[str, Any]:
    read = parameters_of(question.ask, question.without)
    about = inspect.getdoc(question.ask) or ""
    responses = _responses(shape_of(get_type_hints(question.ask)["return"], answers))
    found = {
        "operationId": question.name,
        "tags": ["questions"],
        "summary": " ".join(about.partition("\n\n")[0].split()),
        "description": f"{about}\n\nIt takes the role {takes(question.name)}.",
        "responses": responses,
    }
    if question.method == "POST":
        body = read.model_json_schema(ref_template=_REF)
        return found | {"requestBody": _json(without_defaults(body)) | {"required": True}}
    headers = [_NONE_MATCH_HEADER] if question.has_version else []
    if question.has_version:
        responses["304"] = {"description": "The answer is the one that the ETag is of."}
    return found | {"parameters": [*_parameters(read, question.path), *headers]}


def _parameters(read: type[Parameters], path: str) -> Iterator[dict[str, Any]]:
    schema = without_defaults(read.model_json_schema())
    for name, each in schema["properties"].items():
        in_path = f"{{{name}}}" in path or f"{{{name}:path}}" in path
        if in_path and each.get("type") == "string" and "pattern" not in each:
            each |= {"minLength": 1}
        yield {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path or name in schema.get("required", ()),
            "schema": each,
        }


def _schemas(answers: Found, commands: Mapping[str, type[Command]]) -> dict[str, Schema]:
    models: list[Any] = [(each, "validation") for each in commands.values()]
    _, found = models_json_schema(models, ref_template=_REF)
    of_commands: dict[str, Schema] = found.get("$defs", {})
    return dict(sorted((of_commands | {name: schema for name, (_, schema) in answers.items()}).items()))


def _responses(answer: Schema) -> dict[str, Any]:
    refused = {status: {"$ref": f"#/components/responses/{status}"} for status in _PROBLEMS}
    return {"200": _json(answer) | {"description": "The answer."}, **refused}


def _problems() -> Iterator[tuple[str, dict[str, Any]]]:
    for status, description in _PROBLEMS.items():
        yield (
            status,
            {
                "description": description,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )


def _json(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
