"""Batches: what shares a call of the model, and whose an error is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from mlops_desktop.serving.batching import MOST_ROWS, InferenceThread, Request
from mlops_desktop.serving.errors import ModelFailed
from mlops_desktop.serving.frames import Frame
from mlops_desktop.serving.mlflow_protocol import parse_scoring
from mlops_desktop.serving.predictor import Answer, Predictor
from mlops_desktop.serving.schema import Schema

SCHEMA = Schema.from_signature({"inputs": [{"name": "a", "type": "double"}, {"name": "b", "type": "double"}]})


class Adds(Predictor):
    """Answers a + b, and fails on 13 as a model may."""

    platform = "test"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(self, frame: Frame) -> Answer:
        self.calls.append(frame.rows)
        assert frame.matrix is not None
        if (frame.matrix == 13).any():
            raise RuntimeError("thirteen")
        values = frame.matrix.sum(axis=1)
        return Answer(values.tolist(), values)


class NotDone:
    def done(self) -> bool:
        return False


def request(**body: Any) -> Request:
    return Request("scoring", json.dumps(body).encode(), "id", 0.0, NotDone())  # type: ignore[arg-type]


def write(requests: Sequence[Request], answer: Answer) -> None:
    start = 0
    for item in requests:
        item.answer = json.dumps(answer.predictions[start : start + item.rows]).encode()
        start += item.rows


def thread(model: Predictor) -> InferenceThread:
    return InferenceThread(
        model,
        SCHEMA,
        read=lambda item: parse_scoring(item.text, SCHEMA),
        write=write,
        record=lambda frame, answer, whose: None,
    )


def answers(requests: Sequence[Request]) -> list[Any]:
    return [str(r.error) if r.error else json.loads(r.answer) for r in requests]


def test_requests_of_one_layout_share_a_call() -> None:
    model = Adds()
    batch = [request(instances=[[i, 1], [i, 2]]) for i in range(5)]
    batch.append(request(dataframe_split={"columns": ["b", "a"], "data": [[7, 1]]}))
    done = thread(model).process(batch)
    assert model.calls == [10, 1]
    assert answers(batch) == [[i + 1, i + 2] for i in range(5)] + [[8]]
    assert [rows for _, _, whose in done for _, rows in whose] == [2] * 5 + [1]


def test_an_error_of_the_model_stays_with_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    batch = [request(instances=[[1, 1]]), request(instances=[[13, 1]]), request(instances=[[2, "x"]])]
    thread(Adds()).process(batch)
    first, second, third = answers(batch)
    assert first == [2]
    assert isinstance(batch[1].error, ModelFailed) and batch[1].error.status == 500 and "thirteen" in second
    assert "field 'b': expected a number" in third
    assert "Traceback" in capsys.readouterr().out  # for whoever reads the deployment's log, not for the caller


def test_a_batch_is_bounded_in_rows() -> None:
    model = Adds()
    thread(model).process([request(instances=[[1, 1]] * 900) for _ in range(5)])
    assert sum(model.calls) == 4500 and max(model.calls) <= MOST_ROWS and len(model.calls) == 3


def test_a_model_that_needs_its_rows_together_gets_each_request_alone() -> None:
    model = Adds()
    model.row_independent = False
    batch = [request(instances=[[1, 1]]), request(instances=[[2, 2]])]
    thread(model).process(batch)
    assert model.calls == [1, 1] and answers(batch) == [[2], [4]]


def test_a_fault_of_ours_answers_500_and_the_thread_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    async def two() -> tuple[Request, Request]:
        loop = asyncio.get_running_loop()
        faulty = True

        def read(item: Request) -> Any:
            if faulty:
                raise ZeroDivisionError("a fault")
            return parse_scoring(item.text, SCHEMA)

        inference = InferenceThread(Adds(), SCHEMA, read=read, write=write, record=lambda *_: None)
        inference.start(loop)
        found = []
        for _ in range(2):
            item = Request("scoring", b'{"instances": [[1, 2]]}', "id", 0.0, loop.create_future())
            inference.submit(item)
            await asyncio.wait_for(item.future, 10)
            found.append(item)
            faulty = False
        inference.stop(10)
        return found[0], found[1]

    broken, good = asyncio.run(two())
    assert broken.error is not None and broken.error.status == 500 and "a fault" not in broken.error.message
    assert json.loads(good.answer) == [3]
    assert "ZeroDivisionError" in capsys.readouterr().out
