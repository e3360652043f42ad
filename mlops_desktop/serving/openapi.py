"""The OpenAPI document of a served model, made from its signature."""

from __future__ import annotations

from typing import Any

from mlops_desktop.serving.exchange import Exchange
from mlops_desktop.serving.schema import Field

_JSON_TYPES = {
    "boolean": {"type": "boolean"},
    "whole": {"type": "integer"},
    "real": {"type": "number"},
    "text": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
}


def openapi(exchange: Exchange, version: str) -> dict[str, Any]:
    """The document (OpenAPI 3.1) with an example that the model answers."""
    bundle, schema = exchange.bundle, exchange.schema
    if schema.tail is None:
        row: dict[str, Any] = {
            "type": "object",
            "properties": {f.name: _property(f) for f in schema.fields},
            "required": [f.name for f in schema.fields if f.required],
        }
    else:
        row = {"type": "array", "items": _property(schema.fields[0])}
    table = {"type": "array", "items": {"type": "array"}}
    split = {"type": "object", "properties": {"columns": {"type": "array", "items": {"type": "string"}}, "data": table}}
    forms = {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": row},
        "instances": {"type": "array"},
        "inputs": {},
    }
    scoring = {"oneOf": [{"type": "object", "properties": {k: v}, "required": [k]} for k, v in forms.items()]}
    answer = {
        "type": "object",
        "properties": {
            "predictions": {"type": "array"},
            "scores": {"type": "array", "items": {"type": "number"}, "description": _scores(exchange)},
            "prediction_id": {"type": "string", "description": "Row i of the request has the id prediction_id:i."},
        },
        "required": ["predictions", "prediction_id"],
    }
    wrong = {"description": "The input does not fit the signature; the sentence names the field.", **_json(_ERROR)}
    model = f"/v2/models/{bundle.model}"
    return {
        "openapi": "3.1.0",
        "info": {"title": bundle.model, "version": bundle.version, "x-server-version": version},
        "paths": {
            "/invocations": {
                "post": {
                    "summary": "Predict (MLflow's scoring protocol)",
                    "parameters": [
                        {
                            "name": "x-prediction-id",
                            "in": "header",
                            "description": "A name of your own for this prediction, to send its true outcome later.",
                            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": scoring, "example": exchange.example()},
                            "text/csv": {"schema": {"type": "string"}},
                        },
                    },
                    "responses": {"200": {"description": "One prediction a row.", **_json(answer)}, "400": wrong},
                }
            },
            f"{model}/infer": {
                "post": {
                    "summary": "Predict (Open Inference Protocol)",
                    "requestBody": {"required": True, **_json({"type": "object", "required": ["inputs"]})},
                    "responses": {"200": {"description": "Tensors.", **_json({"type": "object"})}, "400": wrong},
                }
            },
            **{
                path: {"get": {"summary": summary, "responses": {"200": {"description": "Yes."}}}}
                for path, summary in {
                    "/ping": "Is it there? (MLflow)",
                    "/v2": "About the server",
                    "/v2/health/live": "Is it alive?",
                    "/v2/health/ready": "Does it take requests?",
                    model: "Names, types and shapes of inputs and outputs",
                    f"{model}/ready": "Does the model take requests?",
                    "/metrics": "Counters for Prometheus",
                }.items()
            },
        },
    }


_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def _property(field: Field) -> dict[str, Any]:
    described = dict(_JSON_TYPES[field.kind])
    return described if field.required else {"anyOf": [described, {"type": "null"}]}


def _scores(exchange: Exchange) -> str:
    positive = exchange.bundle.positive
    return f"Probability of {positive}." if positive is not None else "Probability of the predicted class."


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
