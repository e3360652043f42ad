"""B01: every service method that takes a session, as every role, as nobody and as a disabled account.

The table says which action a method needs; a method that is missing from it fails the test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops_desktop.domain.accounts import PERMISSIONS, Action, Role, Session
from mlops_desktop.domain.alerts import AlertRule, Comparator, Severity
from mlops_desktop.domain.errors import NotAllowed, WorkstationError
from mlops_desktop.domain.promotions import Decision
from mlops_desktop.services.accounts import AccountsService
from mlops_desktop.services.alerts import AlertsService
from mlops_desktop.services.audit import AuditService
from mlops_desktop.services.checks import ChecksService
from mlops_desktop.services.delivery import DeliveryService
from mlops_desktop.services.monitoring import MonitoringService
from mlops_desktop.services.policies import PoliciesService
from mlops_desktop.services.promotions import PromotionsService
from mlops_desktop.services.registry import RegistryService
from mlops_desktop.workspace import Workspace
from tests.unit.services.registry_kit import PASSWORD, PEOPLE, Kit

SERVICES = {
    "accounts": AccountsService,
    "registry": RegistryService,
    "policies": PoliciesService,
    "checks": ChecksService,
    "promotions": PromotionsService,
    "delivery": DeliveryService,
    "monitoring": MonitoringService,
    "alerts": AlertsService,
    "audit": AuditService,
}
Call = Callable[[Workspace, Session], Any]
NEEDS: dict[str, tuple[Action, Call]] = {
    "accounts.accounts": (Action.VIEW, lambda w, s: w.accounts.accounts(s)),
    "accounts.create_account": (
        Action.MANAGE_ACCOUNTS,
        lambda w, s: w.accounts.create_account(s, "new", "New", PASSWORD, ["viewer"]),
    ),
    "accounts.set_roles": (Action.MANAGE_ACCOUNTS, lambda w, s: w.accounts.set_roles(s, "vic", ["viewer"])),
    "accounts.disable": (Action.MANAGE_ACCOUNTS, lambda w, s: w.accounts.disable(s, "gone")),
    "accounts.enable": (Action.MANAGE_ACCOUNTS, lambda w, s: w.accounts.enable(s, "gone")),
    "accounts.reset_password": (Action.MANAGE_ACCOUNTS, lambda w, s: w.accounts.reset_password(s, "gone", PASSWORD)),
    "registry.inspect_file": (Action.REGISTER, lambda w, s: w.registry.inspect_file(s, Path("missing.onnx"))),
    "registry.register_version": (
        Action.REGISTER,
        lambda w, s: w.registry.register_version(s, "delay", Path("missing.onnx")),
    ),
    "registry.update_model": (Action.REGISTER, lambda w, s: w.registry.update_model(s, "delay", description="x")),
    "registry.verify_artifacts": (Action.VIEW, lambda w, s: w.registry.verify_artifacts(s, "delay", 1)),
    "policies.set_policy": (
        Action.MANAGE_POLICIES,
        lambda w, s: w.policies.set_policy(s, replace(w.policies.policy("staging"), reviewers=3)),
    ),
    "promotions.set_policy": (
        Action.MANAGE_POLICIES,
        lambda w, s: w.promotions.set_policy(s, replace(w.policies.policy("staging"), reviewers=4)),
    ),
    "checks.run_checks": (Action.RUN_CHECKS, lambda w, s: w.checks.run_checks(s, "delay", 1, "production")),
    "promotions.request": (
        Action.REQUEST_PROMOTION,
        lambda w, s: w.promotions.request(s, "delay", 1, "production", "why not"),
    ),
    "promotions.withdraw": (Action.REQUEST_PROMOTION, lambda w, s: w.promotions.withdraw(s, 99)),
    "promotions.review": (
        Action.REVIEW,
        lambda w, s: w.promotions.review(s, 99, Decision.APPROVE, "", PASSWORD),
    ),
    "delivery.predict": (Action.VIEW, lambda w, s: w.delivery.predict(s, "nothing", "production", b"{}")),
    "delivery.deploy": (Action.DEPLOY, lambda w, s: w.delivery.deploy(s, "nothing", 1, "production")),
    "delivery.roll_back": (Action.ROLL_BACK, lambda w, s: w.delivery.roll_back(s, "nothing", "production")),
    "delivery.shut_down": (Action.DEPLOY, lambda w, s: w.delivery.shut_down(s)),
    "delivery.stop": (Action.DEPLOY, lambda w, s: w.delivery.stop(s, "nothing")),
    "delivery.stop_environment": (Action.DEPLOY, lambda w, s: w.delivery.stop_environment(s, "nothing", "production")),
    "delivery.start": (Action.DEPLOY, lambda w, s: w.delivery.start(s, "nothing")),
    "monitoring.send_labels": (Action.SEND_LABELS, lambda w, s: w.monitoring.send_labels(s, "delay", [("a:0", "1")])),
    "monitoring.send_labels_file": (
        Action.SEND_LABELS,
        lambda w, s: w.monitoring.send_labels_file(s, Path("missing.csv")),
    ),
    "alerts.set_rule": (
        Action.MANAGE_ALERTS,
        lambda w, s: w.alerts.set_rule(
            s, AlertRule(0, "delay", "production", "p95_ms", Comparator.ABOVE, 500.0, 10.0, Severity.WARNING)
        ),
    ),
    "alerts.acknowledge": (Action.MANAGE_ALERTS, lambda w, s: w.alerts.acknowledge(s, 99)),
    "alerts.snooze": (Action.MANAGE_ALERTS, lambda w, s: w.alerts.snooze(s, 99, datetime.now(UTC) + timedelta(1))),
    "alerts.wake": (Action.MANAGE_ALERTS, lambda w, s: w.alerts.wake(s, 99)),
}
# They ask who is signed in and not for a right; each is tested where it belongs.
ONESELF = {
    "accounts.sign_out",
    "accounts.verify_password",
    "accounts.change_password",
    "accounts.sign",
    "accounts.authorise",
    "accounts.authorised",
    "promotions.waiting_for",
}
WHO = {"vic": {Role.VIEWER}, "ada": {Role.DATA_SCIENTIST}, "eng": {Role.ML_ENGINEER}, "rev": {Role.REVIEWER}}


def methods_with_a_session() -> set[str]:
    return {
        f"{name}.{method}"
        for name, service in SERVICES.items()
        for method, function in inspect.getmembers(service, inspect.isfunction)
        if not method.startswith("_") and "session" in inspect.signature(function).parameters
    }


def test_b01_no_method_is_missing_from_the_table() -> None:
    assert methods_with_a_session() == NEEDS.keys() | ONESELF


def test_b01_every_service_of_the_workspace_is_looked_at() -> None:
    found = {
        name
        for name, member in inspect.getmembers(Workspace)
        if isinstance(member, property) and name in {"delivery", "monitoring", "alerts"}
    } | {"accounts", "registry", "policies", "checks", "promotions", "audit"}
    assert found == SERVICES.keys()


def prepared(kit: Kit) -> Workspace:
    kit.register()
    kit.workspace.accounts.create_account(kit.session("root"), "gone", "Gone", PASSWORD, ["viewer"])
    return kit.workspace


def is_denied(call: Call, workspace: Workspace, session: Any) -> bool:
    """Whether it was refused for want of a right; other refusals come after that question."""
    try:
        call(workspace, session)
    except NotAllowed:
        return True
    except WorkstationError:
        return False
    return False


def test_b01_each_role_may_do_what_the_table_says(kit: Kit) -> None:
    workspace = prepared(kit)
    assert {name: PEOPLE[name] for name in WHO} == WHO
    # An admin who is nothing else: the first account has all roles.
    workspace.accounts.create_account(kit.session("root"), "boss", "Boss", PASSWORD, ["admin"])
    for who, roles in {**WHO, "boss": {Role.ADMIN}}.items():
        session = kit.session(who)
        for method, (action, call) in NEEDS.items():
            before = len(workspace.audit.events(event="ActionDenied", actor=who, limit=1000))
            allowed = bool(roles & PERMISSIONS[action])
            assert is_denied(call, workspace, session) is not allowed, f"{who}: {method}"
            after = len(workspace.audit.events(event="ActionDenied", actor=who, limit=1000))
            assert after == before + (not allowed), f"{who}: a denial of {method} is audited once"
            if method == "policies.set_policy" and allowed:  # leave things as they were
                workspace.policies.set_policy(session, replace(workspace.policies.policy("staging"), reviewers=0))


@pytest.mark.parametrize("method", NEEDS)
def test_b01_nobody_and_who_signed_out_may_do_nothing(kit: Kit, method: str) -> None:
    workspace = kit.workspace
    call = NEEDS[method][1]
    for stranger in (None, Session("root", "0" * 64)):
        assert is_denied(call, workspace, stranger)
    assert len(workspace.audit.events(event="ActionDenied", actor="nobody")) == 2


def test_b01_a_disabled_account_may_do_nothing(kit: Kit) -> None:
    workspace = prepared(kit)
    admin = kit.session("root")
    workspace.accounts.set_roles(admin, "ada", list(Role))
    session = kit.session("ada")
    # Disabled by another process: this one still has the session.
    with workspace._parts.database.write() as tx:
        tx.db.execute("UPDATE accounts SET disabled = 1 WHERE name = 'ada'")
    for method, (_, call) in NEEDS.items():
        assert is_denied(call, workspace, session), method
    assert len(workspace.audit.events(event="ActionDenied", actor="ada", limit=1000)) == len(NEEDS)
