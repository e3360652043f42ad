"""E13: whatever is sent, the answer is a typed refusal that names the field; it is counted; the program stays up."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlops_desktop.serving.chunks import merge
from tests.integration.test_serving import wait_for_chunks
from tests.unit.serving import served_models as models
from tests.unit.serving.served_process import Served, serving

LIMIT = 1_000_000  # bytes of a body in these tests
FLIGHTS = models.flights()[0]
GOOD = {"columns": ["carrier", "hour", "wind"], "data": [["UA", 7, 3.5]]}
TENSORS = [
    {"name": "carrier", "shape": [1, 1], "datatype": "BYTES", "data": ["UA"]},
    {"name": "hour", "shape": [1, 1], "datatype": "INT64", "data": [7]},
    {"name": "wind", "shape": [1, 1], "datatype": "FP32", "data": [3.5]},
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bad")
    bundle = models.onnx_bundle(
        folder / "bundle", models.flight_pipeline(), FLIGHTS, matrix=False, optional=["wind"], name="flight-delay"
    )
    with serving(bundle, folder, "--max-body", str(LIMIT)) as program:
        yield program


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def split(data: str, columns: str = '["carrier","hour","wind"]') -> str:
    return f'{{"dataframe_split":{{"columns":{columns},"data":{data}}}}}'


def test_the_good_ones_are_good(client: httpx.Client) -> None:
    assert client.post("/invocations", json={"dataframe_split": GOOD}).status_code == 200
    assert client.post("/v2/models/flight-delay/infer", json={"inputs": TENSORS}).status_code == 200


SCORING = {
    "nothing": ("", "empty"),
    "half": ('{"dataframe_split"', "no JSON"),
    "a list": ("[]", "must be a JSON object"),
    "no form": ("{}", "exactly one of dataframe_split"),
    "another form": ('{"data": []}', "'data'"),
    "two forms": ('{"instances": [], "inputs": []}', "instances and inputs"),
    "no rows": (split("[]"), "has no rows"),
    "no list": (split('"x"'), "must be a list of rows"),
    "split is a list": ('{"dataframe_split": []}', "'dataframe_split' must be an object"),
    "odd member": ('{"dataframe_split": {"data": [[1]], "colums": []}}', "not 'colums'"),
    "columns no list": ('{"dataframe_split": {"data": [[1]], "columns": "a"}}', "must be a list of names"),
    "columns no texts": (split("[[1, 2, 3]]", '["carrier", 1, "wind"]'), "must be a list of texts"),
    "column twice": (split('[["UA", 7, 3, 4]]', '["carrier","hour","wind","wind"]'), "'wind' is given twice"),
    "missing column": (split('[["UA", 3]]', '["carrier","wind"]'), "'hour' is missing"),
    "misspelt column": (split('[["UA", 3, 7]]', '["carrier","wind","Hour"]'), "'hour' is missing; 'Hour' is not known"),
    "short row": (split('[["UA", 7, 3.5], ["UA", 7]]'), "Row 1 of 'dataframe_split.data' has 2 values for 3 columns"),
    "long row": (split('[["UA", 7, 3.5, 1]]'), "has 4 values for 3 columns"),
    "row is a text": (split('["UA7"]'), "Row 0"),
    "text for number": (split('[["UA", 7, "3.5"]]'), "field 'wind': expected a number, got the text '3.5'"),
    "number for text": (split("[[1, 7, 3.5]]"), "field 'carrier': expected a text, got 1"),
    "true for number": (split('[["UA", 7, true]]'), "field 'wind': expected a number, got true"),
    "fraction": (split('[["UA", 7.5, 1]]'), "field 'hour': expected a whole number, got 7.5"),
    "null": (split('[["UA", null, 1]]'), "field 'hour': null is not allowed"),
    "list for number": (split('[["UA", 7, [1]]]'), "field 'wind': expected a number, got a list"),
    "object for text": (split('[[{"a": 1}, 7, 1]]'), "field 'carrier': expected a text, got an object"),
    "NaN": (split('[["UA", 7, NaN]]'), "'wind' holds NaN"),
    "Infinity": (split('[["UA", 7, -Infinity]]'), "'wind' holds NaN"),
    "NaN in a record": ('{"dataframe_records": [{"carrier": "UA", "hour": NaN}]}', "'hour' holds NaN"),
    "1e999": (split('[["UA", 7, 1e999]]'), "'wind' holds NaN, an infinity or a number beyond"),
    "5000 digits": (split(f'[["UA", 7, {"9" * 5000}]]'), "'wind' holds NaN, an infinity or a number beyond"),
    "beyond float32": (split('[["UA", 7, 1e200]]'), "field 'wind': 1e+200 is too large"),
    "beyond int64": (split('[["UA", 99999999999999999999, 1]]'), "field 'hour': 1e+20 is too large"),
    "a key twice": ('{"dataframe_records": [{"carrier":"UA","hour":1,"hour":2,"wind":1}]}', "'hour' is given twice"),
    "a form twice": ('{"instances": [[1]], "instances": [[2]]}', "'instances' is given twice"),
    "deep lists": (split("[" * 100_000), "nested too deeply"),
    "deep objects": ('{"a":' * 100_000, "nested too deeply"),
    "closed deep lists": (split("[" * 5000 + "]" * 5000), "nested too deeply"),
    "a lone surrogate": (split('[["\\ud800", 7, 1]]'), "no JSON"),
    "records of lists": ('{"dataframe_records": [[1]]}', "must be a list of objects"),
    "records that differ": (
        '{"dataframe_records": [{"carrier":"UA","hour":1},{"carrier":"UA","wind":1}]}',
        "Row 1: field 'hour' is missing",
    ),
    "inputs of two lengths": ('{"inputs": {"carrier": ["UA"], "hour": [1, 2]}}', "'carrier' of 'inputs' has 1 values"),
    "inputs too wide": ('{"inputs": {"carrier": [["UA", "DL"]], "hour": [1]}}', "one value a row"),
    "params": ('{"instances": [["UA", 7, 1]], "params": 3}', "'params' must be an object"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(SCORING))
def test_e13_scoring(client: httpx.Client, case: str) -> None:
    body, words = SCORING[case]
    response = client.post("/invocations", content=body.encode(), headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text
    answer = response.json()
    assert words in answer["error"]
    assert answer["message"] == answer["error"] and answer["error_code"] == "BAD_REQUEST"
    assert len(answer["error"]) < 400
    assert "x-prediction-id" in response.headers


def tensor(position: int, **changes: Any) -> list[dict[str, Any]]:
    return [t | changes if i == position else t for i, t in enumerate(TENSORS)]


INFER: dict[str, tuple[Any, str]] = {
    "no inputs": ({}, "'inputs' must be a list of tensors"),
    "no object": ([], "must be a JSON object"),
    "missing": ({"inputs": TENSORS[:1]}, "Input 'hour' is missing"),
    "unknown": ({"inputs": tensor(0, name="airline")}, "Input the text 'airline' is not known"),
    "no name": ({"inputs": [{"shape": [1]}]}, "Input null is not known"),
    "twice": ({"inputs": [*TENSORS, TENSORS[0]]}, "Input 'carrier' is given twice"),
    "datatype": ({"inputs": tensor(1, datatype="INT65")}, "Input 'hour': the text 'INT65' is no datatype"),
    "wrong datatype": ({"inputs": tensor(1, datatype="FP32")}, "Input 'hour' must have the datatype INT64, not FP32"),
    "shape": ({"inputs": tensor(1, shape=[1, 2])}, "Input 'hour' must have the shape [-1, 1], not [1, 2]"),
    "shape -1": ({"inputs": tensor(1, shape=[-1, 1])}, "shape must be a list of whole numbers"),
    "too much data": ({"inputs": tensor(1, data=[1, 2])}, "Input 'hour' has 2 values, the shape [1, 1] needs 1"),
    "rows differ": ({"inputs": tensor(1, shape=[2, 1], data=[1, 2])}, "differ in their number of rows"),
    "no data": ({"inputs": tensor(1, data=None)}, "Input 'hour': the data must be a list"),
    "no rows": ({"inputs": [t | {"shape": [0, 1], "data": []} for t in TENSORS]}, "no rows"),
    "uneven": ({"inputs": tensor(1, data=[[1], 2])}, "Input 'hour': the data are nested unevenly"),
    "text in numbers": ({"inputs": tensor(2, data=["x"])}, "field 'wind': expected a number"),
    "id": ({"inputs": TENSORS, "id": 7}, "'id' must be a text"),
    "outputs": ({"inputs": TENSORS, "outputs": [{"name": "odds"}]}, "Output the text 'odds' is not known"),
    "outputs no list": ({"inputs": TENSORS, "outputs": "scores"}, "'outputs' must be a list"),
    "output no name": ({"inputs": TENSORS, "outputs": [{}]}, "Output null is not known"),
}


@pytest.mark.parametrize("case", list(INFER))
def test_e13_open_inference(client: httpx.Client, case: str) -> None:
    body, words = INFER[case]
    response = client.post("/v2/models/flight-delay/infer", json=body)
    assert response.status_code == 400, response.text
    assert list(response.json()) == ["error"] and words in response.json()["error"]


CSV = {
    "header only": ("carrier,hour,wind\n", "at least one row"),
    "missing column": ("carrier,wind\nUA,1\n", "'hour' is missing"),
    "short line": ("carrier,hour,wind\nUA,7\n", "Row 0 of the CSV has 2 cells, the header 3"),
    "word for number": ("carrier,hour,wind\nUA,seven,1\n", "field 'hour': expected a whole number, got the text 'sev"),
    "infinity": ("carrier,hour,wind\nUA,7,inf\n", "field 'wind': expected a number, got the text 'inf'"),
    "missing value": ("carrier,hour,wind\nUA,NaN,1\n", "field 'hour': null is not allowed"),
    "an open quote": ('carrier,hour,wind\n"UA,7,1\n', "no CSV"),
    "not UTF-8": (b"carrier,hour,wind\n\xff\xfe,7,1\n", "no CSV in UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CSV))
def test_e13_csv(client: httpx.Client, case: str) -> None:
    body, words = CSV[case]
    response = client.post("/invocations", content=body, headers={"content-type": "text/csv"})
    assert response.status_code == 400, response.text
    assert words in response.json()["error"]


def test_missing_values_in_csv(client: httpx.Client) -> None:
    body = "carrier,hour,wind\nUA,7,\nDL,8,NaN\n"
    response = client.post("/invocations", content=body, headers={"content-type": "text/csv"})
    assert response.status_code == 200 and len(response.json()["predictions"]) == 2


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"content-type": "application/xml"}, 415, "application/xml"),
        ({"content-type": "application/json; charset=latin-1"}, 415, "UTF-8"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415, "Compressed"),
        ({"content-type": "application/json", "x-prediction-id": "x" * 65}, 400, "x-prediction-id"),
    ],
)
def test_headers_that_are_refused(client: httpx.Client, headers: dict[str, str], status: int, words: str) -> None:
    response = client.post("/invocations", content=json.dumps({"dataframe_split": GOOD}), headers=headers)
    assert response.status_code == status and words in response.json()["error"]


def test_e13_200_megabytes_are_refused_and_not_kept(client: httpx.Client, served: Served) -> None:
    before = memory(served)
    declared = client.post("/invocations", content=b" " * 200_000_000)
    assert declared.status_code == 413 and "larger than 1,000,000 bytes" in declared.json()["error"]

    def parts() -> Iterator[bytes]:
        for _ in range(200):
            yield b" " * 1_000_000

    streamed = client.post("/invocations", content=parts())
    assert streamed.status_code == 413
    assert memory(served) - before < 50_000_000
    assert client.post("/invocations", json={"dataframe_split": GOOD}).status_code == 200


def memory(served: Served) -> int:
    """Bytes of real memory of the program."""
    lines = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_a_caller_that_hangs_up_harms_nobody(client: httpx.Client, served: Served) -> None:
    host, _, port = served.address.rpartition(":")
    for sent in (
        b"",
        b"POST /invoc",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{",
        b"\x00" * 90,
    ):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(sent)
    assert client.post("/invocations", json={"dataframe_split": GOOD}).status_code == 200


def test_refusals_are_counted_and_no_fault_was_logged(tmp_path: Path, served: Served) -> None:
    with served.client() as client:
        counted = merge(wait_for_chunks(client, 1)["chunks"])
        assert {"400", "413", "415"} >= set(counted["errors"]) and counted["errors"].get("400", 0) > 20
    assert not any("Traceback" in json.dumps(line) for line in served.log)
