"""The schema's steps, in order; each runs in one IMMEDIATE transaction together with its `user_version`.

Times of records are REAL epoch seconds in UTC; JSON is canonical text; digests are hex.
"""

from __future__ import annotations

from dataclasses import dataclass

APPLICATION_ID = 0x4D4C4F44  # "MLOD"

_FIRST_SCHEMA = """
CREATE TABLE workspace (
    id TEXT PRIMARY KEY,                       -- random, part of everything that is signed
    name TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;

CREATE TABLE accounts (
    name TEXT PRIMARY KEY,
    full_name TEXT NOT NULL,
    roles TEXT NOT NULL,                       -- JSON array
    salt BLOB NOT NULL,                        -- of argon2id
    sealed_key BLOB NOT NULL,                  -- nonce and Ed25519 private key under AES-GCM(argon2id(password))
    public_key BLOB NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    last_seen REAL
) STRICT;

CREATE TABLE sign_in_failures (
    who TEXT PRIMARY KEY,                      -- hash of the name that was tried, whether or not it exists
    failures INTEGER NOT NULL,                 -- in a row
    failed_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    owner TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '{}',
    key_metric TEXT NOT NULL DEFAULT '',
    last_number INTEGER NOT NULL DEFAULT 0,    -- numbers are never given twice
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
) STRICT;

CREATE TABLE versions (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES models(id),
    number INTEGER NOT NULL,
    format TEXT NOT NULL,
    digest TEXT NOT NULL,
    signature TEXT NOT NULL,
    metrics TEXT NOT NULL DEFAULT '{}',
    params TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '{}',
    description TEXT NOT NULL DEFAULT '',
    lineage TEXT NOT NULL DEFAULT '{}',
    inspection TEXT NOT NULL,
    conversion TEXT,
    registered_by TEXT NOT NULL,
    created_at REAL NOT NULL,
    damaged INTEGER NOT NULL DEFAULT 0,
    idempotency_key TEXT UNIQUE,
    UNIQUE (model_id, number)
) STRICT;

CREATE TABLE version_files (
    version_id INTEGER NOT NULL REFERENCES versions(id),
    position INTEGER NOT NULL,                 -- the first model file is the one that is loaded
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_files_digest ON version_files (digest);

CREATE TABLE version_metrics (                  -- versions.metrics once more, so that lists can be sorted by one
    version_id INTEGER NOT NULL REFERENCES versions(id),
    name TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (version_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_metrics_best ON version_metrics (name, value DESC, version_id DESC);

CREATE VIRTUAL TABLE versions_text USING fts5 (
    label, description, tags, params, registered_by, tokenize = "unicode61 remove_diacritics 2", prefix = "2 3"
);                                             -- rowid is versions.id

CREATE TABLE policies (
    environment TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at REAL NOT NULL,
    PRIMARY KEY (environment, version)
) STRICT;

CREATE TABLE check_runs (
    id INTEGER PRIMARY KEY,
    version_id INTEGER NOT NULL REFERENCES versions(id),
    environment TEXT NOT NULL,
    version_digest TEXT NOT NULL,
    results TEXT NOT NULL,
    started_at REAL NOT NULL,
    seconds REAL NOT NULL,
    run_by TEXT NOT NULL
) STRICT;
CREATE INDEX check_runs_of ON check_runs (version_id, environment, id DESC);

CREATE TABLE promotions (
    id INTEGER PRIMARY KEY,
    version_id INTEGER NOT NULL REFERENCES versions(id),
    environment TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    pinned TEXT NOT NULL,
    state TEXT NOT NULL,
    check_run INTEGER REFERENCES check_runs(id),
    created_at REAL NOT NULL,
    decided_at REAL
) STRICT;
CREATE UNIQUE INDEX promotions_one_open ON promotions (version_id, environment) WHERE state IN ('pending', 'approved');

CREATE TABLE reviews (
    promotion INTEGER NOT NULL REFERENCES promotions(id),
    reviewer TEXT NOT NULL,
    decision TEXT NOT NULL,
    comment TEXT NOT NULL,
    signed_at REAL NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (promotion, reviewer)
) STRICT;

CREATE TABLE deployments (
    id TEXT PRIMARY KEY,
    version_id INTEGER NOT NULL REFERENCES versions(id),
    environment TEXT NOT NULL,
    engine TEXT NOT NULL,
    state TEXT NOT NULL,
    weight INTEGER NOT NULL DEFAULT 0,
    limits TEXT NOT NULL,
    image TEXT NOT NULL DEFAULT '',
    image_digest TEXT NOT NULL DEFAULT '',
    handle TEXT NOT NULL DEFAULT '',
    promotion INTEGER REFERENCES promotions(id),
    created_by TEXT NOT NULL,
    created_at REAL NOT NULL,
    ready_at REAL,
    stopped_at REAL,
    message TEXT NOT NULL DEFAULT '',
    seconds TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX deployments_live ON deployments (state);

CREATE TABLE releases (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    deployment TEXT REFERENCES deployments(id),
    version INTEGER,
    previous TEXT,
    previous_version INTEGER,
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL,
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX releases_of ON releases (model, environment, id DESC);

CREATE TABLE chunks (
    deployment TEXT NOT NULL REFERENCES deployments(id),
    boot TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    start REAL NOT NULL,
    end REAL NOT NULL,
    requests INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    body BLOB NOT NULL,                        -- zlib of JSON, see serving/chunks.py
    PRIMARY KEY (deployment, boot, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_time ON chunks (deployment, end);

CREATE TABLE usage (
    deployment TEXT NOT NULL REFERENCES deployments(id),
    at REAL NOT NULL,
    cpu_percent REAL,                          -- NULL: the engine did not say
    memory_bytes INTEGER,
    answered INTEGER NOT NULL DEFAULT 1,       -- 0: it runs, but did not answer the collector: a gap, not "no traffic"
    PRIMARY KEY (deployment, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE predictions (
    id TEXT NOT NULL,                          -- REQUEST:ROW
    deployment TEXT NOT NULL,
    at REAL NOT NULL,
    score REAL,
    outcome TEXT NOT NULL DEFAULT '',
    label TEXT,
    labelled_at REAL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX predictions_time ON predictions (deployment, at);
CREATE INDEX predictions_labelled ON predictions (deployment, at) WHERE label IS NOT NULL;

CREATE TABLE verdicts (
    deployment TEXT NOT NULL REFERENCES deployments(id),
    start REAL NOT NULL,
    end REAL NOT NULL,
    feature TEXT NOT NULL,
    breached INTEGER,                          -- NULL: too few rows to know
    state TEXT NOT NULL,
    body TEXT NOT NULL,                        -- JSON of FeatureDrift without the bins
    PRIMARY KEY (deployment, start, feature)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert_rules (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    environment TEXT NOT NULL,
    figure TEXT NOT NULL,
    comparator TEXT NOT NULL,
    threshold REAL NOT NULL,
    for_seconds REAL NOT NULL,
    severity TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    rule INTEGER NOT NULL REFERENCES alert_rules(id),
    model TEXT NOT NULL,
    environment TEXT NOT NULL,
    version INTEGER,
    deployment TEXT,
    figure TEXT NOT NULL,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    sentence TEXT NOT NULL,
    value REAL NOT NULL,
    opened_at REAL NOT NULL,
    acknowledged_by TEXT NOT NULL DEFAULT '',
    comment TEXT NOT NULL DEFAULT '',
    resolved_at REAL
) STRICT;
CREATE UNIQUE INDEX alerts_one_open ON alerts (rule, deployment) WHERE state IN ('firing', 'acknowledged');

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL,                        -- canonical JSON, the bytes that were hashed
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, sequence);
CREATE INDEX audit_actor ON audit (actor, sequence);
CREATE INDEX audit_event ON audit (event, sequence);
CREATE VIRTUAL TABLE audit_text USING fts5 (
    text, content = '', tokenize = "unicode61 remove_diacritics 2", prefix = "2 3"
);                                             -- rowid is audit.sequence
CREATE TRIGGER audit_keeps_its_rows BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END;
CREATE TRIGGER audit_keeps_its_content BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END;
"""


_SNOOZE_AND_CONDITIONS = """
ALTER TABLE alerts ADD COLUMN snoozed_until REAL;
ALTER TABLE alerts ADD COLUMN snoozed_by TEXT NOT NULL DEFAULT '';

CREATE TABLE conditions (                       -- what each rule last said of each deployment
    rule INTEGER NOT NULL REFERENCES alert_rules(id),
    deployment TEXT NOT NULL REFERENCES deployments(id),
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    value REAL,                                -- NULL: not known
    since REAL NOT NULL,
    at REAL NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (rule, deployment)
) STRICT, WITHOUT ROWID;

CREATE TABLE collector (                        -- one row: when rules were last evaluated, by whoever collects
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: a descriptive name and whole SQL."""

    name: str
    script: str


MIGRATIONS: tuple[Migration, ...] = (
    Migration("m001_first_schema", _FIRST_SCHEMA),
    Migration("m002_alerts_may_be_snoozed_and_conditions_are_kept", _SNOOZE_AND_CONDITIONS),
)
CURRENT = len(MIGRATIONS)
