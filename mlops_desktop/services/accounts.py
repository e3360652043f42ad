"""Who works here: signing in, what an account may do, and signatures in its name.

Roles are read from the database at every call, so that a lowered role counts at once. Every refusal is audited.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlops_desktop.domain.accounts import Account, Action, Role, Session, check_password, parse_roles, require
from mlops_desktop.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from mlops_desktop.domain.events import (
    AccountChanged,
    AccountCreated,
    AccountKeyReplaced,
    AccountRolesChanged,
    ActionDenied,
    SignedIn,
    SignedOut,
    SignInFailed,
)
from mlops_desktop.domain.names import check_name, check_text
from mlops_desktop.store import accounts as store

if TYPE_CHECKING:
    from mlops_desktop.services.parts import Parts
    from mlops_desktop.store.accounts import Keys
    from mlops_desktop.store.database import Transaction
    from mlops_desktop.store.sql import Sql

FREE_ATTEMPTS = 3  # wrong passwords in a row before one has to wait
LONGEST_WAIT = 300.0  # seconds
FORGET_AFTER = 86_400.0  # seconds after which a row of failures is forgotten
NOBODY = "nobody"  # the actor when it is not known who asks
_WRONG = "Name or password is wrong."


class AccountsService:
    """Sessions live in this object, with the process; accounts in the database."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._sessions: dict[str, str] = {}  # token -> account
        self._attempts = threading.Lock()

    # Signing in

    def sign_in(self, name: str, password: str) -> Session:
        """Prove who one is. NotAllowed says the same, after the same time, for a wrong password and an unknown name."""
        self._prove(name, password)
        account = self.account(name)
        if account.disabled:
            self.note_refusal(name, "sign in while disabled")
            raise NotAllowed(f"The account {name} is disabled.", "Ask an admin to enable it.")
        session = Session(name, secrets.token_hex(32))
        with self._parts.database.write() as tx:
            store.set_last_seen(tx, name)
            tx.record(SignedIn(name), name)
        with self._lock:
            self._sessions[session.token] = name
        return session

    def sign_out(self, session: Session) -> None:
        """End the session; one that has ended already is no error."""
        with self._lock:
            known = self._sessions.pop(session.token, None)
        if known is not None:
            with self._parts.database.write() as tx:
                tx.record(SignedOut(known), known)

    def verify_password(self, session: Session, password: str) -> None:
        """NotAllowed unless it is the password of the signed-in account; for unlocking the window."""
        self._prove(self._signed_in(session).name, password)

    def authorise(self, session: Session | None, action: Action) -> Account:
        """The account behind the session, if it may do this now; NotAllowed, audited, otherwise.

        Not to be called inside a write: the audit row of a refusal would be undone with it.
        """
        try:
            return self.authorised(self._parts.database.read(), session, action)
        except NotAllowed:
            self.note_refusal(self._name_of(session) or NOBODY, action.value)
            raise

    def authorised(self, db: Sql, session: Session | None, action: Action) -> Account:
        """As `authorise`, but on an open transaction's view of the roles and without the audit row."""
        name = self._name_of(session)
        account = store.account_of(db, name) if name else None
        if account is None:
            raise NotAllowed("You are not signed in.", "Sign in, then try again.")
        require(account, action)
        return account

    def note_refusal(self, name: str, action: str) -> None:
        """Write down that somebody was refused; `action` completes “may not …”."""
        with self._parts.database.write() as tx:
            tx.record(ActionDenied(name, action), name)

    # Accounts

    def account(self, who: Session | str) -> Account:
        """One account by name, or the one that is signed in."""
        if isinstance(who, Session):
            return self._signed_in(who)
        account = store.account_of(self._parts.database.read(), who)
        if account is None:
            raise NotFound(f"There is no account {who[:80]!r}.", "An admin can create it.")
        return account

    def accounts(self, session: Session) -> list[Account]:
        """All accounts by name."""
        self.authorise(session, Action.VIEW)
        return store.accounts_of(self._parts.database.read())

    def create_first_admin(self, name: str, full_name: str, password: str) -> None:
        """The account that a new workspace begins with; Conflict when there is one already."""
        roles = frozenset({Role.ADMIN, Role.DATA_SCIENTIST, Role.ML_ENGINEER, Role.REVIEWER})
        keys = self._checked_keys(name, full_name, password)
        with self._parts.database.write() as tx:
            if store.accounts_of(tx.db):
                raise Conflict("This workspace has accounts already.", "Sign in with one of them.")
            self._insert(tx, name, full_name, roles, keys, name)

    def create_account(
        self, session: Session, name: str, full_name: str, password: str, roles: Iterable[str]
    ) -> Account:
        """A new account with a first password, which its owner should change."""
        admin = self.authorise(session, Action.MANAGE_ACCOUNTS)
        granted = parse_roles(roles)
        keys = self._checked_keys(name, full_name, password)
        with self._parts.database.write() as tx:
            if store.account_of(tx.db, name) is not None:
                raise Conflict(f"There is an account {name} already.", "Choose another name.")
            self._insert(tx, name, full_name, granted, keys, admin.name)
        return self.account(name)

    def set_roles(self, session: Session, name: str, roles: Iterable[str]) -> Account:
        """Give the account exactly these roles. The last admin stays one."""
        admin = self.authorise(session, Action.MANAGE_ACCOUNTS)
        granted = parse_roles(roles)
        with self._parts.database.write() as tx:
            self._known(tx.db, name)
            store.set_roles(tx, name, granted)
            self._require_admin(tx.db)
            tx.record(AccountRolesChanged(name, tuple(sorted(granted))), admin.name)
        return self.account(name)

    def disable(self, session: Session, name: str) -> Account:
        """Keep the account from signing in and end its sessions; what it did stays. The last admin stays enabled."""
        admin = self.authorise(session, Action.MANAGE_ACCOUNTS)
        with self._parts.database.write() as tx:
            self._known(tx.db, name)
            store.set_disabled(tx, name, True)
            self._require_admin(tx.db)
            tx.record(AccountChanged(name, "disabled"), admin.name)
        self._end_sessions(name)
        return self.account(name)

    def enable(self, session: Session, name: str) -> Account:
        admin = self.authorise(session, Action.MANAGE_ACCOUNTS)
        with self._parts.database.write() as tx:
            self._known(tx.db, name)
            store.set_disabled(tx, name, False)
            tx.record(AccountChanged(name, "enabled"), admin.name)
        return self.account(name)

    def change_password(self, session: Session, old: str, new: str) -> None:
        """Seal one's own key under a new password; earlier approvals stay valid, other sessions end."""
        from mlops_desktop.services import keys

        account = self._signed_in(session)
        check_password(new, account.name)
        self._prove(account.name, old)
        current = self._keys(account.name)
        sealed = keys.sealed_again(current, old, new, self._binding(account.name))
        with self._parts.database.write() as tx:
            if store.keys_of(tx.db, account.name) != current:
                raise Conflict("Your password was changed meanwhile.", "Sign in again with the new one.")
            store.set_keys(tx, account.name, sealed)
            tx.record(AccountChanged(account.name, "password changed"), account.name)
        self._end_sessions(account.name, but=session.token)

    def reset_password(self, session: Session, name: str, new: str) -> None:
        """Give an account a new password and a new key: approvals that it signed and that wait no longer count."""
        from mlops_desktop.services import keys

        admin = self.authorise(session, Action.MANAGE_ACCOUNTS)
        self._known(self._parts.database.read(), name)
        check_password(new, name)
        made = keys.new_keys(new, self._binding(name))
        with self._parts.database.write() as tx:
            self._known(tx.db, name)
            store.set_keys(tx, name, made)
            store.clear_failures(tx, self._who(name))
            tx.record(AccountKeyReplaced(name, made.public.hex()), admin.name)
        self._end_sessions(name)

    # Signatures

    def sign(self, session: Session, password: str, payload: bytes) -> str:
        """The signature (hex) of the signed-in account over `payload`; NotAllowed when the password is wrong."""
        from mlops_desktop.services import keys

        name = self._signed_in(session).name
        self._prove(name, password)
        return keys.signature(self._keys(name), password, self._binding(name), payload).hex()

    def verify(self, account: str, payload: bytes, signature: str) -> bool:
        """Whether `account` signed `payload` with its present key."""
        from mlops_desktop.services import keys

        found = store.keys_of(self._parts.database.read(), account)
        try:
            signed = bytes.fromhex(signature)
        except ValueError:
            return False
        return found is not None and keys.verifies(found.public, payload, signed)

    # Steps

    def _prove(self, name: str, password: str) -> None:
        from mlops_desktop.services import keys

        database, who = self._parts.database, self._who(name)
        self._require_patience(who)
        # One proof at a time, with the delay looked up again: guesses made in parallel wait for one another's failure.
        with self._attempts:
            self._require_patience(who)
            found = store.keys_of(database.read(), name)
            try:
                keys.prove(found or keys.decoy(), password, self._binding(name))
            except keys.WrongPassword:
                proved = False
            else:
                proved = found is not None
            if not proved:
                with database.write() as tx:
                    store.add_failure(tx, who, tx.now - FORGET_AFTER)
                    # An unknown name may be a password that was typed into the wrong field: it is not written down.
                    shown = name if found is not None else NOBODY
                    tx.record(SignInFailed(shown), NOBODY)
        if not proved:
            raise NotAllowed(_WRONG, "Try again; after some failures you have to wait a little.")
        if store.failures_of(database.read(), who).count:
            with database.write() as tx:
                store.clear_failures(tx, who)

    def _require_patience(self, who: str) -> None:
        failures = store.failures_of(self._parts.database.read(), who)
        if failures.count < FREE_ATTEMPTS:
            return
        wait = min(2.0 ** (failures.count - FREE_ATTEMPTS), LONGEST_WAIT)
        # A clock that was set back would make one wait for years: what lies in the future counts as now.
        passed = self._parts.clock().timestamp() - failures.last
        left = wait - passed if passed >= 0 else 0.0
        if left > 0:
            seconds = max(1, round(left))
            raise NotAllowed("Too many wrong passwords in a row.", f"Wait {seconds} s, then try again.")

    def _who(self, name: str) -> str:
        key = self._parts.workspace_id.encode()
        return hmac.new(key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _binding(self, name: str) -> bytes:
        return f"mlops-desktop key v1\0{self._parts.workspace_id}\0{name}".encode("utf-8", "surrogatepass")

    def _keys(self, name: str) -> Keys:
        found = store.keys_of(self._parts.database.read(), name)
        if found is None:
            raise NotAllowed(_WRONG)
        return found

    def _checked_keys(self, name: str, full_name: str, password: str) -> Keys:
        from mlops_desktop.services import keys

        check_name(name, "account")
        if name in {NOBODY, "mlops-desktop"}:
            raise InvalidInput(f"{name} is the name of what no person did.", "Choose another name.")
        if not check_text(full_name, "full name", 200).strip():
            raise InvalidInput("The full name is empty.", "Give the name as colleagues should see it.")
        check_password(password, name)
        return keys.new_keys(password, self._binding(name))

    def _insert(self, tx: Transaction, name: str, full_name: str, roles: frozenset[Role], keys: Keys, by: str) -> None:
        store.insert_account(tx, name, check_text(full_name, "full name", 200), roles, keys)
        tx.record(AccountCreated(name, tuple(sorted(roles)), keys.public.hex()), by)

    def _known(self, db: Sql, name: str) -> Account:
        account = store.account_of(db, name)
        if account is None:
            raise NotFound(f"There is no account {name[:80]!r}.", "The team screen lists them.")
        return account

    def _require_admin(self, db: Sql) -> None:
        if not any(account.may(Action.MANAGE_ACCOUNTS) for account in store.accounts_of(db)):
            raise Conflict("The last admin can't be lowered or disabled.", "Make somebody else an admin first.")

    def _name_of(self, session: Session | None) -> str | None:
        if session is None:
            return None
        with self._lock:
            name = self._sessions.get(session.token)
        return name if name == session.account else None

    def _signed_in(self, session: Session) -> Account:
        name = self._name_of(session)
        account = store.account_of(self._parts.database.read(), name) if name else None
        if account is None or account.disabled:
            raise NotAllowed("You are not signed in.", "Sign in, then try again.")
        return account

    def _end_sessions(self, name: str, but: str = "") -> None:
        with self._lock:
            self._sessions = {t: n for t, n in self._sessions.items() if n != name or t == but}
