"""Models and their versions: register, list, read, compare, verify."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.comparison import FeatureComparison
from mlops_desktop.domain.errors import Conflict, InvalidArtifact, InvalidInput, NotFound, StorageError
from mlops_desktop.domain.events import (
    ModelChanged,
    ModelCreated,
    VersionFoundDamaged,
    VersionFoundIntact,
    VersionRegistered,
)
from mlops_desktop.domain.names import check_name, check_text
from mlops_desktop.domain.registry import (
    Comparison,
    Conversion,
    FileRole,
    Lineage,
    Model,
    ModelSummary,
    ModelVersion,
    Signature,
    Task,
    VersionSummary,
    compare,
    parse_label,
    record_digest,
    version_digest,
)
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.services.facts import Pairs, checked_metrics, checked_name, checked_texts
from mlops_desktop.services.intake import Json, read_attachments, require_acceptable, store_files, task_told_by
from mlops_desktop.store import models as model_store
from mlops_desktop.store import version_lists as lists
from mlops_desktop.store import versions as store
from mlops_desktop.store.version_lists import Sort, VersionFilter

if TYPE_CHECKING:
    from mlops_desktop.formats.inspect import ModelFile
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.serving.bins import Profile
    from mlops_desktop.store.database import Transaction

Label = str | tuple[str, int] | ModelVersion


class RegistryService:
    """Reading needs no session; whatever changes something does."""

    def __init__(self, parts: Parts, accounts: AccountsService) -> None:
        self._parts = parts
        self._accounts = accounts

    # Registering

    def inspect_file(self, session: Session, path: Path) -> ModelFile:
        """What a file is, before it is registered: read in a child process, never run."""
        from mlops_desktop.formats.inspect import inspect

        self._accounts.authorise(session, Action.REGISTER)
        return inspect(path)

    def register_version(
        self,
        session: Session,
        model: str,
        path: Path,
        *,
        task: Task | str | None = None,
        description: str = "",
        metrics: Mapping[str, float] | Iterable[tuple[str, float]] = (),
        params: Pairs = (),
        tags: Pairs = (),
        lineage: Lineage | None = None,
        signature: Signature | None = None,
        profile: Json | None = None,
        examples: Json | None = None,
        requirements: str | None = None,
        originals: Sequence[Path] = (),
        conversion: Conversion | None = None,
        key_metric: str = "",
        create_model: bool = True,
        idempotency_key: str | None = None,
        context: JobContext | None = None,
    ) -> ModelVersion:
        """Take in a model file or MLmodel folder as the next version of `model`, with what is known of it.

        A second call with the same `idempotency_key` returns the version of the first. What is not given is taken from
        the file where it says so. InvalidArtifact for a file that is no model or is rejected by inspection,
        InvalidInput for facts that can't be right, NotFound for an unknown model unless it may be created.
        """
        account = self._accounts.authorise(session, Action.REGISTER)
        job = context or JobContext.silent()
        check_name(model)
        if idempotency_key is not None and (earlier := self._earlier(model, idempotency_key)) is not None:
            return earlier
        wanted = _task(task)
        numbers = checked_metrics(metrics)
        texts, labels = checked_texts(params, "parameter"), checked_texts(tags, "tag")
        description = check_text(description, "description")
        if key_metric:
            checked_name(key_metric, "key metric")
        job.progress(0.05, f"Inspecting {path.name}")
        from mlops_desktop.formats.inspect import inspect

        found = inspect(path)
        require_acceptable(found, path.name)
        sides = read_attachments(found, profile, examples, requirements, originals)
        shape = signature or found.signature
        if shape is None or not shape.inputs:
            raise InvalidInput(
                f"{path.name} does not say what its inputs are.",
                "Register it from the training script, or give a signature with names and types.",
            )
        told = task_told_by(sides.profile_fields, shape, found.inspection.facts)
        self._task(model, wanted, told, create_model)  # refuse early, before anything is stored
        files = store_files(self._parts.artifacts, found, sides, job)
        job.progress(0.9, "Writing it down")
        with self._parts.database.write() as tx:
            if idempotency_key is not None and (earlier := store.version_by_key(tx.db, idempotency_key)) is not None:
                return earlier
            chosen = self._model_in(tx, model, account.name, wanted, told, key_metric, numbers)
            origin = lineage or Lineage(source=path.name)
            if origin.parent is not None and store.id_of(tx.db, model, origin.parent) is None:
                raise InvalidInput(f"{model} has no version {origin.parent} to descend from.", "Leave the parent out.")
            version = ModelVersion(
                model=model,
                number=model_store.next_number(tx, model),
                task=chosen,
                format=found.format,
                digest=version_digest(found.format, files, shape),
                files=files,
                signature=shape,
                metrics=numbers,
                params=texts,
                tags=labels,
                description=description,
                lineage=origin,
                inspection=found.inspection,
                conversion=conversion,
                registered_by=account.name,
                created_at=self._parts.clock(),
            )
            store.insert_version(tx, version, idempotency_key)
            tx.record(
                VersionRegistered(model, version.number, version.format.value, version.digest, record_digest(version)),
                account.name,
            )
        return self.version(model, version.number)

    # Reading

    def models(self) -> list[ModelSummary]:
        """All models, the most recently changed first."""
        return model_store.summaries(self._parts.database.read())

    def model(self, name: str) -> Model:
        """NotFound for a name that no model has."""
        model = model_store.model_of(self._parts.database.read(), name)
        if model is None:
            raise NotFound(f"There is no model {name[:80]!r}.", "The list of models has all of them.")
        return model

    def key_metric(self, model: str) -> str:
        """The metric by which the model's versions are judged; empty if none was chosen."""
        return model_store.key_metric_of(self._parts.database.read(), model)

    def metric_names(self, model: str | None = None) -> list[str]:
        """What versions can be sorted by."""
        return store.metric_names(self._parts.database.read(), model or "")

    def versions(
        self,
        model: str | None = None,
        *,
        search: str = "",
        sort: str = "newest",
        limit: int = 256,
        after: Label | VersionSummary | None = None,
    ) -> list[VersionSummary]:
        """A page; `after` is the last row of the one before. `sort`: newest, oldest, number or metric:NAME."""
        last = None if after is None else _label_of(after)
        return lists.versions_of(self._parts.database.read(), _filter(model, search, sort), max(1, limit), last)

    def count_versions(self, model: str | None = None, search: str = "") -> int:
        return lists.count_versions(self._parts.database.read(), _filter(model, search, "newest"))

    def version_ids(self, model: str | None = None, search: str = "", sort: str = "newest") -> array[int]:
        """Row ids of all versions in order, 8 bytes each; `summaries_of` reads the rows that are shown."""
        return lists.version_ids(self._parts.database.read(), _filter(model, search, sort))

    def summaries_of(self, ids: Sequence[int]) -> list[VersionSummary]:
        return store.summaries_of(self._parts.database.read(), ids)

    def version(self, label: str, number: int | None = None) -> ModelVersion:
        """`version("flight-delay@2")` or `version("flight-delay", 2)`; NotFound if there is none."""
        model, wanted = parse_label(label) if number is None else (label, number)
        version = store.version_of(self._parts.database.read(), model, wanted)
        if version is None:
            self.model(model)
            raise NotFound(f"{model} has no version {wanted}.", "The model's page lists its versions.")
        return version

    def current(self, model: str, environment: str) -> ModelVersion | None:
        """The version that answers in the environment now."""
        return store.current_version(self._parts.database.read(), model, environment)

    def compare(self, left: Label, right: Label) -> Comparison:
        """Every fact of two versions side by side."""
        return compare(self.version(*_label_of(left)), self.version(*_label_of(right)))

    def compare_training_data(self, left: Label, right: Label) -> tuple[FeatureComparison, ...]:
        """The reference profiles of two versions on the same bins, the furthest apart first.

        NotFound when one of them has no profile, InvalidArtifact when it can't be read.
        """
        from mlops_desktop.analysis.references import compare_profiles

        return compare_profiles(*(self._profile_of(self.version(*_label_of(one))) for one in (left, right)))

    def read_file(self, version: ModelVersion, role: FileRole) -> bytes:
        """The first file of that role, its digest verified; NotFound when the version has none."""
        file = version.file(role)
        if file is None:
            raise NotFound(f"{version.label} has no file for {role.value}.", "Register it from the training script.")
        with self._parts.artifacts.open(file.digest) as stream:
            content = stream.read()
        if hashlib.sha256(content).hexdigest() != file.digest:
            raise InvalidArtifact(f"{file.path} of {version.label} is damaged.", "Restore it from a backup.")
        return content

    def export_files(self, version: ModelVersion, target: Path) -> list[Path]:
        """Copy all files into the new or empty folder `target`; InvalidArtifact if one is damaged."""
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise Conflict(f"{target.name} exists and is not empty.", "Choose a new folder.")
        written = []
        for file in version.files:
            # Paths were made by our own inspection; a changed row must still not reach outside the folder.
            relative = PurePosixPath(file.path)
            if relative.is_absolute() or ".." in relative.parts:
                raise StorageError(f"The path {file.path!r} of {version.label} was altered.", "Verify the audit trail.")
            self._parts.artifacts.copy_to(file.digest, target.joinpath(*relative.parts))
            written.append(target.joinpath(*relative.parts))
        return written

    # Changing

    def update_model(
        self,
        session: Session,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        key_metric: str | None = None,
    ) -> Model:
        """Change what is given."""
        account = self._accounts.authorise(session, Action.REGISTER)
        self.model(name)
        said: list[str] = []
        if description is not None:
            description = check_text(description, "description")
            said.append("description")
        if tags is not None:
            tags = checked_texts(tags, "tag")
            said.append("tags")
        if key_metric is not None:
            if key_metric:
                checked_name(key_metric, "key metric")
            said.append(f"key metric is {key_metric or 'none'}")
        if said:
            with self._parts.database.write() as tx:
                model_store.update_model(tx, name, description=description, tags=tags, key_metric=key_metric)
                tx.record(ModelChanged(name, ", ".join(said)), account.name)
        return self.model(name)

    def verify_artifacts(self, session: Session, model: str, number: int) -> list[str]:
        """Hash every file again; returns the paths that are damaged and marks the version accordingly."""
        account = self._accounts.authorise(session, Action.VIEW)
        return self.mark_damage(self.version(model, number), account.name)

    def mark_damage(self, version: ModelVersion, actor: str) -> list[str]:
        """Hash every file of the version again, mark it damaged or intact, and return the damaged paths."""
        damaged = [f.path for f in version.files if not self._parts.artifacts.verify(f.digest)]
        if bool(damaged) != version.damaged:
            with self._parts.database.write() as tx:
                store.set_damaged(tx, version.model, version.number, bool(damaged))
                if damaged:
                    tx.record(VersionFoundDamaged(version.model, version.number, damaged[0]), actor)
                else:
                    tx.record(VersionFoundIntact(version.model, version.number), actor)
        return damaged

    def remove_unused_files(self) -> int:
        """Remove stored files that no version has, left by registrations that did not finish; returns the freed bytes.

        A file that was stored within the last day stays: its version may be about to be written down.
        """
        return self._parts.artifacts.collect_garbage(store.referenced_digests(self._parts.database.read()))

    # Steps

    def _profile_of(self, version: ModelVersion) -> Profile:
        from mlops_desktop.serving.bins import Profile, ProfileError

        try:
            return Profile.from_json(self.read_file(version, FileRole.PROFILE))
        except ProfileError as error:
            raise InvalidArtifact(f"The profile of {version.label} can't be read: {error}.") from None

    def _earlier(self, model: str, key: str) -> ModelVersion | None:
        earlier = store.version_by_key(self._parts.database.read(), key)
        if earlier is not None and earlier.model != model:
            raise Conflict(f"That key registered {earlier.label} already.", "Use a key once for one version.")
        return earlier

    def _task(self, name: str, wanted: Task | None, told: Task | None, create: bool) -> Task:
        model = model_store.model_of(self._parts.database.read(), name)
        if model is not None:
            return _agreed(model, wanted)
        if not create:
            raise NotFound(f"There is no model {name}.", "Create it by registering its first version.")
        return _of_new_model(name, wanted, told)

    def _model_in(
        self,
        tx: Transaction,
        name: str,
        owner: str,
        wanted: Task | None,
        told: Task | None,
        key_metric: str,
        metrics: Mapping[str, float],
    ) -> Task:
        model = model_store.model_of(tx.db, name)
        if model is None:
            task = _of_new_model(name, wanted, told)
            model_store.insert_model(tx, name, task, owner, key_metric=key_metric or _first_choice(task, metrics))
            tx.record(ModelCreated(name, task.value), owner)
            return task
        if key_metric and key_metric != model_store.key_metric_of(tx.db, name):
            model_store.update_model(tx, name, key_metric=key_metric)
            tx.record(ModelChanged(name, f"key metric is {key_metric}"), owner)
        return _agreed(model, wanted)


def _task(name: str | None) -> Task | None:
    if name is None or name in {Task.CLASSIFICATION, Task.REGRESSION}:
        return None if name is None else Task(name)
    raise InvalidInput(f"There is no task {name[:80]!r}.", "Choose classification or regression.")


def _of_new_model(name: str, wanted: Task | None, told: Task | None) -> Task:
    task = wanted or told
    if task is None:
        raise InvalidInput(
            f"{name} is new and its file does not say what it is for.", "Choose classification or regression."
        )
    return task


def _agreed(model: Model, wanted: Task | None) -> Task:
    if wanted is not None and wanted is not model.task:
        raise InvalidInput(
            f"{model.name} is a model for {model.task.value}, not {wanted.value}.", "Register it under another name."
        )
    return model.task


def _first_choice(task: Task, metrics: Mapping[str, float]) -> str:
    usual = ("roc_auc", "accuracy", "f1") if task is Task.CLASSIFICATION else ("r2", "mae", "rmse")
    return next((name for name in (*usual, *metrics) if name in metrics), "")


def _filter(model: str | None, search: str, sort: str) -> VersionFilter:
    if sort.startswith("metric:"):
        return VersionFilter(model or "", search, Sort.METRIC, sort.removeprefix("metric:"))
    if sort not in {Sort.NEWEST, Sort.OLDEST, Sort.NUMBER}:
        raise InvalidInput(f"Versions can't be sorted by {sort[:80]!r}.", "Use newest, oldest, number or metric:NAME.")
    return VersionFilter(model or "", search, Sort(sort))


def _label_of(label: Label | VersionSummary) -> tuple[str, int]:
    if isinstance(label, str):
        return parse_label(label)
    return label if isinstance(label, tuple) else (label.model, label.number)
