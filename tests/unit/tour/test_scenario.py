"""The steps as data, the people, the report and its charts; the steps themselves run in tests/end2end."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from mlops_desktop.domain.accounts import check_password
from mlops_desktop.domain.errors import Conflict, DeploymentFailed, StorageError
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.tour import party, scenario
from mlops_desktop.tour.charts import Point, chart
from mlops_desktop.tour.report import Picture, Report
from mlops_desktop.tour.scenario import Outcome, Step
from mlops_desktop.tour.stage import Figure, Figures, Tour


def step(name: str, run: object = None) -> Step:
    def nothing(tour: Tour, context: JobContext) -> Figures:
        return (Figure("seconds", 1.5, "s"),)

    return Step(name, f"Title <{name}>", "Why & what.", "models", "Press it.", run or nothing)  # type: ignore[arg-type]


def test_every_step_can_be_told_to_a_newcomer() -> None:
    assert len({s.id for s in scenario.STEPS}) == len(scenario.STEPS) == 10
    for one in scenario.STEPS:
        assert len(one.explanation.split()) >= 12, one.id
        assert one.by_hand
        assert one.screen


def test_three_people_no_one_of_whom_can_do_it_alone() -> None:
    team = party.people()

    assert len({p.password for p in team.values()}) == 3
    for person in team.values():
        check_password(person.password, person.name)
    assert not team["scientist"].roles & team["reviewer"].roles


def test_the_workspace_has_its_people_and_quick_verdicts(tmp_path: Path) -> None:
    team = party.people()
    workspace, sessions = party.make_workspace(tmp_path / "tour", team)
    with workspace:
        assert workspace.settings.gateway_port == 0
        assert workspace.settings.drift_chunk_seconds <= 8
        names = {a.name: a.roles for a in workspace.accounts.accounts(sessions["engineer"])}
        assert names == {p.name: p.roles for p in team.values()}


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")

    with pytest.raises(StorageError, match="not empty"):
        party.make_workspace(tmp_path, party.people())
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failing_step_is_told_and_ends_the_tour(tmp_path: Path) -> None:
    def fails(tour: Tour, context: JobContext) -> Figures:
        raise Conflict("Somebody was faster.", "Look again.")

    told: list[Outcome] = []
    with pytest.raises(Conflict):
        scenario.run(Tour(tmp_path), on_step=told.append, chosen=[step("one"), step("two", fails), step("three")])
    assert [(o.step.id, o.error) for o in told] == [("one", ""), ("two", "Somebody was faster. Look again.")]


def test_steps_out_of_order_say_what_is_missing(tmp_path: Path) -> None:
    tour = Tour(tmp_path)
    with pytest.raises(StorageError, match="not made yet"):
        _ = tour.workspace
    with pytest.raises(DeploymentFailed, match="No flights"):
        _ = tour.progress


def test_figures_are_short() -> None:
    assert Figure("n", 12345.0).text == "12,345"
    assert Figure("share", 0.123456).text == "0.123"
    assert Figure("took", 0.0, "s").text == "0 s"
    assert Figure("state", "intact").text == "intact"


def test_the_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    report = Report(tmp_path / "report")
    report.prepare()
    report.add(Outcome(step("one"), (Figure("by <b>", "<script>"),), 1.25), [Picture("Models, dark", "models.png")])
    report.add(Outcome(step("two"), (), 0.5, "It <failed>."))

    page = report.write().read_text()

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'src="models.png"' in page
    assert "It &lt;failed&gt;." in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"https?://|//[a-z]", page), "something comes from elsewhere"
    assert "{{" not in page
    figures = json.loads((tmp_path / "report" / "figures.json").read_text())
    assert figures[0]["figures"] == [{"name": "by <b>", "value": "<script>", "unit": ""}]


def test_a_report_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("")
    with pytest.raises(StorageError, match="can't be made"):
        Report(tmp_path / "report").prepare()


def test_a_chart_has_its_line_marks_and_references_inside_the_picture() -> None:
    points = [Point(100.0 + i, 0.7 - i / 100, 0.68 - i / 100, 0.72 - i / 100) for i in range(10)]
    days = [(100.0, date(2013, 3, 1)), (105.0, date(2013, 3, 15))]

    svg = chart("Worth", points, days, [("rolled back", 104.0), ("too early", 1.0)], {"held out": 0.75})

    assert svg.count("<polyline") == 1
    assert "rolled back" in svg
    assert "too early" not in svg
    assert "01 Mar" in svg
    assert "15 Mar" in svg
    numbers = [float(n) for n in re.findall(r'[xy][12]?="(-?[\d.]+)"', svg)]
    assert all(0 <= n <= 860 for n in numbers)
