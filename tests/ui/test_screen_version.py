"""A version's page: what it says, what it lets whom do, and that it follows what others do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joblib
import numpy as np
import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage, QTextDocument
from PySide6.QtWidgets import QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot
from sklearn.linear_model import LinearRegression

from mlops_desktop.domain.checks import CheckResult, CheckRun, Verdict
from mlops_desktop.domain.deployments import DeploymentState, EngineKind, EngineStatus
from mlops_desktop.domain.errors import InvalidInput
from mlops_desktop.domain.policy import Policy
from mlops_desktop.domain.promotions import Decision, PromotionState
from mlops_desktop.domain.registry import (
    Column,
    Conversion,
    FileRole,
    Inspection,
    InspectionVerdict,
    Lineage,
    Signature,
    Task,
)
from mlops_desktop.runtime.jobs import JobContext, JobLine
from mlops_desktop.ui.navigator import Place
from mlops_desktop.ui.screen import ScreenContext
from mlops_desktop.ui.screens.version.card_tab import SafeMarkdown, card_of, escaped
from mlops_desktop.ui.screens.version.checks_tab import verdict_of
from mlops_desktop.ui.screens.version.columns import ROLES
from mlops_desktop.ui.screens.version.deployments_tab import entries_of
from mlops_desktop.ui.screens.version.facts import VersionFacts, open_ways, why_no_deployment, why_no_request
from mlops_desktop.ui.screens.version.files_tab import conversion_words, fact_value, meaning
from mlops_desktop.ui.screens.version.policy_words import MISSED, OPEN, REACHED, goals_of
from mlops_desktop.ui.screens.version.presenter import VersionPresenter, create
from mlops_desktop.ui.screens.version.view import VersionView
from mlops_desktop.ui.screens.version.work import results_so_far
from mlops_desktop.ui.widgets.log_model import StepState
from mlops_desktop.workspace import Workspace
from tests.ui.checks import assert_accessible
from tests.ui.conftest import PASSWORD, QUICK_CHECKS, Toasts
from tests.ui.test_screen_deployments import sum_model
from tests.unit.services.registry_kit import model_file

ContextFor = Callable[[str], ScreenContext]
INPUTS = (Column("a", "double"), Column("n", "long", required=False))
PATIENCE = 20_000


def opened(
    qtbot: QtBot, context: ScreenContext, label: str = "flight-delay@2", wait: bool = True, **params: object
) -> VersionView:
    view = create(context)
    assert isinstance(view, VersionView)
    qtbot.addWidget(view)
    # The desk does the same.
    context.navigator.moved.connect(
        lambda place: view.opened.emit(dict(place.params)) if place.key == "version" else None
    )
    view.resize(1072, 748)
    view.show()
    view.activateWindow()
    view.setFocus()
    model, _, number = label.partition("@")
    context.navigator.open("version", model=model, version=int(number), **params)
    if wait:
        qtbot.waitUntil(lambda: view.header.strip.isVisible(), timeout=PATIENCE)
    return view


def words(widget: QWidget) -> str:
    """Everything that can be read in it now."""
    return "\n".join(
        label.text() for label in widget.findChildren(QLabel) if label.text() and label.isVisibleTo(widget)
    )


def said(context: ScreenContext) -> str:
    assert isinstance(context.toast, Toasts)
    return "\n".join(context.toast.said)


def facts_of(view: VersionView) -> VersionFacts:
    assert isinstance(view.presenter, VersionPresenter)
    assert view.presenter._facts is not None
    return view.presenter._facts


def approve(workspace: Workspace) -> None:
    rosa = workspace.accounts.sign_in("rosa", PASSWORD)
    workspace.promotions.review(rosa, 1, Decision.APPROVE, "Looks right to me.", PASSWORD)


@pytest.fixture
def priced(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A regression with two versions that can really be served."""
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    workspace.policies.set_policy(
        mila, replace(workspace.policies.policy("staging"), required_checks=QUICK_CHECKS, thresholds={"r2": 0.5})
    )
    dan = workspace.accounts.sign_in("dan", PASSWORD)
    for number, r2 in ((1, 0.6), (2, 0.4)):
        workspace.registry.register_version(
            dan,
            "price",
            sum_model(tmp_path / f"sum-{number}.onnx", 10.0 * number),
            task=Task.REGRESSION,
            signature=Signature(INPUTS, (Column("y", "double"),)),
            metrics={"r2": r2},
            key_metric="r2",
        )
    return workspace


@pytest.fixture
def bare(workspace: Workspace, tmp_path: Path) -> Workspace:
    """fuel-burn@1: a pickle that somebody found."""
    rows = np.arange(12.0).reshape(4, 3)
    path = tmp_path / "fuel-burn.pkl"
    joblib.dump(LinearRegression().fit(rows, rows.sum(axis=1)), path)
    signature = Signature((Column("distance", "double"), Column("payload", "double"), Column("wind", "double")))
    dan = workspace.accounts.sign_in("dan", PASSWORD)
    workspace.registry.register_version(dan, "fuel-burn", path, task=Task.REGRESSION, signature=signature)
    return workspace


# What it says


def test_the_page_says_what_it_is_and_how_far_it_is(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("dan"))
    assert view.header.title.text() == "flight-delay@2"
    assert [crumb.title for crumb in view.crumbs] == ["Models", "flight-delay", "Version 2"]
    shown = words(view.header.strip)
    assert "Production\nWaiting" in shown
    assert "0 of 1 approval, asked by dan" in shown
    assert "Staging\nNot there" in shown
    assert "0.75" in shown
    assert "Owner" in shown
    assert "version 2" in words(view.overview)
    assert_accessible(view)


def test_every_tab_can_be_opened_and_is_accessible(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = opened(qtbot, context, tab="files")
    assert view.tabs.current == "files"
    for key in ("overview", "metrics", "schema", "lineage", "files", "checks", "reviews", "deployments", "card"):
        view.tabs.open(key)
        assert context.navigator.here is not None
        assert context.navigator.here.params["tab"] == key
        assert_accessible(view)
    assert view.schema.table.model.rowCount() == 3
    assert "Metrics  1" in [view.tabs.tabText(i) for i in range(view.tabs.count())]


def test_a_bare_pickle_has_honest_empty_tabs(qtbot: QtBot, context_for: ContextFor, bare: Workspace) -> None:
    view = opened(qtbot, context_for("mila"), "fuel-burn@1")
    shown = words(view.header.strip)
    assert "none were registered" in shown
    assert "nothing answers there" in shown
    assert "loaded in a container only" in words(view.overview)
    assert "Nobody described this version" in words(view.overview)
    view.tabs.open("metrics")
    assert "No metrics" in words(view.metrics)
    view.tabs.open("lineage")
    assert "registered from a file by hand" in words(view.lineage)
    assert "fuel-burn.pkl" in words(view.lineage)
    assert "No environment lock" in words(view.lineage)
    view.tabs.open("files")
    assert view.files.verdict.badge.word == "Allowed"
    assert view.files.converted.badge.word == "Not converted"
    assert "served as sklearn-pickle" in view.files.conversion.text()
    view.tabs.open("checks")
    assert "They were not run yet" in words(view.checks)
    view.tabs.open("reviews")
    assert "Nobody has asked for this version yet" in words(view.reviews)
    view.tabs.open("deployments")
    assert "Never deployed" in words(view.deployments)
    assert_accessible(view)


def test_a_version_that_does_not_exist_is_said_plainly(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = opened(qtbot, context)
    context.navigator.open("version", model="flight-delay", version=99)
    assert "Reading the version" in words(view), "nothing of version 2 stays under the new title"
    qtbot.waitUntil(lambda: "flight-delay has no version 99." in words(view))
    assert "0.75" not in words(view)
    assert view.nothing.button.isVisible()
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert view.request_dialog is None
    for params in ({}, {"model": "flight-delay"}, {"model": "flight-delay", "version": "two"}):
        view.opened.emit(params)
        assert "No version was chosen" in words(view)
    view.nothing.button.click()
    assert context.navigator.here == Place("models")


def test_markup_in_names_and_descriptions_is_shown_literally(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    QImage(40, 40, QImage.Format.Format_RGB32).save(str(picture))
    context = context_for("dan")
    evil = f"**Good**\n\n![x]({picture.as_uri()}) <img src='{picture.as_uri()}'>\n\n[here](http://example.org/a)"
    workspace.registry.register_version(
        context.session,
        "flight-delay",
        model_file(tmp_path / "m.onnx", 0.9),
        signature=Signature(INPUTS),
        description=evil,
        tags={"<b>team</b>": f"<img src={picture.as_uri()}>"},
        metrics={"a|b": 1.0},
    )
    view = opened(qtbot, context, "flight-delay@3", tab="card")
    assert evil in words(view.overview)
    assert_accessible(view)
    page = view.card.page
    text = page.toPlainText()
    assert "Good" in text
    assert "**" not in text
    assert f"<img src='{picture.as_uri()}'>" in text, "HTML is text"
    assert "here (http://example.org/a)" in text, "a link says where it leads, and leads nowhere"
    assert "a|b" in text
    assert "[picture file:" in text
    assert not page.textInteractionFlags() & Qt.TextInteractionFlag.LinksAccessibleByMouse


def test_markdown_never_loads_a_picture(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qt loads a local picture by itself when its resource is empty: the layout must not get that far."""
    picture = tmp_path / "picture.png"
    QImage(40, 40, QImage.Format.Format_RGB32).save(str(picture))
    monkeypatch.chdir(tmp_path)
    page = SafeMarkdown("Card")
    qtbot.addWidget(page)
    page.show()
    addresses = [picture.as_uri(), str(picture), "picture.png"]
    page.show_markdown(
        "\n\n".join(f"![x]({address}) **![y]({address})** [![z]({address})](b)" for address in addresses)
    )
    page.grab()
    assert "\ufffc" not in page.toPlainText(), "no place for a picture is left"
    for address in (QUrl(picture.as_uri()), QUrl.fromLocalFile(str(picture)), QUrl("picture.png")):
        loaded = page.document().resource(QTextDocument.ResourceType.ImageResource.value, address)
        assert isinstance(loaded, QImage)
        assert loaded.width() == 1


# Copies, other screens


def test_copying_and_going_elsewhere(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = opened(qtbot, context)
    clipboard = QGuiApplication.clipboard()
    view.header.copy_label.click()
    assert clipboard.text() == "flight-delay@2"
    view.header.copy_digest.click()
    assert clipboard.text() == facts_of(view).version.digest
    view.card.copy.click()
    assert clipboard.text().startswith("# flight")
    assert "Copied flight-delay@2." in said(context)
    qtbot.keyClick(view, Qt.Key.Key_C)
    assert context.navigator.here == Place("compare", {"left": "flight-delay@1", "right": "flight-delay@2"})
    view.overview.model_wanted.emit()
    assert context.navigator.here == Place("model", {"model": "flight-delay"})
    view.reviews.promotion_opened.emit(1)
    assert context.navigator.here == Place("inbox", {"promotion": 1})


def test_the_only_version_has_nothing_to_be_compared_with(
    qtbot: QtBot, context_for: ContextFor, bare: Workspace
) -> None:
    context = context_for("dan")
    view = opened(qtbot, context, "fuel-burn@1")
    assert not view.header.compare.isEnabled()
    qtbot.keyClick(view, Qt.Key.Key_C)
    assert "There is no other version of this model." in said(context)


# Rights


def test_a_viewer_sees_everything_and_is_told_who_may(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("vera")
    view = opened(qtbot, context, tab="checks")
    for button, role in (
        (view.header.request, "data-scientist"),
        (view.header.deploy, "ml-engineer"),
        (view.checks.run, "data-scientist"),
    ):
        assert button.isVisible()
        assert not button.isEnabled()
        assert role in button.toolTip()
    qtbot.keyClick(view, Qt.Key.Key_R)
    qtbot.keyClick(view, Qt.Key.Key_D)
    assert view.request_dialog is None
    assert view.deploy_dialog is None
    assert said(context).count("Your roles don't permit this") == 2


def test_a_role_that_was_given_meanwhile_counts(qtbot: QtBot, context_for: ContextFor, workspace: Workspace) -> None:
    view = opened(qtbot, context_for("dan"))
    assert not view.header.deploy.isEnabled()
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    account = workspace.accounts.account(workspace.accounts.sign_in("mila", PASSWORD))
    workspace.accounts.set_roles(mila, "dan", account.roles)
    qtbot.waitUntil(lambda: view.header.deploy.isEnabled(), timeout=PATIENCE)


# Requests


def test_a_request_says_what_applies_and_keeps_what_was_typed(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_for("dan")
    view = opened(qtbot, context, "flight-delay@1", tab="reviews")
    qtbot.keyClick(view, Qt.Key.Key_R)
    dialog = view.request_dialog
    assert dialog is not None
    assert_accessible(dialog)
    assert dialog.environment.text() == "production"
    assert "One reviewer" in dialog.approvals.text()
    assert "Artifact digest: Are the stored files" in dialog.checks.text()
    assert "Answers examples" not in dialog.checks.text(), "this policy does not demand it"
    dialog.environment.set_text("staging")
    assert "Nobody has to approve." in dialog.approvals.text()
    dialog.environment.set_text("production")
    dialog.accept_button.click()
    assert "Say why" in dialog.reason.problem
    dialog.reason.set_text("It is simple.")

    def refuse(*_: object) -> None:
        raise InvalidInput("The disk is full.", "Make room.")

    with monkeypatch.context() as patched:
        patched.setattr(workspace.promotions, "request", refuse)
        dialog.accept_button.click()
        assert not dialog.accept_button.isEnabled()
        qtbot.waitUntil(lambda: dialog.problem.isVisible(), timeout=PATIENCE)
    assert dialog.reason.text() == "It is simple."
    assert dialog.accept_button.isEnabled()
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.request_dialog is None, timeout=PATIENCE)
    made = workspace.promotions.promotions()[0]
    assert (made.label, made.reason, made.state) == ("flight-delay@1", "It is simple.", PromotionState.PENDING)
    qtbot.waitUntil(lambda: "It is simple." in words(view.reviews), timeout=PATIENCE)
    assert "waits for a reviewer" in said(context)


def test_a_failing_check_stops_a_request(qtbot: QtBot, context_for: ContextFor, priced: Workspace) -> None:
    view = opened(qtbot, context_for("dan"), "price@2")
    view.header.request.click()
    dialog = view.request_dialog
    assert dialog is not None
    dialog.environment.set_text("staging")
    dialog.reason.set_text("Because.")
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: dialog.problem.isVisible(), timeout=PATIENCE)
    assert "r2 is 0.4, below 0.5" in words(dialog.problem)
    assert dialog.reason.text() == "Because."
    assert [p for p in priced.promotions.promotions() if p.model == "price"] == []
    dialog.reject()
    assert view.request_dialog is None
    view.checks.environment.setCurrentText("staging")
    qtbot.waitUntil(lambda: view.checks.verdict.badge.word == "Did not pass", timeout=PATIENCE)


def test_an_environment_that_is_taken_says_why(qtbot: QtBot, context_for: ContextFor) -> None:
    view = opened(qtbot, context_for("dan"))
    view.header.request.click()
    dialog = view.request_dialog
    assert dialog is not None
    assert dialog.environment.text() == "staging", "production waits already"
    dialog.environment.set_text("production")
    assert "Request 1 for production is waiting already." in dialog.environment.problem
    assert not dialog.accept_button.isEnabled()
    dialog.environment.set_text("staging")
    assert dialog.environment.problem == ""
    assert dialog.accept_button.isEnabled()
    dialog.reject()


# Live


def test_a_decision_made_elsewhere_appears_by_itself(
    qtbot: QtBot, context_for: ContextFor, workspace: Workspace
) -> None:
    view = opened(qtbot, context_for("mila"), tab="reviews")
    assert "Nobody has decided yet." in words(view.reviews)
    assert "request 1 waits for a reviewer" in why_no_deployment(facts_of(view), "production")
    approve(workspace)
    qtbot.waitUntil(lambda: "Looks right to me." in words(view.reviews), timeout=PATIENCE)
    assert "Approved" in words(view.header.strip)
    assert "by rosa, deploy within" in words(view.header.strip)
    assert why_no_deployment(facts_of(view), "production") == ""


def test_a_request_that_became_void_says_why(qtbot: QtBot, context_for: ContextFor, workspace: Workspace) -> None:
    view = opened(qtbot, context_for("dan"), tab="reviews")
    mila = workspace.accounts.sign_in("mila", PASSWORD)
    workspace.policies.set_policy(mila, replace(workspace.policies.policy("production"), reviewers=2))
    qtbot.waitUntil(lambda: "Void" in words(view.header.strip), timeout=PATIENCE)
    qtbot.waitUntil(lambda: "policy" in words(view.reviews), timeout=PATIENCE)


def test_checks_run_and_are_shown(qtbot: QtBot, context_for: ContextFor, workspace: Workspace) -> None:
    view = opened(qtbot, context_for("dan"), "flight-delay@1", tab="checks")
    assert view.checks.verdict.badge.word == "Not run"
    view.checks.run.click()
    assert view.checks.verdict.badge.word == "Running"
    assert not view.checks.run.isEnabled()
    qtbot.waitUntil(lambda: view.checks.verdict.badge.word == "Passed", timeout=PATIENCE)
    qtbot.waitUntil(lambda: view.checks.progress.isHidden())
    qtbot.waitUntil(lambda: "with the registered digest" in words(view.checks))
    assert view.checks.run.text() == "Run again"
    assert view.checks.run.isEnabled()
    run = workspace.checks.latest("flight-delay", 1, "production")
    assert run is not None
    assert run.run_by == "dan"
    view.checks.environment.setCurrentText("staging")
    assert view.checks.verdict.badge.word == "Not run"
    assert_accessible(view)


def test_checks_go_on_while_another_version_is_read(qtbot: QtBot, context_for: ContextFor) -> None:
    context = context_for("dan")
    view = opened(qtbot, context, "flight-delay@1", tab="checks")
    view.checks.run.click()
    context.navigator.open("version", model="flight-delay", version=2, tab="checks")
    assert view.checks.progress.isHidden()
    qtbot.waitUntil(lambda: view.header.strip.isVisible(), timeout=PATIENCE)
    assert view.header.title.text() == "flight-delay@2"
    assert view.checks.verdict.badge.word == "Passed", "those of version 2 were run for its request"
    context.navigator.back()
    qtbot.waitUntil(
        lambda: view.header.title.text() == "flight-delay@1" and view.checks.verdict.badge.word == "Passed",
        timeout=PATIENCE,
    )


# Files


def test_a_damaged_file_is_a_banner_and_nothing_is_deployed(
    qtbot: QtBot, context_for: ContextFor, priced: Workspace
) -> None:
    context = context_for("mila")
    view = opened(qtbot, context, "price@1", tab="files")
    view.files.verify.click()
    qtbot.waitUntil(lambda: "are as they were registered" in said(context), timeout=PATIENCE)
    assert view.header.deploy.isEnabled()
    digest = facts_of(view).version.files[0].digest
    stored = next(path for path in (priced.path / "artifacts").rglob("*") if path.is_file() and digest[4:] in path.name)
    stored.chmod(0o600)
    stored.write_bytes(b"something else")
    view.files.verify.click()
    qtbot.waitUntil(lambda: view.damage.isVisible(), timeout=PATIENCE)
    assert "Damaged: sum-1.onnx." in words(view.outcome)
    assert view.header.damaged.isVisible()
    assert not view.header.deploy.isEnabled()
    assert "damaged" in view.header.deploy.toolTip()
    assert not view.header.request.isEnabled()
    view.refresh_wanted.emit()
    qtbot.waitUntil(lambda: view.files.verify.isEnabled())
    assert view.damage.isVisible(), "reading again doesn't take it away"
    view.tabs.open("overview")
    view.damage.action.emit()
    assert view.tabs.current == "files"
    assert_accessible(view)


def test_files_are_exported_or_the_reason_is_told(
    qtbot: QtBot, context_for: ContextFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_for("vera")
    view = opened(qtbot, context, tab="files")
    target = tmp_path / "out"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(target))
    view.files.export.click()
    qtbot.waitUntil(lambda: "exported to out" in said(context), timeout=PATIENCE)
    assert [path.name for path in target.iterdir()] == ["model-2.onnx"]
    view.files.export.click()
    qtbot.waitUntil(lambda: view.outcome.isVisible(), timeout=PATIENCE)
    assert "out exists and is not empty." in words(view.outcome)
    view.refresh_wanted.emit()
    qtbot.waitUntil(lambda: not context.tasks.running)
    assert view.outcome.isVisible(), "a refresh doesn't take away what was not read yet"


def test_the_card_is_saved_or_the_reason_is_told(
    qtbot: QtBot, context_for: ContextFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_for("vera")
    view = opened(qtbot, context, tab="card")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "card.md"), ""))
    view.card.save.click()
    qtbot.waitUntil(lambda: "Saved card.md." in said(context), timeout=PATIENCE)
    assert "| roc\\_auc | 0\\.75 |" in (tmp_path / "card.md").read_text(encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "missing" / "card.md"), ""))
    view.card.save.click()
    qtbot.waitUntil(lambda: "The card could not be written" in words(view.outcome), timeout=PATIENCE)


# Deploying


def test_deploying_shows_the_log_and_then_that_it_answers(
    qtbot: QtBot, context_for: ContextFor, priced: Workspace
) -> None:
    context = context_for("mila")
    view = opened(qtbot, context, "price@1")
    qtbot.keyClick(view, Qt.Key.Key_D)
    dialog = view.deploy_dialog
    assert dialog is not None
    assert_accessible(dialog)
    assert dialog.environment == "staging", "production needs an approval"
    dialog.field.set_text("production")
    assert "Not approved for production: request its promotion first." in dialog.field.problem
    assert not dialog.accept_button.isEnabled()
    dialog.field.set_text("staging")
    assert "Nobody has to approve it there" in dialog.effect.text()
    qtbot.waitUntil(lambda: "process of its own" in dialog.engine.text(), timeout=PATIENCE)
    dialog.accept_button.click()
    assert view.deploy_dialog is None
    assert view.tabs.current == "deployments"
    assert view.deployments.log.isVisible()
    assert not view.header.deploy.isEnabled()
    try:
        qtbot.waitUntil(lambda: "price@1 answers in staging" in said(context), timeout=60_000)
        assert view.job.isHidden()
        assert view.deployments.log.isVisible(), "the log stays until it is closed"
        qtbot.waitUntil(lambda: "Answers" in words(view.header.strip), timeout=PATIENCE)
        assert view.deployments.table.model.rowCount() == 1
        assert "It answers in staging already." in why_no_deployment(facts_of(view), "staging")
        view.tabs.open("metrics")
        assert "Nothing answers in production yet." in view.metrics.note.text()
        view.tabs.open("deployments")
        view.deployments.close_log.click()
        assert not view.deployments.log.isVisible()
        view.deployments.table.opened.emit(facts_of(view).deployments[0])
        assert context.navigator.here is not None
        assert context.navigator.here.key == "deployments"
    finally:
        for deployment in priced.delivery.deployments(live_only=True):
            priced.delivery.stop(context.session, deployment.id)


def test_a_release_that_fails_says_why_and_keeps_its_log(
    qtbot: QtBot, context_for: ContextFor, bare: Workspace
) -> None:
    context = context_for("mila")
    mila = context.session
    bare.policies.set_policy(mila, replace(bare.policies.policy("staging"), required_checks=QUICK_CHECKS))
    view = opened(qtbot, context, "fuel-burn@1")
    view.header.deploy.click()
    dialog = view.deploy_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: "refuses sklearn-pickle" in dialog.engine.text(), timeout=PATIENCE)
    dialog.accept_button.click()
    qtbot.waitUntil(lambda: view.outcome.isVisible(), timeout=60_000)
    assert "Without Docker only ONNX is served." in words(view.outcome)
    assert view.job.isHidden()
    qtbot.waitUntil(view.header.deploy.isEnabled, timeout=PATIENCE)
    view.refresh_wanted.emit()
    qtbot.waitUntil(lambda: view.deployments.table.model.rowCount() == 1, timeout=PATIENCE)
    assert view.outcome.isVisible(), "the reason stays until it is dismissed"
    assert facts_of(view).deployments[0].state is DeploymentState.FAILED
    assert all(step.state is not StepState.RUNNING for step in view.deployments.log.model.steps)


def test_a_release_goes_on_while_another_version_is_read_and_can_be_cancelled(
    qtbot: QtBot, context_for: ContextFor, priced: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def deploy(*_: object, context: JobContext) -> None:
        context.on_cancel(ended.set)
        context.log("Adding 2 files", "Model")
        context.progress(0.4, "Building the image")
        ended.wait(20)
        context.check_cancelled()

    monkeypatch.setattr(priced.delivery, "deploy", deploy)
    context = context_for("mila")
    view = opened(qtbot, context, "price@1")
    view.header.deploy.click()
    assert view.deploy_dialog is not None
    view.deploy_dialog.accept_button.click()
    qtbot.waitUntil(lambda: "Building the image" in words(view.job), timeout=PATIENCE)
    context.navigator.open("version", model="price", version=2)
    qtbot.waitUntil(lambda: view.header.strip.isVisible(), timeout=PATIENCE)
    assert view.job.isHidden(), "it is not this version's"
    assert not view.deployments.log_shown
    assert view.header.deploy.isEnabled()
    context.navigator.back()
    assert not view.job.isHidden()
    qtbot.waitUntil(lambda: [step.name for step in view.deployments.log.model.steps] == ["Model"])
    qtbot.waitUntil(lambda: view.header.strip.isVisible(), timeout=PATIENCE)
    assert "It is being deployed to staging." in view.header.deploy.toolTip()
    view.job._cancel.click()
    qtbot.waitUntil(lambda: "Cancelled" in words(view.outcome), timeout=PATIENCE)
    assert "the traffic stayed where it was" in words(view.outcome)
    assert view.job.isHidden()
    qtbot.waitUntil(lambda: view.header.deploy.isEnabled())


# The rules by themselves


@pytest.fixture
def facts(qtbot: QtBot, context_for: ContextFor, workspace: Workspace) -> VersionFacts:
    return facts_of(opened(qtbot, context_for("mila")))


def test_metrics_of_other_test_data_are_not_judged(facts: VersionFacts) -> None:
    other = replace(facts.version, number=1, metrics={"roc_auc": 0.7})
    against = replace(facts, current={"production": other})
    assert against.key_figure() == ("roc_auc against version 1", "0.75", "+0.05, better")
    assert against.metric_rows("production")[0].delta == pytest.approx(0.05)
    mine = replace(facts.version, lineage=Lineage(data={"test": "aa"}))
    elsewhere = replace(other, lineage=Lineage(data={"test": "bb"}))
    strangers = replace(facts, version=mine, current={"production": elsewhere})
    assert strangers.key_figure() == ("roc_auc against version 1", "0.75", "other test data")
    assert strangers.metric_rows("production")[0].delta is None
    policy = Policy("production", thresholds={"roc_auc": 0.8, "f1": 0.5}, tolerances={"roc_auc": 0.01})
    goals = goals_of(mine, policy, elsewhere, comparable=False)
    assert [goal.badge for goal in goals] == [MISSED, MISSED, OPEN]
    assert "f1 at least 0.5: it is not known" in [goal.text for goal in goals]
    assert [g.badge for g in goals_of(mine, policy, other, comparable=True)][-1] == REACHED
    worse = replace(mine, metrics={"roc_auc": 0.6})
    assert [g.badge for g in goals_of(worse, policy, other, comparable=True)][-1] == MISSED


def test_stages_tell_the_story(facts: VersionFacts) -> None:
    request = facts.promotions[0]
    assert facts.stage("production").badge.word == "Waiting"
    now = datetime.now(UTC)
    stale = replace(request, state=PromotionState.APPROVED, created_at=now - timedelta(hours=99))
    assert "about to expire" in replace(facts, promotions=[stale]).stage("production").text
    served = replace(request, state=PromotionState.DEPLOYED)
    assert replace(facts, promotions=[served]).stage("production").badge.word == "Served"
    rejected = replace(request, state=PromotionState.REJECTED)
    assert replace(facts, promotions=[rejected]).stage("production").badge.word == "Rejected"
    answers = replace(facts, current={"production": facts.version})
    assert answers.stage("production").badge.word == "Answers"
    assert "answers in production already" in why_no_request(replace(answers, promotions=[]), "production")
    damaged = replace(facts, version=replace(facts.version, damaged=True))
    assert "damaged" in why_no_deployment(damaged, "staging")
    assert open_ways(facts, {}) == ("production", "There is no environment.")
    assert open_ways(facts, {"a": "No.", "b": "No."}) == ("a", "No.")


def test_conversions_are_told_in_words(facts: VersionFacts) -> None:
    version = facts.version
    assert conversion_words(version)[0].word == "Not needed"
    proved = replace(version, conversion=Conversion(True, "The answers agree on 10 rows.", 10, 2.5e-7, 1))
    badge, text = conversion_words(proved)
    assert badge.word == "Proved"
    assert "10 rows asked: the greatest difference is 2.5e-07, 1 label changed." in text
    refused = replace(version, conversion=Conversion(False, "No converter for Foo"))
    assert conversion_words(refused) == (
        conversion_words(refused)[0],
        "No converter for Foo. It is served as onnx.",
    )
    wrong = replace(version, conversion=Conversion(False, "3 of 10 labels changed.", 10, 0.5, 3))
    assert conversion_words(wrong)[0].word == "Disproved"
    looked = replace(version, inspection=Inspection(InspectionVerdict.REVIEW, ("It names os.system.",)))
    assert "isolated container only" in meaning(looked)
    assert fact_value('["0", "1"]') == "0, 1"
    assert fact_value("[not json") == "[not json"


def test_words_cover_the_domain() -> None:
    assert set(ROLES) == set(FileRole)


def test_a_card_escapes_what_people_wrote(facts: VersionFacts) -> None:
    named = replace(facts, version=replace(facts.version, signature=Signature((Column("a|b\n# c", "double"),))))
    assert "| a\\|b \\# c | double | no |" in card_of(named)
    assert escaped("<img src=x>") == "\\<img src=x\\>"


def test_a_running_job_tells_its_verdicts_and_steps() -> None:
    results = tuple(CheckResult(name, verdict, "") for name, verdict in (("a", Verdict.PASS), ("b", Verdict.WARN)))
    run = CheckRun(1, "m", 1, "staging", "", results, datetime.now(UTC), 1.0, "dan")
    assert verdict_of(run).word == "Passed, 1 warning"
    assert verdict_of(replace(run, results=results[:1])).word == "Passed"
    lines = [
        JobLine(0.1, "artifact-digest", "pass: All 3 files with the registered digest."),
        JobLine(0.2, "", "pass: no check said this"),
        JobLine(0.3, "answers-examples", "Building the image"),
        JobLine(0.4, "answers-examples", "fail: 2 answers differ: by much."),
    ]
    found = [(r.check, r.verdict, r.summary) for r in results_so_far(lines)]
    assert found == [
        ("artifact-digest", Verdict.PASS, "All 3 files with the registered digest."),
        ("answers-examples", Verdict.FAIL, "2 answers differ: by much."),
    ]
    entries = entries_of([JobLine(0.1, "Dependencies: cached", "there already"), JobLine(0.2, "Model", "Adding")])
    assert [(e.step, e.text) for e in entries] == [
        ("Dependencies", "there already"),
        ("Dependencies", "cached"),
        ("Model", "Adding"),
    ]


def test_an_engine_that_does_not_answer_is_said_before_anything_begins(
    qtbot: QtBot, context_for: ContextFor, priced: Workspace
) -> None:
    view = opened(qtbot, context_for("mila"), "price@1")
    dialog = view.open_deploy()
    assert dialog is not None
    assert view.open_deploy() is None, "one at a time"
    dialog.show_engine(EngineStatus(EngineKind.DOCKER, False, "", "Docker is not answering.", "Start Docker."))
    assert dialog.engine.text() == "Docker is not answering. Start Docker."
    dialog.show_engine(EngineStatus(EngineKind.DOCKER, True, "20.10", ""))
    assert "without network, with Docker 20.10" in dialog.engine.text()
    dialog.reject()
    assert view.deploy_dialog is None


def test_what_is_read_of_a_card_stays_in_sight(qtbot: QtBot) -> None:
    page = SafeMarkdown("Card")
    qtbot.addWidget(page)
    page.resize(200, 100)
    text = "\n\n".join(f"line {n}" for n in range(80))
    page.show_markdown(text)
    page.show()
    bar = page.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 60)
    assert bar.value() == 0
    bar.setValue(60)
    page.show_markdown(text + "\n\nmore", same=True)
    assert bar.value() == 60
    page.show_markdown(text)
    assert bar.value() == 0
