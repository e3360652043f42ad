"""Commands about models and their versions: register, models, versions, show, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mlops_desktop.cli.context import Here, data_file, pass_here
from mlops_desktop.cli.output import cell, facts, shortened, size, table
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.metrics import better
from mlops_desktop.domain.registry import Difference, InspectionVerdict, ModelVersion, Signature, Task, parse_label

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("path", type=FILE)
@click.option("--model", required=True, help="Name of the model; it is made when it is new.")
@click.option(
    "--task", type=click.Choice([t.value for t in Task]), help="Of a new model, when the file doesn't say it."
)
@click.option("--description", default="", help="What is special about this version.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME=NUMBER", help="Repeat for each metric.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Repeat for each parameter.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Repeat for each tag.")
@click.option("--key-metric", default="", help="The metric by which versions are judged.")
@click.option("--profile", type=FILE, help="Reference profile (JSON), as the client writes it.")
@click.option("--examples", type=FILE, help="Rows with the answers expected for them (JSON).")
@click.option("--signature", type=FILE, help="Inputs and outputs (JSON), when the file doesn't say them.")
@click.option("--requirements", type=FILE, help="requirements.txt of the environment that trained it.")
@pass_here
def register(
    here: Here,
    path: Path,
    model: str,
    task: str | None,
    description: str,
    metrics: tuple[str, ...],
    params: tuple[str, ...],
    tags: tuple[str, ...],
    key_metric: str,
    profile: Path | None,
    examples: Path | None,
    signature: Path | None,
    requirements: Path | None,
) -> None:
    """Register the model file or folder PATH as a new version.

    PATH is an ONNX file, a skops file, a pickle or joblib file of scikit-learn, or a folder with an MLmodel file.
    """
    numbers = {name: _number(name, text) for name, text in pairs(metrics, "--metric").items()}
    options: dict[str, Any] = {
        "task": Task(task) if task else None,
        "description": description,
        "metrics": numbers,
        "params": pairs(params, "--param"),
        "tags": pairs(tags, "--tag"),
        "key_metric": key_metric,
        "profile": data_file(profile) if profile else None,
        "examples": _json(examples) if examples else None,
        "signature": Signature.from_dict(_json(signature)) if signature else None,
        "requirements": _text(requirements) if requirements else None,
    }
    session = here.session
    version = here.run(
        f"Register {path.name} as {model}",
        lambda context: here.workspace.registry.register_version(session, model, path, **options, context=context),
    )
    here.output.show(version, lambda: f"Registered {version.label} ({version.format.value}, {size(version.size)}).")
    if version.inspection.verdict is InspectionVerdict.REVIEW:
        findings = " ".join(version.inspection.findings[:3])
        here.output.note(f"Note: a reviewer should look at it, and it runs in a container only. {findings}")


@click.command()
@pass_here
def models(here: Here) -> None:
    """List the models."""
    found = here.workspace.registry.models()
    here.output.show(
        found,
        lambda: table(
            ["name", "task", "owner", "versions", "latest", "serves in", "key metric", "description"],
            [
                (
                    m.name,
                    m.task,
                    m.owner,
                    m.versions,
                    m.latest,
                    {environment: f"v{number}" for environment, number in m.current.items()},
                    f"{m.key_metric} {cell(m.key_metric_history[-1])}" if m.key_metric_history else m.key_metric,
                    shortened(m.description, 40),
                )
                for m in found
            ],
            "No models yet. Register one with: mlops-desktop register PATH --model NAME",
        ),
    )


@click.command()
@click.argument("model")
@click.option("--search", default="", help="Only versions whose description, tags or number contain this.")
@click.option(
    "--sort", default="newest", show_default=True, help="newest, oldest, number or metric:NAME.", metavar="ORDER"
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@pass_here
def versions(here: Here, model: str, search: str, sort: str, limit: int) -> None:
    """List the versions of MODEL."""
    registry = here.workspace.registry
    registry.model(model)  # a name that doesn't exist is an error, not an empty list
    found = registry.versions(model, search=search, sort=sort, limit=limit)
    here.output.show(
        found,
        lambda: table(
            ["version", "format", "serves in", "metrics", "registered by", "at", "description"],
            [
                (
                    v.label,
                    v.format,
                    "damaged" if v.damaged else v.environments,
                    v.metrics,
                    v.registered_by,
                    v.created_at,
                    shortened(v.description, 40),
                )
                for v in found
            ],
            "No versions match." if search else f"{model} has no versions yet.",
        ),
    )


@click.command()
@click.argument("version", metavar="MODEL@N")
@pass_here
def show(here: Here, version: str) -> None:
    """Show everything that is known of a version."""
    name, number = parse_label(version)
    found = here.workspace.registry.version(name, number)
    here.output.show(found, lambda: version_page(found))


def version_page(version: ModelVersion) -> str:
    """All facts of one version as text."""
    lineage, conversion = version.lineage, version.conversion
    commit = lineage.code_commit[:12] + (" (with uncommitted changes)" if lineage.code_dirty else "")
    parts = [
        facts(
            [
                ("version", version.label),
                ("state", "damaged: a file no longer has its digest" if version.damaged else None),
                ("task", version.task),
                ("format", version.format),
                ("digest", version.digest),
                ("size", size(version.size)),
                ("description", version.description),
                ("registered", f"{cell(version.created_at)} by {version.registered_by}"),
                ("metrics", version.metrics),
                ("tags", version.tags),
                ("inspection", version.inspection.verdict),
                ("findings", version.inspection.findings),
                ("ONNX", conversion and conversion.reason),
                ("trained by", lineage.trained_by),
                ("source", lineage.source),
                ("code", commit),
                ("seed", lineage.seed),
                ("python", lineage.python),
                ("machine", lineage.machine),
                ("data", {name: digest[:12] for name, digest in lineage.data.items()}),
            ]
        ),
        table(["parameter", "value"], version.params.items(), "No parameters were given."),
        table(
            ["input", "type", "may be missing"],
            [
                (c.name, c.type + (f" {list(c.shape)}" if c.shape else ""), not c.required)
                for c in version.signature.inputs
            ],
            "No inputs are known.",
        ),
        table(
            ["file", "role", "size", "sha-256"],
            [(f.path, f.role, size(f.size), f.digest[:16]) for f in version.files],
        ),
    ]
    return "\n\n".join(parts)


@click.command()
@click.argument("left", metavar="MODEL@N")
@click.argument("right", metavar="MODEL@M")
@click.option("--all", "everything", is_flag=True, help="Also what is the same in both.")
@pass_here
def compare(here: Here, left: str, right: str, everything: bool) -> None:
    """Compare two versions: metrics, parameters, schema, dependencies, lineage and files."""

    def change(difference: Difference) -> str:
        # Figures of different test data say nothing about which version is better.
        if difference.delta is None or found.same_test_data is False:
            return ""
        word = {True: "better", False: "worse", None: ""}[better(difference.name, difference.delta)]
        return f"{difference.delta:+.4g} {word}".strip()

    registry = here.workspace.registry
    found = registry.compare(parse_label(left), parse_label(right))
    rows = [d for d in found.differences if everything or d.changed]
    here.output.show(
        found,
        lambda: table(
            ["section", "name", found.left.label, found.right.label, "change"],
            [(d.section, d.name, shortened(d.left or "", 40), shortened(d.right or "", 40), change(d)) for d in rows],
            "The two versions do not differ.",
        ),
    )
    if found.same_test_data is False:
        here.output.note("Note: the metrics were measured on different test data, so they can't be compared.")


def pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping; InvalidInput names the one that is not of that form."""
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise InvalidInput(f"“{text}” after {option} has no name and value.", f"Write {option} NAME=VALUE.")
        if name.strip() in found:
            raise InvalidInput(f"{option} gives {name.strip()} twice.", "Give each name once.")
        found[name.strip()] = value.strip()
    return found


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(
            f"The metric {name} is “{text}”, which is no number.", "Write --metric roc_auc=0.71."
        ) from None


def _text(path: Path) -> str:
    try:
        return data_file(path).decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no text file.", "Name a UTF-8 text file.") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no JSON file: {error}.", "Write a JSON object.") from None
