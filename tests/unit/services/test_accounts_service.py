"""Signing in, roles, passwords, signatures."""

from __future__ import annotations

import threading
import time

import pytest

from mlops_desktop.domain.accounts import Action, Role
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from mlops_desktop.services import keys
from tests.unit.services.registry_kit import PASSWORD, Kit

OTHER = "five other words entirely"


def test_signing_in_and_out(kit: Kit) -> None:
    accounts = kit.workspace.accounts
    session = accounts.sign_in("ada", PASSWORD)
    assert accounts.account(session).last_seen == kit.clock.now
    accounts.verify_password(session, PASSWORD)
    accounts.sign_out(session)
    accounts.sign_out(session)
    with pytest.raises(NotAllowed, match="not signed in"):
        accounts.authorise(session, Action.VIEW)
    assert [e.event for e in kit.workspace.audit.events(subject="account ada", limit=2)] == ["SignedOut", "SignedIn"]


def test_a_session_of_another_token_is_nobody(kit: Kit) -> None:
    from mlops_desktop.domain.accounts import Session

    real = kit.session("ada")
    for forged in (Session("root", real.token), Session("ada", "0" * 64), None):
        with pytest.raises(NotAllowed, match="not signed in"):
            kit.workspace.accounts.authorise(forged, Action.VIEW)


def test_b07_wrong_name_and_wrong_password_look_the_same(kit: Kit) -> None:
    accounts = kit.workspace.accounts
    said, seconds = [], []
    for name in ("ada", "nobody-knows-me"):
        began = time.perf_counter()
        with pytest.raises(NotAllowed) as caught:
            accounts.sign_in(name, "wrong password")
        seconds.append(time.perf_counter() - began)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert max(seconds) < 3 * min(seconds)
    subjects = {e.subject for e in kit.workspace.audit.events(event="SignInFailed")}
    assert subjects == {"account ada", "account nobody"}, "what was typed as a name is not written down"


def test_b07_failures_cost_time_also_after_a_restart(kit: Kit) -> None:
    for name in ("ada", "unknown"):
        for _ in range(3):
            with pytest.raises(NotAllowed, match="wrong"):
                kit.workspace.accounts.sign_in(name, "wrong password")
        kit.reopen()
        with pytest.raises(NotAllowed, match="Wait 1 s"):
            kit.workspace.accounts.sign_in(name, PASSWORD)
        kit.clock.forward(seconds=1.1)
        with pytest.raises(NotAllowed, match="wrong"):
            kit.workspace.accounts.sign_in(name, "wrong password")
        kit.clock.forward(seconds=1.1)
        with pytest.raises(NotAllowed, match="Wait 1 s"):
            kit.workspace.accounts.sign_in(name, PASSWORD)
    kit.clock.forward(seconds=2)
    kit.workspace.accounts.sign_in("ada", PASSWORD)
    kit.workspace.accounts.sign_in("ada", PASSWORD)


def test_b07_parallel_guesses_wait_for_one_another(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = running = most = 0
    lock = threading.Lock()
    real = keys._derived

    def counted(password: str, salt: bytes) -> bytes:
        nonlocal runs, running, most
        with lock:
            runs, running = runs + 1, running + 1
            most = max(most, running)
        try:
            return real(password, salt)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(keys, "_derived", counted)
    refused: list[str] = []

    def guess(number: int) -> None:
        try:
            kit.workspace.accounts.sign_in("ada", f"wrong password {number}")
        except NotAllowed as error:
            refused.append(error.message)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 50
    assert runs == 3, "after three failures nobody guesses without waiting"
    assert most <= keys.AT_A_TIME


@pytest.mark.parametrize("password", ["", "short", "password1234", "aaaaaaaaaaaa", "zoezoe zoe", "zoe1234567"[:9]])
def test_b02_weak_passwords_are_refused(kit: Kit, password: str) -> None:
    with pytest.raises(InvalidInput):
        kit.workspace.accounts.create_account(kit.session("root"), "zoe", "Zoe", password, [Role.VIEWER])
    with pytest.raises(NotFound):
        kit.workspace.accounts.account("zoe")


def test_accounts_that_can_not_be_made(kit: Kit) -> None:
    accounts, admin = kit.workspace.accounts, kit.session("root")
    for name in ("Zoe", "../zoe", "nobody", "mlops-desktop", "z\u200boe"):
        with pytest.raises(InvalidInput):
            accounts.create_account(admin, name, "Zoe", OTHER, [])
    with pytest.raises(InvalidInput, match="Unknown role"):
        accounts.create_account(admin, "zoe", "Zoe", OTHER, ["boss"])
    with pytest.raises(InvalidInput, match="full name is empty"):
        accounts.create_account(admin, "zoe", " ", OTHER, [])
    with pytest.raises(Conflict, match="an account ada already"):
        accounts.create_account(admin, "ada", "Ada", OTHER, [])
    with pytest.raises(NotFound):
        accounts.set_roles(admin, "zoe", [])


def test_b04_a_lowered_role_counts_at_the_next_call(kit: Kit) -> None:
    session = kit.session("ada")
    kit.workspace.accounts.authorise(session, Action.REGISTER)
    kit.workspace.accounts.set_roles(kit.session("root"), "ada", ["viewer"])
    with pytest.raises(NotAllowed, match="ada may not register"):
        kit.workspace.accounts.authorise(session, Action.REGISTER)


def test_b06_the_last_admin_stays(kit: Kit) -> None:
    accounts, admin = kit.workspace.accounts, kit.session("root")
    with pytest.raises(Conflict, match="last admin"):
        accounts.set_roles(admin, "root", ["viewer"])
    with pytest.raises(Conflict, match="last admin"):
        accounts.disable(admin, "root")
    accounts.set_roles(admin, "off", ["admin"])  # a disabled admin is none
    with pytest.raises(Conflict, match="last admin"):
        accounts.disable(admin, "root")
    accounts.enable(admin, "off")
    accounts.disable(admin, "root")
    with pytest.raises(NotAllowed, match="not signed in"):
        accounts.authorise(admin, Action.VIEW)
    with pytest.raises(NotAllowed, match="disabled"):
        accounts.sign_in("root", PASSWORD)
    assert kit.workspace.audit.problems() == []


def test_b09_a_changed_password_keeps_the_key_and_ends_other_sessions(kit: Kit) -> None:
    accounts = kit.workspace.accounts
    session, second = kit.session("ada"), accounts.sign_in("ada", PASSWORD)
    signed = accounts.sign(session, PASSWORD, b"hello")
    with pytest.raises(NotAllowed, match="wrong"):
        accounts.change_password(session, "not my password", OTHER)
    with pytest.raises(InvalidInput):
        accounts.change_password(session, PASSWORD, "short")
    accounts.change_password(session, PASSWORD, OTHER)
    accounts.authorise(session, Action.VIEW)
    with pytest.raises(NotAllowed):
        accounts.authorise(second, Action.VIEW)
    assert accounts.verify("ada", b"hello", signed)
    with pytest.raises(NotAllowed):
        accounts.sign_in("ada", PASSWORD)
    accounts.sign_in("ada", OTHER)


def test_b09_a_reset_gives_a_new_key(kit: Kit) -> None:
    accounts = kit.workspace.accounts
    session = kit.session("ada")
    signed = accounts.sign(session, PASSWORD, b"hello")
    with pytest.raises(NotAllowed, match="eng may not manage"):
        accounts.reset_password(kit.session("eng"), "ada", OTHER)
    accounts.reset_password(kit.session("root"), "ada", OTHER)
    with pytest.raises(NotAllowed, match="not signed in"):
        accounts.authorise(session, Action.VIEW)
    assert not accounts.verify("ada", b"hello", signed)
    accounts.sign_in("ada", OTHER)
    assert kit.workspace.audit.problems() == []


def test_signatures_hold_for_one_account_and_one_text(kit: Kit) -> None:
    accounts = kit.workspace.accounts
    signed = accounts.sign(kit.session("ada"), PASSWORD, b"hello")
    assert accounts.verify("ada", b"hello", signed)
    for account, payload, signature in (
        ("eng", b"hello", signed),
        ("ada", b"hullo", signed),
        ("ada", b"hello", signed[:-2]),
        ("ada", b"hello", "no hex"),
        ("unknown", b"hello", signed),
    ):
        assert not accounts.verify(account, payload, signature)
    with pytest.raises(NotAllowed, match="wrong"):
        accounts.sign(kit.session("ada"), "wrong password", b"hello")


def test_a_sealed_key_opens_nowhere_else(kit: Kit) -> None:
    """Copying eng's sealed key over ada's row does not make eng's password ada's."""
    salt, sealed, public = (
        kit.workspace._parts.database.read()
        .execute("SELECT salt, sealed_key, public_key FROM accounts WHERE name = 'eng'")
        .fetchone()
    )
    kit.sql("UPDATE accounts SET salt = ?, sealed_key = ?, public_key = ? WHERE name = 'ada'", salt, sealed, public)
    with pytest.raises(NotAllowed, match="wrong"):
        kit.workspace.accounts.sign_in("ada", PASSWORD)
    assert kit.workspace.audit.problems() == ["the key of account ada was exchanged"]
