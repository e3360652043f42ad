"""A training script's way into a workspace: sign in, log versions, send labels, ask for predictions."""

from __future__ import annotations

import getpass
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.names import check_name
from mlops_desktop.domain.registry import ModelVersion

if TYPE_CHECKING:
    from mlops_desktop.domain.accounts import Session
    from mlops_desktop.domain.monitoring import LabelReport
    from mlops_desktop.workspace import Workspace

_MAX_PARAM = 100


@dataclass(frozen=True)
class Predictions:
    """Answers of a served model, row by row. Give `ids` with the true outcomes to `Connection.label` later."""

    predictions: list[Any]
    scores: list[float] | None
    ids: list[str]


def connect(workspace: str | Path | None = None, *, user: str | None = None, password: str | None = None) -> Connection:
    """Open a workspace and sign in.

    What is not given comes from MLOPS_DESKTOP_WORKSPACE, MLOPS_DESKTOP_USER and MLOPS_DESKTOP_PASSWORD; in a terminal
    the password is asked for. Raises InvalidInput when something is missing, NotAllowed for a wrong password, and
    StorageError when the workspace can't be opened.
    """
    path = workspace or os.environ.get("MLOPS_DESKTOP_WORKSPACE")
    name = user or os.environ.get("MLOPS_DESKTOP_USER")
    if not path:
        raise InvalidInput("No workspace is named.", "Give its folder, or set MLOPS_DESKTOP_WORKSPACE.")
    if not name:
        raise InvalidInput("No user is named.", "Give user=…, or set MLOPS_DESKTOP_USER.")
    secret = password if password is not None else os.environ.get("MLOPS_DESKTOP_PASSWORD")
    if secret is None:
        if not sys.stdin.isatty():
            raise InvalidInput("No password is given.", "Set MLOPS_DESKTOP_PASSWORD.")
        secret = getpass.getpass(f"Password of {name}: ")
    from mlops_desktop.workspace import open_workspace

    opened = open_workspace(Path(path))
    try:
        return Connection(opened, opened.accounts.sign_in(name, secret))
    except BaseException:
        opened.close()
        raise


class Connection:
    """A signed-in user in an open workspace; close it, or use it in a `with` block."""

    def __init__(self, workspace: Workspace, session: Session) -> None:
        self._workspace = workspace
        self._session = session

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Sign out and close the workspace."""
        self._workspace.accounts.sign_out(self._session)
        self._workspace.close()

    @property
    def user(self) -> str:
        return self._session.account

    def log_version(
        self,
        model: str,
        estimator: Any,
        *,
        train: tuple[Any, Any],
        test: tuple[Any, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
        data: Mapping[str, Any] | None = None,
        seed: int | None = None,
        key_metric: str = "",
        onnx: bool = True,
    ) -> ModelVersion:
        """Register a fitted scikit-learn estimator or pipeline as a new version of `model`, and return it.

        `train` and `test` are (features, target); features are a DataFrame or a two-dimensional array. `test` holds
        rows that the estimator has not seen: they prove the conversion to ONNX, and give examples, predictions of
        the reference profile and, unless `metrics` are given, the metrics (accuracy, log loss and ROC AUC, or MAE, RMSE
        and R²). Without it the last training rows serve as examples and no metrics are computed. `params` default to
        the estimator's own short ones. `data` names further data sets (frames or files) whose digests belong to the
        lineage. With `onnx=False` the estimator is served as it is.

        Raises InvalidInput for data that no request could carry, InvalidArtifact when the estimator can't be saved or
        served, NotAllowed when the account may not register.
        """
        check_name(model)  # before what takes its time
        from mlops_desktop.client.preparation import prepare

        with tempfile.TemporaryDirectory(prefix="mlops-desktop-") as folder:
            prepared = prepare(
                estimator, train, test, data or {}, seed, self.user, Path(folder), metrics=metrics, onnx=onnx
            )
            given = params if params is not None else short_params(estimator)
            return self._workspace.registry.register_version(
                self._session,
                model,
                prepared.package.path,
                task=prepared.task,
                description=description,
                metrics=prepared.metrics,
                params={str(name): str(value)[:_MAX_PARAM] for name, value in given.items()},
                tags=dict(tags or {}),
                lineage=prepared.lineage,
                signature=prepared.signature,
                profile=prepared.profile,
                examples=prepared.examples,
                requirements=prepared.requirements,
                originals=prepared.package.originals,
                conversion=prepared.package.conversion,
                key_metric=key_metric,
            )

    def label(self, model: str, labels: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> LabelReport:
        """Send true outcomes by prediction id; the report says how many were known, repeated or unknown."""
        rows = labels.items() if isinstance(labels, Mapping) else labels
        return self._workspace.monitoring.send_labels(
            self._session, model, [(str(id_), _label_text(label)) for id_, label in rows]
        )

    def predict(self, model: str, environment: str, frame: Any) -> Predictions:
        """Ask the version that serves `model` in `environment`; `frame` is a DataFrame or a two-dimensional array."""
        from mlops_desktop.client.frames import Table, plain_values, type_of

        table = Table.of(frame, "The frame")
        columns = [plain_values(table.column(n), type_of(table.column(n), n)) for n in table.names]
        rows = [list(row) for row in zip(*columns, strict=True)]
        payload = {"dataframe_split": {"columns": list(table.names), "data": rows}}
        body = self._workspace.delivery.predict(self._session, model, environment, json.dumps(payload).encode())
        answer = json.loads(body)
        ids = [f"{answer['prediction_id']}:{i}" for i in range(len(answer["predictions"]))]
        return Predictions(answer["predictions"], answer.get("scores"), ids)


def short_params(estimator: Any) -> dict[str, str]:
    """The estimator's parameters that are plain, short and set."""
    if not hasattr(estimator, "get_params"):
        return {}
    plain = {n: v for n, v in estimator.get_params().items() if isinstance(v, (bool, int, float, str))}
    return {name: str(value) for name, value in sorted(plain.items()) if len(str(value)) <= _MAX_PARAM}


def _label_text(label: Any) -> str:
    from mlops_desktop.serving.bins import category_text

    return category_text(label)
