"""The content-addressed store: nothing half written, nothing lost to the collector, nothing damaged handed out."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import threading
import time
from pathlib import Path

import pytest

from mlops_desktop.artifacts.store import ArtifactStore
from mlops_desktop.domain.errors import InvalidArtifact, InvalidInput, NotFound, StorageError


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def temporary_files(root: Path) -> list[Path]:
    return list((root / "tmp").iterdir())


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_add_stores_under_the_digest_with_private_modes(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "m.bin"
    source.write_bytes(b"model" * 1000)
    stored = store.add(source)
    assert stored.digest == hashlib.sha256(b"model" * 1000).hexdigest()
    assert stored.size == 5000
    path = store.path(stored.digest)
    assert path.read_bytes() == source.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "artifacts").stat().st_mode & 0o777 == 0o700
    assert temporary_files(tmp_path / "artifacts") == []
    assert store.verify(stored.digest)
    assert store.digests() == [stored.digest]


def test_the_same_content_is_stored_once(store: ArtifactStore) -> None:
    assert store.add_bytes(b"a") == store.add_bytes(b"a")
    assert len(store.digests()) == 1


def test_links_folders_pipes_and_devices_are_refused(store: ArtifactStore, tmp_path: Path) -> None:
    file = tmp_path / "real"
    file.write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(file)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (link, tmp_path, pipe, Path("/dev/zero"), tmp_path / "absent"):
        with pytest.raises(InvalidArtifact):
            store.add(path)
    assert not (tmp_path / "artifacts").exists() or store.digests() == []


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_digests_become_paths(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(InvalidInput):
        store.path(digest)


def test_a13_damage_is_found(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.add_bytes(b"content" * 100).digest
    path, target = store.path(digest), tmp_path / "out" / "model.bin"
    store.copy_to(digest, target)
    assert target.read_bytes() == b"content" * 100

    def refused(error: type[Exception]) -> None:
        target.unlink(missing_ok=True)
        assert not store.verify(digest)
        with pytest.raises(error):
            store.copy_to(digest, target)
        assert list(target.parent.iterdir()) == []

    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    refused(InvalidArtifact)
    path.write_bytes(b"content")
    refused(InvalidArtifact)
    path.unlink()
    refused(NotFound)
    outside = tmp_path / "outside"
    outside.write_bytes(b"content" * 100)
    path.symlink_to(outside)
    refused(InvalidArtifact)
    path.unlink()
    path.mkdir()
    refused(InvalidArtifact)


def test_a13_adding_the_content_again_heals_a_damaged_blob(store: ArtifactStore) -> None:
    digest = store.add_bytes(b"content").digest
    store.path(digest).write_bytes(b"damaged")
    assert not store.verify(digest)
    store.add_bytes(b"content")
    assert store.verify(digest)


def test_garbage_is_collected_after_the_grace_period_only(store: ArtifactStore, tmp_path: Path) -> None:
    kept, young, old = (store.add_bytes(t).digest for t in (b"kept", b"young", b"old!!"))
    age(store.path(kept), 500)
    age(store.path(old), 500)
    left_over, fresh = tmp_path / "artifacts/tmp/left-over", tmp_path / "artifacts/tmp/fresh"
    left_over.write_bytes(b"1234")
    fresh.write_bytes(b"1")
    age(left_over, 4000)
    assert store.collect_garbage({kept}, 100) == len(b"old!!") + 4
    assert store.digests() == sorted([kept, young])
    assert temporary_files(tmp_path / "artifacts") == [fresh]


def test_a18_a_deduplicated_write_renews_the_lease(store: ArtifactStore) -> None:
    digest = store.add_bytes(b"again").digest
    age(store.path(digest), 500)
    store.add_bytes(b"again")
    assert store.collect_garbage(set(), 100) == 0
    assert store.verify(digest)


def test_a_file_time_in_the_future_is_young(store: ArtifactStore) -> None:
    age(store.path(store.add_bytes(b"x").digest), -86400)
    assert store.collect_garbage(set(), 0) == 0


def test_a18_collector_against_two_writers(tmp_path: Path) -> None:
    """A blob that was just added is never missing, although every blob is garbage and collected in a loop."""
    root = tmp_path / "artifacts"
    stop, store = threading.Event(), ArtifactStore(root)
    failures: list[str] = []

    def write(name: int) -> None:
        for n in range(150):
            content = b"blob %d %d" % (name, n % 8)
            digest = store.add_bytes(content).digest
            # Between `add` and the commit of the row the blob must stay.
            if not store.verify(digest):
                failures.append(digest)
            age(store.path(digest), 1000)  # forgotten for long: garbage until it is added again

    def collect() -> None:
        while not stop.is_set():
            store.collect_garbage(set(), 100)

    collector = threading.Thread(target=collect)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for thread in (collector, *writers):
        thread.start()
    for writer in writers:
        writer.join()
    stop.set()
    collector.join()
    assert failures == []


def test_a07_a_file_size_limit_is_one_sentence_and_leaves_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(3 << 20))
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, old[1]))
    try:
        with pytest.raises(StorageError, match="larger than this system allows"):
            store.add(source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert temporary_files(tmp_path / "artifacts") == []
    assert store.add(source).size == 3 << 20


@pytest.fixture
def small_disk(tmp_path: Path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("no right to mount a small disk; the file size limit covers the same path")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a07_disk_full(small_disk: Path, tmp_path: Path) -> None:
    store = ArtifactStore(small_disk / "artifacts")
    kept = [store.add_bytes(os.urandom(200_000)).digest for _ in range(3)]
    source = tmp_path / "big"
    source.write_bytes(os.urandom(700_000))
    for _ in range(3):
        with pytest.raises(StorageError, match="disk is full") as raised:
            store.add(source)
        assert raised.value.hint
    assert temporary_files(small_disk / "artifacts") == []
    with pytest.raises(StorageError, match="disk is full"):
        store.copy_to(store.add_bytes(os.urandom(300_000)).digest, small_disk / "copy.bin")
    assert not [p for p in small_disk.iterdir() if p.name != "artifacts"]
    for digest in kept:
        assert store.verify(digest)
        age(store.path(digest), 100)
    assert store.collect_garbage(set(), 10) == 600_000
    assert store.verify(store.add(source).digest)


def test_a08_a_failed_fsync_is_never_acknowledged(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(StorageError, match="input/output error"):
            store.add_bytes(b"precious")
    assert store.digests() == []
    assert store.verify(store.add_bytes(b"precious").digest)


def test_a09_short_writes(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data)[:7]))
    data = os.urandom(1000)
    stored = store.add_bytes(data)
    assert store.path(stored.digest).read_bytes() == data


def test_a_file_that_grows_while_it_is_read_is_refused(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "growing"
    source.write_bytes(b"x" * 100)
    real = os.write

    def write(handle: int, data: bytes) -> int:
        with source.open("ab") as out:
            out.write(b"more")
        monkeypatch.setattr(os, "write", real)
        return real(handle, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(InvalidArtifact, match="changed while"):
        store.add(source)
