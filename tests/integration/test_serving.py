"""The real serving program over HTTP: every route, the answers of real models, collection, overload, start and stop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from mlops_desktop.serving.chunks import merge
from tests.unit.serving import served_models as models
from tests.unit.serving.served_process import Served, serving

Predict = Callable[[Any], httpx.Response]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundles")
    tumours, _ = models.breast_cancer()
    flights, _ = models.flights()
    patients, _ = models.diabetes()
    models.onnx_bundle(root / "matrix", models.logistic(), tumours, matrix=True)
    models.onnx_bundle(root / "zipmap", models.logistic(), tumours, matrix=True, zipmap=True)
    models.onnx_bundle(
        root / "frame", models.flight_pipeline(), flights, matrix=False, optional=["wind"], name="flight-delay"
    )
    models.onnx_bundle(
        root / "regression", models.linear(), patients, matrix=True, task="regression", classes=None, positive=None
    )
    for format_ in ("sklearn-pickle", "skops", "mlflow"):
        models.sklearn_bundle(root / format_, models.flight_pipeline(), flights, format_=format_, optional=["wind"])
    models.sklearn_bundle(root / "slow", models.slow(), tumours)
    return root


@pytest.fixture(scope="module", params=["port", "socket"])
def served(request: pytest.FixtureRequest, bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("run")
    with serving(bundles / "matrix", folder, "--deployment", "d1", uds=request.param == "socket") as program:
        yield program


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def split(frame: pd.DataFrame) -> dict[str, Any]:
    rows = frame.astype(object).where(pd.notna(frame), None)
    return {"dataframe_split": {"columns": list(frame.columns), "data": rows.to_numpy().tolist()}}


def tensors(frame: pd.DataFrame, **more: Any) -> dict[str, Any]:
    kinds = {"float32": "FP32", "int64": "INT64"}
    return more | {
        "inputs": [
            {
                "name": name,
                "shape": [len(frame), 1],
                "datatype": kinds.get(str(frame[name].dtype), "BYTES"),
                "data": split(frame[[name]])["dataframe_split"]["data"],
            }
            for name in frame.columns
        ]
    }


# --- routes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/tumour/ready", {"name": "tumour", "ready": True}),
        ("/v2/models/tumour/versions/2/ready", {"name": "tumour", "ready": True}),
    ],
)
def test_health_in_json(client: httpx.Client, path: str, answer: dict[str, Any]) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (200, answer)
    assert client.head(path).status_code == 200


def test_other_pages(client: httpx.Client) -> None:
    assert client.get("/ping").status_code == client.get("/health").status_code == 200
    assert client.get("/version").text.count(".") >= 1
    assert {"name", "version", "extensions"} <= client.get("/v2").json().keys()
    described = client.get("/v2/models/tumour").json()
    assert described == client.get("/v2/models/tumour/versions/2").json()
    assert described["versions"] == ["2"] and len(described["inputs"]) == 30
    assert described["inputs"][0] == {"name": "mean radius", "datatype": "FP32", "shape": [-1, 1]}
    assert {o["name"]: o["shape"] for o in described["outputs"]} == {
        "predictions": [-1, 1],
        "scores": [-1, 1],
        "probabilities": [-1, 2],
    }


def test_the_openapi_document_holds_an_example_that_works(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    assert client.post("/invocations", json=content["example"]).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models/other", 404),
        ("POST", "/v2/models/tumour/versions/1/infer", 404),
        ("GET", "/invocations", 405),
        ("POST", "/ping", 405),
        ("DELETE", "/_monitor/chunks", 405),
        ("GET", "/_monitor/chunks?after=-1", 400),
        ("GET", "/_monitor/predictions?after=x", 400),
    ],
)
def test_wrong_roads(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"].endswith(".")
    assert (status == 405) == ("allow" in response.headers)


# --- predictions ----------------------------------------------------------------------------------------------------


def forms(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    rows = split(frame)["dataframe_split"]["data"]
    records = [dict(zip(frame.columns, row, strict=True)) for row in rows]
    shuffled = frame[list(reversed(frame.columns))]
    return {
        "split": {"json": split(frame)},
        "split with an index": {"json": {"dataframe_split": split(frame)["dataframe_split"] | {"index": [5, 6, 7, 8]}}},
        "split without names": {"json": {"dataframe_split": {"data": rows}}},
        "another order": {"json": split(shuffled)},
        "one column more": {"json": split(frame.assign(extra="x"))},
        "records": {"json": {"dataframe_records": records}},
        "instances": {"json": {"instances": rows}},
        "instances by name": {"json": {"instances": records}},
        "inputs": {"json": {"inputs": {n: [r[n] for r in records] for n in frame.columns}, "params": {}}},
        "inputs in columns": {"json": {"inputs": {n: [[r[n]] for r in records] for n in frame.columns}}},
        "csv": {"content": frame.to_csv(index=False), "headers": {"content-type": "text/csv; charset=utf-8"}},
    }


@pytest.mark.parametrize("form", list(forms(models.breast_cancer()[0].head(4))))
def test_every_form_gives_the_same_answer(client: httpx.Client, form: str) -> None:
    frame = models.breast_cancer()[0].iloc[[0, 19, 100, 300]]
    response = client.post("/invocations", **forms(frame)[form])
    assert response.status_code == 200, response.text
    body = response.json()
    model = models.logistic()
    assert body["predictions"] == model.predict(frame).tolist()
    assert body["scores"] == pytest.approx(model.predict_proba(frame)[:, 1].tolist(), abs=1e-5)
    assert body["prediction_id"] == response.headers["x-prediction-id"]


def test_a_caller_may_name_the_prediction(client: httpx.Client) -> None:
    frame = models.breast_cancer()[0].head(1)
    named = client.post("/invocations", json=split(frame), headers={"x-prediction-id": "order-7.A"})
    assert (named.json()["prediction_id"], named.headers["x-prediction-id"]) == ("order-7.A", "order-7.A")
    wrong = client.post("/invocations", json=split(frame), headers={"x-prediction-id": "a/b"})
    assert wrong.status_code == 400 and "x-prediction-id" in wrong.json()["error"]
    unnamed = {client.post("/invocations", json=split(frame)).json()["prediction_id"] for _ in range(3)}
    assert len(unnamed) == 3


def test_open_inference(client: httpx.Client) -> None:
    frame = models.breast_cancer()[0].head(3)
    response = client.post("/v2/models/tumour/infer", json=tensors(frame, id="mine"))
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["model_name"], body["model_version"], body["id"]) == ("tumour", "2", "mine")
    assert response.headers["x-prediction-id"] == "mine"
    outputs = {o["name"]: o for o in body["outputs"]}
    model = models.logistic()
    assert outputs["predictions"] == {
        "name": "predictions",
        "datatype": "INT64",
        "shape": [3, 1],
        "data": model.predict(frame).tolist(),
    }
    assert outputs["probabilities"]["shape"] == [3, 2]
    assert outputs["probabilities"]["data"] == pytest.approx(model.predict_proba(frame).ravel().tolist(), abs=1e-5)
    flat = tensors(frame, outputs=[{"name": "scores"}], id="an id / of its own")
    for tensor in flat["inputs"]:
        tensor["data"] = [row[0] for row in tensor["data"]]
    body = client.post("/v2/models/tumour/versions/2/infer", json=flat).json()
    assert [o["name"] for o in body["outputs"]] == ["scores"] and body["id"] == "an id / of its own"


@pytest.mark.parametrize("bundle", ["frame", "sklearn-pickle", "skops", "mlflow"])
def test_texts_whole_numbers_and_missing_values(bundles: Path, bundle: str, tmp_path: Path) -> None:
    frame, _ = models.flights()
    frame = frame.head(200)
    frame.loc[0, "carrier"] = "never seen"
    assert frame["wind"].isna().sum() > 5
    model = models.flight_pipeline()
    with serving(bundles / bundle, tmp_path) as program, program.client() as client:
        for payload in (split(frame), {"dataframe_split": split(frame)["dataframe_split"]}):
            body = client.post("/invocations", json=payload).json()
            assert body["predictions"] == model.predict(frame).tolist()
            assert body["scores"] == pytest.approx(model.predict_proba(frame)[:, 1].tolist(), abs=1e-5)
        name = client.get("/openapi.json").json()["info"]["title"]
        infer = client.post(f"/v2/models/{name}/infer", json=tensors(frame)).json()
        assert infer["outputs"][1]["data"] == pytest.approx(body["scores"])
        without = client.post("/invocations", json=split(frame.head(2).drop(columns="wind")))
        assert without.status_code == 200  # "wind" may be missing, so it may be absent
        refused = client.post("/invocations", json=split(frame.head(2).drop(columns="hour")))
        assert refused.status_code == 400 and "'hour' is missing" in refused.json()["error"]


def test_a_zipmap_is_understood(bundles: Path, tmp_path: Path) -> None:
    frame = models.breast_cancer()[0].head(5)
    with serving(bundles / "zipmap", tmp_path) as program, program.client() as client:
        body = client.post("/invocations", json=split(frame)).json()
    assert body["scores"] == pytest.approx(models.logistic().predict_proba(frame)[:, 1].tolist(), abs=1e-5)


def test_regression(bundles: Path, tmp_path: Path) -> None:
    frame = models.diabetes()[0].head(5)
    with serving(bundles / "regression", tmp_path) as program, program.client() as client:
        body = client.post("/invocations", json=split(frame)).json()
        assert body["predictions"] == pytest.approx(models.linear().predict(frame).tolist(), rel=1e-4)
        assert "scores" not in body
        kept = client.get("/_monitor/predictions").json()["predictions"]
    assert [row[4] for row in kept] == pytest.approx(body["predictions"])
    assert {row[5] for row in kept} == {""}


def test_64_callers_each_get_their_own_answer(bundles: Path, tmp_path: Path) -> None:
    """Good and wrong requests share batches; every one must get its own row's score or its own error."""
    frame, _ = models.breast_cancer()
    expected = models.logistic().predict_proba(frame)[:, 1]

    async def caller(client: httpx.AsyncClient, number: int) -> None:
        for turn in range(10):
            row = (number * 10 + turn) % len(frame)
            payload = split(frame.iloc[[row]])
            if (number + turn) % 5 == 0:
                payload["dataframe_split"]["data"][0][number % 30] = f"wrong-{number}"
                response = await client.post("/invocations", json=payload)
                assert response.status_code == 400
                assert f"'wrong-{number}'" in response.json()["error"]
                assert f"{frame.columns[number % 30]!r}" in response.json()["error"]
            else:
                response = await client.post(
                    "/invocations", json=payload, headers={"x-prediction-id": f"{number}.{turn}"}
                )
                assert response.status_code == 200
                assert response.json()["scores"] == pytest.approx([expected[row]], abs=1e-5)
                assert response.json()["prediction_id"] == f"{number}.{turn}"

    async def everybody() -> None:
        async with program.async_client() as client:
            await asyncio.gather(*(caller(client, number) for number in range(64)))

    with serving(bundles / "matrix", tmp_path) as program:
        asyncio.run(everybody())
        with program.client() as client:
            kept = client.get("/_monitor/predictions").json()["predictions"]
    assert len(kept) == 512
    ids = {row[1]: row[4] for row in kept}
    assert ids["3.1"] == pytest.approx(expected[31], abs=1e-5)


# --- collection -----------------------------------------------------------------------------------------------------


def wait_for_chunks(client: httpx.Client, requests: int) -> dict[str, Any]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        got: dict[str, Any] = client.get("/_monitor/chunks").json()
        if got["chunks"] and merge(got["chunks"])["requests"] >= requests:
            return got
        time.sleep(0.1)
    raise AssertionError("the chunks did not come")


def test_what_was_served_is_collected_and_acknowledged(bundles: Path, tmp_path: Path) -> None:
    frame, _ = models.breast_cancer()
    with serving(bundles / "matrix", tmp_path) as program, program.client() as client:
        begun = time.monotonic()
        for start in range(0, 50, 10):
            assert client.post("/invocations", json=split(frame.iloc[start : start + 10])).status_code == 200
        assert client.post("/invocations", content=b"{").status_code == 400
        assert client.post("/v2/models/tumour/infer", content=b"{}").status_code == 400
        got = wait_for_chunks(client, 7)
        assert time.monotonic() - begun < 3
        whole = merge(got["chunks"])
        assert (whole["requests"], whole["rows"], whole["errors"]) == (7, 50, {"400": 2})
        assert sum(whole["latency"]["counts"]) == 7
        assert set(whole["features"]) == set(frame.columns)
        radius = whole["features"]["mean radius"]
        assert sum(radius["counts"]) == 50 and radius["nulls"] == radius["invalid"] == 0
        assert radius["sum"] == pytest.approx(float(frame["mean radius"].head(50).astype(float).sum()), rel=1e-6)
        profile = json.loads((bundles / "matrix" / "profile.json").read_text())
        assert len(radius["counts"]) == len(profile["features"]["mean radius"]["edges"]) + 1
        assert sum(whole["predictions"]["score"]["counts"]) == 50
        assert (
            sum(whole["predictions"]["outcome"]["counts"]) == 50 and whole["predictions"]["outcome"]["counts"][-1] == 0
        )

        last = got["chunks"][-1]["sequence"]
        assert client.get(f"/_monitor/chunks?after={last}&boot=other").json()["chunks"] == got["chunks"]
        assert client.get(f"/_monitor/chunks?after={last}&boot={got['boot']}").json()["chunks"] == []
        assert abs(got["now"] - time.time()) < 60

        first = client.get("/_monitor/predictions").json()
        assert first["boot"] == got["boot"] and first["dropped"] == 0
        assert [row[0] for row in first["predictions"]] == list(range(1, 51))
        assert [row[2] for row in first["predictions"]] == list(range(10)) * 5
        again = client.get(f"/_monitor/predictions?after=30&boot={got['boot']}").json()["predictions"]
        assert [row[0] for row in again] == list(range(31, 51))

        text = client.get("/metrics").text
        assert 'model_infer_request_success_total{model="tumour",version="2"} 5' in text
        assert 'model_infer_request_failure_total{model="tumour",version="2"} 2' in text
        assert 'model_infer_request_duration_seconds_count{model="tumour",version="2"} 7' in text


# --- overload, stop -------------------------------------------------------------------------------------------------


def many_rows(rows: int) -> bytes:
    frame, _ = models.breast_cancer()
    return json.dumps(split(frame.iloc[np.arange(rows) % len(frame)])).encode()


def test_health_answers_while_the_model_is_busy(bundles: Path, tmp_path: Path) -> None:
    async def both() -> list[float]:
        async with program.async_client() as client:
            work = asyncio.create_task(client.post("/invocations", content=many_rows(200)))
            await asyncio.sleep(0.3)
            seconds = []
            while not work.done():
                start = time.perf_counter()
                assert (await client.get("/v2/health/ready")).status_code == 200
                seconds.append(time.perf_counter() - start)
                await asyncio.sleep(0.01)
            assert (await work).status_code == 200
            return seconds

    with serving(bundles / "slow", tmp_path) as program:
        seconds = asyncio.run(both())
    assert len(seconds) > 5
    assert sorted(seconds)[len(seconds) // 2] < 0.05


def test_too_many_waiting_requests_are_turned_away(bundles: Path, tmp_path: Path) -> None:
    async def crowd() -> list[httpx.Response]:
        async with program.async_client() as client:
            work = asyncio.create_task(client.post("/invocations", content=many_rows(200)))
            await asyncio.sleep(0.4)
            small = many_rows(1)
            others = await asyncio.gather(*(client.post("/invocations", content=small) for _ in range(10)))
            return [await work, *others]

    with serving(bundles / "slow", tmp_path, "--max-waiting", "4") as program:
        answers = asyncio.run(crowd())
    assert answers[0].status_code == 200
    assert [a.status_code for a in answers[1:]].count(503) == 6
    refused = next(a for a in answers if a.status_code == 503)
    assert refused.headers["retry-after"] == "1" and "waiting" in refused.json()["error"]


def test_a_request_that_takes_too_long_is_answered(bundles: Path, tmp_path: Path) -> None:
    with serving(bundles / "slow", tmp_path, "--time-limit", "0.1") as program, program.client() as client:
        response = client.post("/invocations", content=many_rows(200))
        assert response.status_code == 504 and "within 0.1 seconds" in response.json()["error"]
        assert client.get("/ping").status_code == 200


def test_sigterm_lets_requests_finish(bundles: Path, tmp_path: Path) -> None:
    async def stopped_midway() -> httpx.Response:
        async with program.async_client() as client:
            work = asyncio.create_task(client.post("/invocations", content=many_rows(200)))
            await asyncio.sleep(0.4)
            assert not work.done()
            program.process.send_signal(signal.SIGTERM)
            return await work

    with serving(bundles / "slow", tmp_path) as program:
        response = asyncio.run(stopped_midway())
        assert response.status_code == 200 and len(response.json()["predictions"]) == 200
        assert program.process.wait(20) == 0
    messages = [line["message"] for line in program.log]
    assert messages[-1] == "Stopped." and any("Asked to stop" in m for m in messages)


# --- start ----------------------------------------------------------------------------------------------------------


def test_the_socket_lets_the_gateway_in_and_goes_away(bundles: Path, tmp_path: Path) -> None:
    with serving(bundles / "matrix", tmp_path, uds=True) as program:
        path = program.socket
        assert path is not None and stat.S_IMODE(path.stat().st_mode) == 0o666
        second = Served(bundles / "matrix", tmp_path / "second", "--uds", str(path), uds=True)
        assert second.process.wait(30) == 1
        assert [line["message"] for line in second.log] == [f"Another program listens on {str(path)!r}."]
        program.stop()
        assert not path.exists()


def test_a_socket_that_a_killed_program_left_is_replaced(bundles: Path, tmp_path: Path) -> None:
    with serving(bundles / "matrix", tmp_path, uds=True) as program:
        program.process.kill()
        program.process.wait(10)
    assert program.socket is not None and program.socket.exists()
    with serving(bundles / "matrix", tmp_path, uds=True) as program, program.client() as client:
        assert client.get("/ping").status_code == 200


def test_a23_a_port_in_use_is_said_at_once(bundles: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program = Served(bundles / "matrix", tmp_path, "--port", str(port))  # the later option counts
        assert program.process.wait(30) == 1
    (line,) = program.log
    assert line["level"] == "error" and f"Port {port} on 127.0.0.1 can't be used" in line["message"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda b: (b / "model" / "model.onnx").write_bytes(b"x" + (b / "model" / "model.onnx").read_bytes()[1:]),
         "The model file 'model.onnx' is damaged: its SHA-256 is"),
        (lambda b: (b / "model" / "model.onnx").unlink(), "The model file 'model.onnx' is missing"),
        (lambda b: (b / "model" / "more.bin").write_bytes(b"x"), "holds 'more.bin', which serving.json does not list"),
        (lambda b: (b / "serving.json").unlink(), "There is no serving.json"),
        (lambda b: (b / "serving.json").write_text("{"), "serving.json can't be read"),
        (lambda b: change(b, files={"../serving.json": "0"}), "leaves the bundle"),
        (lambda b: change(b, entry="/etc/passwd"), "leaves the bundle"),
        (lambda b: change(b, schema=2), "has the schema 2"),
        (lambda b: change(b, format="h5"), "The format 'h5' is not known"),
        (lambda b: change(b, task="ranking"), "The task 'ranking' is not known"),
        (lambda b: change(b, signature={"inputs": []}), "no signature"),
        (lambda b: change(b, signature={"inputs": [{"name": "a", "type": "float"}]}), "takes rows of the shape [30]"),
        (lambda b: (b / "profile.json").write_text('{"schema": 1}'), "profile.json can't be used"),
        (lambda b: replace_model(b, b"no model at all"), "The ONNX model can't be loaded"),
        (lambda b: as_pickle(b), "The pickle 'model.onnx' can't be loaded"),
    ],
)  # fmt: skip
def test_a13_a_bundle_that_is_not_right_is_refused(
    bundles: Path, tmp_path: Path, damage: Callable[[Path], Any], words: str
) -> None:
    bundle = shutil.copytree(bundles / "matrix", tmp_path / "bundle")
    damage(bundle)
    program = Served(bundle, tmp_path, uds=True)
    assert program.process.wait(30) == 1
    (line,) = program.log
    assert line["level"] == "error" and words in line["message"]
    assert not program.socket.exists()  # type: ignore[union-attr]


def change(bundle: Path, **values: Any) -> None:
    file = bundle / "serving.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def replace_model(bundle: Path, content: bytes) -> None:
    (bundle / "model" / "model.onnx").write_bytes(content)
    change(bundle, files={"model.onnx": hashlib.sha256(content).hexdigest()})


def as_pickle(bundle: Path) -> None:
    replace_model(bundle, b"no pickle either")
    change(bundle, format="sklearn-pickle")


@pytest.mark.parametrize("arguments", [[], ["--bundle", "x"], ["--bundle", "x", "--uds", "a", "--port", "1"]])
def test_wrong_usage(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "mlops_desktop.serving", *arguments], capture_output=True, timeout=30)
    assert done.returncode == 2 and b"usage" in done.stderr
