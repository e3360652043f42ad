"""Commands about checks, requests and reviews: check, request, requests, approve, reject, withdraw."""

from __future__ import annotations

import click

from mlops_desktop.cli.context import Here, pass_here
from mlops_desktop.cli.output import facts, shortened, table
from mlops_desktop.domain.checks import CheckRun
from mlops_desktop.domain.errors import PolicyViolation
from mlops_desktop.domain.promotions import Decision, Promotion, PromotionState
from mlops_desktop.domain.registry import parse_label


@click.command()
@click.argument("version", metavar="MODEL@N")
@click.option("--env", "environment", default="production", show_default=True, help="Whose policy is checked.")
@pass_here
def check(here: Here, version: str, environment: str) -> None:
    """Run the checks that an environment demands of a version. Exit code 1 if one does not pass."""
    model, number = parse_label(version)
    session = here.session
    run = here.run(
        f"Check {version} for {environment}",
        lambda context: here.workspace.checks.run_checks(session, model, number, environment, context),
    )
    here.output.show(run, lambda: check_table(run))
    if not run.passed:
        failed = ", ".join(r.check for r in run.results if r.verdict.value in {"fail", "error"})
        raise PolicyViolation(f"{version} does not pass the checks of {environment}: {failed}.", run.next_step)


def check_table(run: CheckRun) -> str:
    """The results of one run of checks."""
    rows = [(r.check, r.verdict, r.summary, r.figures) for r in run.results]
    return table(["check", "verdict", "found", "figures"], rows, "This environment demands no checks.")


@click.command()
@click.argument("version", metavar="MODEL@N")
@click.option("--to", "environment", required=True, help="Where it should serve.")
@click.option("--reason", required=True, help="Why, for whoever reviews it.")
@pass_here
def request(here: Here, version: str, environment: str, reason: str) -> None:
    """Ask for a version to serve in an environment; runs the required checks first."""
    model, number = parse_label(version)
    session = here.session
    made = here.run(
        f"Request {version} to {environment}",
        lambda context: here.workspace.promotions.request(session, model, number, environment, reason, context=context),
    )
    here.output.show(made, lambda: _sentence(made))


def _sentence(promotion: Promotion) -> str:
    what = f"Request {promotion.id}: {promotion.label} to {promotion.environment} is {promotion.state.value}."
    if promotion.state is PromotionState.PENDING:
        return f"{what} A reviewer other than you approves it with: mlops-desktop approve {promotion.id}"
    if promotion.state is PromotionState.APPROVED:
        return f"{what} Deploy it with: mlops-desktop deploy {promotion.label} --to {promotion.environment}"
    return what


@click.command()
@click.argument("identifier", metavar="[ID]", type=int, required=False)
@click.option("--state", type=click.Choice([s.value for s in PromotionState]), help="Only those in this state.")
@click.option("--model", help="Only those of this model.")
@pass_here
def requests(here: Here, identifier: int | None, state: str | None, model: str | None) -> None:
    """List requests, or show what is known for the review of request ID."""
    promotions = here.workspace.promotions
    if identifier is not None:
        brief = promotions.review_brief(identifier)
        here.output.show(brief, lambda: review_page(brief.promotion, brief.check_run))
        return
    found = promotions.promotions(state=PromotionState(state) if state else None, model=model)
    here.output.show(
        found,
        lambda: table(
            ["id", "version", "to", "state", "asked by", "at", "reviews", "reason"],
            [
                (
                    p.id,
                    p.label,
                    p.environment,
                    p.state,
                    p.requested_by,
                    p.created_at,
                    [f"{r.reviewer}: {r.decision.value}" for r in p.reviews],
                    shortened(p.reason, 50),
                )
                for p in found
            ],
            "No requests." if state or model else "No requests yet. Ask with: mlops-desktop request MODEL@N --to ENV",
        ),
    )


def review_page(promotion: Promotion, run: CheckRun | None) -> str:
    """What a reviewer wants to read before deciding."""
    head = facts(
        [
            ("request", promotion.id),
            ("version", promotion.label),
            ("to", promotion.environment),
            ("state", promotion.state),
            ("asked by", promotion.requested_by),
            ("at", promotion.created_at),
            ("reason", promotion.reason),
        ]
    )
    reviews = table(
        ["reviewer", "decision", "at", "comment"],
        [(r.reviewer, r.decision, r.signed_at, r.comment) for r in promotion.reviews],
        "Nobody has reviewed it yet.",
    )
    return "\n\n".join([head, check_table(run) if run else "No checks were run.", reviews])


def _review(here: Here, identifier: int, decision: Decision, comment: str) -> None:
    session = here.session
    reviewed = here.workspace.promotions.review(session, identifier, decision, comment, here.password)
    here.output.show(reviewed, lambda: _sentence(reviewed))


@click.command()
@click.argument("identifier", metavar="ID", type=int)
@click.option("--comment", default="", help="What was looked at.")
@pass_here
def approve(here: Here, identifier: int, comment: str) -> None:
    """Approve request ID. Who asked for it, trained or registered the version can't."""
    _review(here, identifier, Decision.APPROVE, comment)


@click.command()
@click.argument("identifier", metavar="ID", type=int)
@click.option("--comment", required=True, help="Why, for whoever asked.")
@pass_here
def reject(here: Here, identifier: int, comment: str) -> None:
    """Reject request ID with a reason."""
    _review(here, identifier, Decision.REJECT, comment)


@click.command()
@click.argument("identifier", metavar="ID", type=int)
@pass_here
def withdraw(here: Here, identifier: int) -> None:
    """Take back your own request ID."""
    session = here.session
    here.workspace.promotions.withdraw(session, identifier)
    found = here.workspace.promotions.promotion(identifier)
    here.output.show(found, lambda: _sentence(found))
