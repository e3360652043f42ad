"""The gates of Model CI against real stored versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_desktop.checks import catalogue
from mlops_desktop.checks.context import CheckContext
from mlops_desktop.domain.checks import CheckResult, Verdict
from mlops_desktop.domain.errors import EngineUnavailable, NotFound
from mlops_desktop.domain.policy import CHECKS, Policy
from mlops_desktop.domain.registry import ModelVersion
from mlops_desktop.runtime.jobs import JobContext
from tests.unit.services.registry_kit import Kit, lineage


def run(
    kit: Kit, check: str, version: ModelVersion, current: ModelVersion | None = None, **policy: object
) -> CheckResult:
    rules = replace(Policy("production"), **policy)
    context = CheckContext(version, rules, current, kit.workspace._parts.artifacts, JobContext.silent())
    return catalogue.CATALOGUE[check].run(context)


def test_every_check_that_a_policy_can_demand_is_in_the_catalogue() -> None:
    assert tuple(catalogue.CATALOGUE) == CHECKS
    assert all(check.question.endswith("?") for check in catalogue.CATALOGUE.values())


def test_artifact_digest(kit: Kit) -> None:
    version = kit.register()
    assert run(kit, "artifact-digest", version).verdict is Verdict.PASS
    altered = replace(version, digest="00" * 32)
    assert "altered after registration" in run(kit, "artifact-digest", altered).summary
    kit.workspace._parts.artifacts.path(version.files[0].digest).unlink()
    result = run(kit, "artifact-digest", version)
    assert (result.verdict, result.evidence, result.figures["damaged"]) == (Verdict.FAIL, ("model.onnx",), 1.0)


def test_format_inspection_reads_the_stored_files_again(kit: Kit) -> None:
    version = kit.register()
    result = run(kit, "format-inspection", version)
    assert (result.verdict, result.summary) == (Verdict.PASS, "onnx: nothing suspicious was found.")
    other = kit.workspace._parts.artifacts.add_bytes(b"no model at all")
    swapped = replace(version, files=(replace(version.files[0], digest=other.digest),))
    assert run(kit, "format-inspection", swapped).verdict is Verdict.FAIL
    outside = replace(version, files=(replace(version.files[0], path="../../model.onnx"),))
    assert "was altered" in run(kit, "format-inspection", outside).summary


def test_metric_thresholds(kit: Kit) -> None:
    version = kit.register(metrics={"roc_auc": 0.7})
    assert run(kit, "metric-thresholds", version).verdict is Verdict.PASS
    assert run(kit, "metric-thresholds", version, thresholds={"roc_auc": 0.7}).verdict is Verdict.PASS
    failed = run(kit, "metric-thresholds", version, thresholds={"roc_auc": 0.71, "f1": 0.1})
    assert failed.verdict is Verdict.FAIL
    assert failed.summary == "f1 is not known; roc_auc is 0.7, below 0.71."


def test_errors_have_a_greatest_value_and_get_worse_upwards(kit: Kit) -> None:
    current, version = kit.register(metrics={"rmse": 10.0}), kit.register(metrics={"rmse": 12.0})
    assert run(kit, "metric-thresholds", version, thresholds={"rmse": 12.0}).verdict is Verdict.PASS
    failed = run(kit, "metric-thresholds", version, thresholds={"rmse": 11.0})
    assert (failed.verdict, failed.summary) == (Verdict.FAIL, "rmse is 12, above 11.")
    assert failed.evidence == ("rmse 12, at most 11",)
    for tolerance, verdict in ((2.0, Verdict.PASS), (1.9, Verdict.FAIL)):
        assert run(kit, "not-worse-than-current", version, current, tolerances={"rmse": tolerance}).verdict is verdict
    assert run(kit, "not-worse-than-current", current, version, tolerances={"rmse": 0.0}).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ({"roc_auc": 0.70}, Verdict.PASS),
        ({"roc_auc": 0.69}, Verdict.PASS),
        ({"roc_auc": 0.6899}, Verdict.FAIL),
        ({"roc_auc": 0.9}, Verdict.PASS),
        ({"loss": 0.1}, Verdict.FAIL),
    ],
)
def test_not_worse_than_current(kit: Kit, new: dict[str, float], verdict: Verdict) -> None:
    current, version = kit.register(metrics={"roc_auc": 0.7}), kit.register(metrics=new)
    assert run(kit, "not-worse-than-current", version, current).verdict is verdict
    assert run(kit, "not-worse-than-current", version).summary == "Nothing answers there yet."


def test_metrics_of_other_test_data_are_not_compared(kit: Kit) -> None:
    current = kit.register(auc=0.9, lineage=lineage(data={"test": "aa" * 32}))
    version = kit.register(auc=0.5, lineage=lineage(data={"test": "bb" * 32}))
    result = run(kit, "not-worse-than-current", version, current)
    assert result.verdict is Verdict.WARN
    assert "can't be compared" in result.summary


def test_a_run_is_kept_and_told(kit: Kit) -> None:
    kit.register()
    heard: list[str] = []
    kit.workspace.events.subscribe(lambda published: heard.append(type(published.event).__name__))
    found = kit.workspace.checks.run_checks(kit.session("ada"), "delay", 1, "production")
    assert found.passed
    assert found.run_by == "ada"
    assert "ChecksFinished" in heard
    assert kit.reopen().checks.runs("delay", 1) == [found]
    assert kit.workspace.checks.latest("delay", 1, "staging") is None
    with pytest.raises(NotFound):
        kit.workspace.checks.run_checks(kit.session("ada"), "delay", 2, "production")


def test_a_run_that_finds_damage_marks_the_version(kit: Kit) -> None:
    version = kit.register()
    kit.workspace._parts.artifacts.path(version.files[0].digest).write_bytes(b"x")
    found = kit.workspace.checks.run_checks(kit.session("ada"), "delay", 1, "production")
    assert not found.passed
    assert kit.workspace.registry.version("delay@1").damaged


def test_what_can_not_be_carried_out_is_no_pass(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_engine(context: CheckContext) -> CheckResult:
        raise EngineUnavailable("Docker is not answering.", "Start Docker.")

    kit.register()
    monkeypatch.setattr("mlops_desktop.checks.metric_thresholds.run", no_engine)
    found = kit.workspace.checks.run_checks(kit.session("ada"), "delay", 1, "production")
    results = {r.check: r for r in found.results}
    assert not found.passed
    assert results["metric-thresholds"].verdict is Verdict.ERROR
    assert "Docker is not answering" in results["metric-thresholds"].summary
    assert results["not-worse-than-current"].verdict is Verdict.PASS, "the others were run all the same"


def test_policies_that_can_not_be(kit: Kit) -> None:
    from mlops_desktop.domain.errors import InvalidInput

    policies, admin = kit.workspace.policies, kit.session("root")
    for change in (
        {"required_checks": ("nonsense",)},
        {"reviewers": -1},
        {"reviewers": 11},
        {"approval_hours": 0.0},
        {"approval_hours": float("inf")},
        {"thresholds": {"auc": float("nan")}},
        {"tolerances": {"auc": -0.1}},
        {"answer_tolerance": -1.0},
        {"environment": "../x"},
    ):
        with pytest.raises(InvalidInput):
            policies.set_policy(admin, replace(policies.policy("production"), **change))
    before = policies.policy("production")
    assert policies.set_policy(admin, before) == before, "no change, no version"
    added = policies.set_policy(admin, Policy("canary", reviewers=2))
    assert (added.version, policies.environments()) == (1, ["staging", "production", "canary"])
    changed = policies.set_policy(admin, replace(added, reviewers=3))
    assert changed.version == 2
    assert [p.reviewers for p in policies.history("canary")] == [2, 3]
    [event, _] = kit.workspace.audit.events(subject="policy canary")
    assert "reviewers 2 → 3" in event.sentence
