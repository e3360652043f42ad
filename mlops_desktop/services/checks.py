"""Model CI: run the checks that an environment's policy demands, and keep what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mlops_desktop.checks.catalogue import CATALOGUE
from mlops_desktop.checks.context import Answers, CheckContext
from mlops_desktop.domain.accounts import Action, Session
from mlops_desktop.domain.checks import CheckResult, CheckRun, Verdict
from mlops_desktop.domain.errors import JobCancelled, PolicyViolation, WorkstationError
from mlops_desktop.domain.events import ChecksFinished
from mlops_desktop.runtime.jobs import JobContext
from mlops_desktop.store import checks as store
from mlops_desktop.store import deployments as deployment_store
from mlops_desktop.store import policies as policy_store
from mlops_desktop.store import versions as version_store

if TYPE_CHECKING:
    from mlops_desktop.domain.policy import Policy
    from mlops_desktop.domain.registry import ModelVersion
    from mlops_desktop.services.accounts import AccountsService
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.services.policies import PoliciesService
    from mlops_desktop.services.registry import RegistryService

FRESH_CHECKS = timedelta(hours=24)
# What asks a version itself: the version, column names, rows, the job. See services/launch.py.
Ask = Callable[["ModelVersion", Sequence[str], Sequence[Sequence[object]], JobContext], Mapping[str, Sequence[Any]]]


class ChecksService:
    """`ask` starts a version for a few questions; None where nothing can be started."""

    def __init__(
        self,
        parts: Parts,
        accounts: AccountsService,
        registry: RegistryService,
        policies: PoliciesService,
        ask: Ask | None = None,
    ) -> None:
        self._parts = parts
        self._accounts = accounts
        self._registry = registry
        self._policies = policies
        self._ask = ask

    def run_checks(
        self, session: Session, model: str, number: int, environment: str, context: JobContext | None = None
    ) -> CheckRun:
        """Run every check that the environment's policy demands; all are run, also after one has failed."""
        account = self._accounts.authorise(session, Action.RUN_CHECKS)
        return self.run_for(account.name, model, number, environment, context or JobContext.silent())

    def run_for(self, actor: str, model: str, number: int, environment: str, context: JobContext) -> CheckRun:
        """The same for a service that has asked for the rights already."""
        version, policy = self._registry.version(model, number), self._policies.policy(environment)
        started_at, began = self._parts.clock(), time.monotonic()
        results = self._results(version, policy, context)
        run = CheckRun(
            0, model, number, environment, version.digest, results, started_at, time.monotonic() - began, actor
        )
        verdicts = {result.check: result.verdict.value for result in results}
        with self._parts.database.write() as tx:
            run_id = store.insert_run(tx, run)
            tx.record(ChecksFinished(model, number, environment, run.passed, verdicts), actor)
        if any(r.check == "artifact-digest" and r.verdict is Verdict.FAIL for r in results) != version.damaged:
            self._registry.mark_damage(version, actor)
        stored = store.run_of(self._parts.database.read(), run_id)
        return stored or run

    def latest(self, model: str, number: int, environment: str) -> CheckRun | None:
        """The newest run for that environment."""
        runs = store.runs_of(self._parts.database.read(), model, number, environment)
        return runs[0] if runs else None

    def run(self, run_id: int) -> CheckRun | None:
        return store.run_of(self._parts.database.read(), run_id)

    def runs(self, model: str, number: int) -> list[CheckRun]:
        """Newest first, of all environments."""
        self._registry.version(model, number)
        return store.runs_of(self._parts.database.read(), model, number)

    def passing_run(self, actor: str, version: ModelVersion, policy: Policy, context: JobContext) -> CheckRun | None:
        """A run that passed and still says something, a new one if need be; None where the policy demands no checks.

        PolicyViolation names the checks that fail.
        """
        if not policy.required_checks:
            return None
        run = self.latest(version.model, version.number, policy.environment)
        if run is None or not self._fresh(run, version, policy):
            run = self.run_for(actor, version.model, version.number, policy.environment, context)
        if not run.passed:
            failed = [r for r in run.results if r.verdict in {Verdict.FAIL, Verdict.ERROR}]
            raise PolicyViolation(
                f"{version.label} does not pass the checks of {policy.environment}: "
                + "; ".join(f"{r.check}: {r.summary.rstrip('.')}" for r in failed)
                + ".",
                run.next_step,
            )
        return run

    def _fresh(self, run: CheckRun, version: ModelVersion, policy: Policy) -> bool:
        """Whether a passed run still says something: same content, same rules, same current version, not too old."""
        database = self._parts.database.read()
        changed = policy_store.changed_at(database, policy.environment)
        released = deployment_store.releases_of(database, version.model, policy.environment, 1)
        since = [moment for moment in (changed, released[0].at if released else None) if moment is not None]
        age = self._parts.clock() - run.started_at
        return (
            run.passed
            and run.version_digest == version.digest
            and {r.check for r in run.results} >= set(policy.required_checks)
            and timedelta() <= age <= FRESH_CHECKS
            and all(run.started_at >= moment for moment in since)
        )

    def _results(self, version: ModelVersion, policy: Policy, job: JobContext) -> tuple[CheckResult, ...]:
        current = version_store.current_version(self._parts.database.read(), version.model, policy.environment)
        context = CheckContext(version, policy, current, self._parts.artifacts, job, self._answers(version, job))
        results: list[CheckResult] = []
        for done, name in enumerate(policy.required_checks):
            job.progress(done / len(policy.required_checks), f"Check {name}")
            result = self._result(name, context)
            job.log(f"{result.verdict.value}: {result.summary}", name)
            results.append(result)
        return tuple(results)

    def _result(self, name: str, context: CheckContext) -> CheckResult:
        check = CATALOGUE.get(name)
        if check is None:
            return CheckResult(name, Verdict.ERROR, f"This MLOps Desktop has no check {name}.")
        try:
            return check.run(context)
        except JobCancelled:
            raise
        except WorkstationError as error:
            return CheckResult(name, Verdict.ERROR, f"It could not be carried out: {error.message}", {}, (error.hint,))

    def _answers(self, version: ModelVersion, job: JobContext) -> Answers | None:
        ask = self._ask
        return None if ask is None else lambda columns, rows: ask(version, columns, rows, job)
