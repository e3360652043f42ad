"""The audit trail for people: filter, verify, export."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_desktop.domain.audit import AuditEvent, ChainState, verify_chain
from mlops_desktop.domain.errors import StorageError
from mlops_desktop.domain.registry import canonical_json
from mlops_desktop.services.logged import EVENTS, Logged
from mlops_desktop.store import accounts as account_store
from mlops_desktop.store import audit as store
from mlops_desktop.store import deployments as deployment_store
from mlops_desktop.store import policies as policy_store
from mlops_desktop.store import promotions as promotion_store
from mlops_desktop.store import versions as version_store
from mlops_desktop.store.rows import one_moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_desktop.services.parts import Parts
    from mlops_desktop.store.sql import Sql


class AuditService:
    """Everybody who can open the workspace may read it; nobody can write to it but by doing something."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def events(
        self,
        *,
        subject: str | None = None,
        actor: str | None = None,
        event: str | None = None,
        search: str = "",
        before: int | None = None,
        limit: int = 200,
    ) -> list[AuditEvent]:
        """Newest first; `before` is the last sequence of the page before, `search` looks for beginnings of words."""
        wanted = store.AuditFilter(subject or "", actor or "", event or "", search, before)
        return store.events_of(self._parts.database.read(), wanted, max(1, limit))

    def verify(self) -> ChainState:
        """Walk the whole chain, then hold the tables against what it says. `problem` names the link or the row.

        It sees the state of one moment, whatever is written meanwhile.
        """
        with one_moment(self._parts.database.read()) as db:
            state = verify_chain(store.entries_of(db))
            if not state.intact:
                return state
            if (sequence := store.first_disagreeing(db)) is not None:
                problem = f"the columns of entry {sequence} differ from its body"
                return ChainState(False, state.entries, state.head, sequence, problem)
            problem = next(_row_problems(db), "")
        return ChainState(not problem, state.entries, state.head, None, problem)

    def problems(self) -> list[str]:
        """Every row that differs from what the trail says, and what SQLite itself finds; empty when all is well."""
        with one_moment(self._parts.database.read()) as db:
            found = list(_row_problems(db))
        return self._parts.database.integrity_problems() + found

    def export(self, path: Path) -> int:
        """Write all events, oldest first, one JSON object a line; returns their number. The file appears whole."""
        number, temporary = 0, None
        try:
            handle, name = tempfile.mkstemp(prefix=".partial-", dir=path.absolute().parent)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as stream, one_moment(self._parts.database.read()) as db:
                for entry in store.entries_of(db):
                    stream.write(b'{"sequence":%d,' % entry.sequence)
                    stream.write(b'"hash":%s,' % canonical_json(entry.hash.hex()))
                    stream.write(b'"previous":%s,"body":%s}\n' % (canonical_json(entry.previous.hex()), entry.body))
                    number = entry.sequence
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            temporary = None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StorageError(f"The trail could not be written: {reason}.", "Choose another file.") from None
        finally:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    temporary.unlink()
        return number


def _row_problems(db: Sql) -> Iterator[str]:
    """One sentence for each row that the trail does not agree with."""
    try:
        yield from (problem for problem in _compared(db) if problem)
    except StorageError as error:
        yield error.message


def _compared(db: Sql) -> Iterator[str]:
    logged = Logged.from_events(store.all_events(db, *EVENTS))
    labels: set[str] = set()
    for row in version_store.all_digests(db):
        labels.add(row.label)
        yield logged.of_digests(row)
    yield from (f"version {label} is missing" for label in logged.versions if label not in labels)
    promotions = promotion_store.promotions_of(db)
    yield from (logged.of_promotion(promotion) for promotion in promotions)
    requests = {promotion.id for promotion in promotions}
    yield from (f"request {identifier} is missing" for identifier in logged.promotions if identifier not in requests)
    deployments = deployment_store.deployments_of(db)
    yield from (logged.of_deployment(deployment) for deployment in deployments)
    running = {deployment.id for deployment in deployments}
    yield from (f"deployment {name} is missing" for name in logged.deployments if name not in running)
    accounts = account_store.accounts_of(db)
    for account in accounts:
        keys = account_store.keys_of(db, account.name)
        yield logged.of_account(account.name, account.roles, keys.public if keys else b"")
    names = {account.name for account in accounts}
    yield from (f"account {name} is missing" for name in logged.accounts if name not in names)
    for environment, number in logged.policies.items():
        policy = policy_store.policy_of(db, environment)
        if policy is None or policy.version != number:
            yield f"the policy of {environment} was altered"
