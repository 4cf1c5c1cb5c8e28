"""`Objects`: the cold tier's files, in a local folder or an S3 bucket, through one library (obstore).

obstore, because it has what a tier needs and one interface for both: conditional put (two nodes cannot take one
folder), multipart uploads, retries with backoff and checksums that the store verifies. Why not another one is in
docs/adr/0007-tiers.md.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from heimdall.errors import EngineUnavailable, Misconfigured
from heimdall.storage.schedule import nearest

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

SCHEMES = ("file", "s3")

OWNER = "heimdall-owner"
"""Object that names the catalogue these files belong to."""

PART_BYTES = 8 * 1024 * 1024
"""Bytes of one part of an upload, and from which size on it is one of parts. Memory: `PARTS_AT_ONCE` of them."""

PARTS_AT_ONCE = 4

RETRIES = 8
"""Tries after the first of a request that failed for no fault of its own (5xx, a lost connection, a time-out)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """How to reach a bucket. Empty keys: what the environment or the machine's role gives."""

    bucket: str
    prefix: str
    endpoint: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = ""

    @property
    def base_url(self) -> str:
        """URL of the bucket, without a slash at its end."""
        if self.endpoint:
            return f"{self.endpoint.rstrip('/')}/{self.bucket}"
        return f"https://{self.bucket}.s3.{self.region}.amazonaws.com"


class Objects:
    """Files by key. Safe from several threads."""

    def __init__(self, store: LocalStore | S3Store, *, folder: Path | None, s3: S3Access | None) -> None:
        self._store = store
        self.folder = folder
        self.s3 = s3

    @classmethod
    def open(cls, url: str, *, default_folder: Path, endpoint: str, region: str, key: str, secret: str) -> Objects:
        """`file://` (= `default_folder`), `file:///dir` or `s3://bucket/prefix`.

        Raises:
            Misconfigured: another scheme, no bucket, or a folder that cannot be made.
        """
        parts = urlsplit(url)
        if parts.scheme == "file":
            if parts.netloc:
                raise Misconfigured(f"setting storage.cold_url {url}: write file:///absolute/folder")
            return cls._local(Path(unquote(parts.path)) if parts.path else default_folder)
        if parts.scheme == "s3":
            if not parts.netloc:
                raise Misconfigured(f"setting storage.cold_url {url}: write s3://bucket/prefix")
            return cls._bucket(
                S3Access(
                    bucket=parts.netloc, prefix=unquote(parts.path).strip("/"), endpoint=endpoint, region=region,
                    access_key_id=key, secret_access_key=secret,
                )
            )  # fmt: skip
        raise Misconfigured(
            f"setting storage.cold_url {url}: no store is called {parts.scheme!r}{nearest(parts.scheme, SCHEMES)}"
            f"; there are: {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
        )

    @classmethod
    def _local(cls, folder: Path) -> Objects:
        from obstore.store import LocalStore

        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls(LocalStore(folder.resolve()), folder=folder.resolve(), s3=None)
        except OSError as exc:
            raise Misconfigured(f"setting storage.cold_url: cannot write to {folder}: {exc.strerror}") from exc

    @classmethod
    def _bucket(cls, access: S3Access) -> Objects:
        from obstore.store import S3Store

        config: dict[str, str] = {"region": access.region, "checksum_algorithm": "SHA256"}
        if access.endpoint:
            config |= {"endpoint": access.endpoint, "virtual_hosted_style_request": "false"}
        if access.access_key_id:
            config |= {"access_key_id": access.access_key_id, "secret_access_key": access.secret_access_key}
        store = S3Store(
            access.bucket,
            prefix=access.prefix or None,
            config=config,  # type: ignore[arg-type]
            client_options={"allow_http": access.endpoint.startswith("http://"), "timeout": timedelta(seconds=60)},
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(minutes=2)},
        )
        return cls(store, folder=None, s3=access)

    def claim(self, owner: str) -> None:
        """Take the store for one catalogue; the first one keeps it.

        Raises:
            Misconfigured: it belongs to another node.
            EngineUnavailable: the store does not answer.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with map_store_errors("claim the store"):
            try:
                obstore.put(self._store, OWNER, owner.encode(), mode="create")
            except AlreadyExistsError:
                found = bytes(obstore.get(self._store, OWNER).bytes()).decode()
                if found != owner:
                    raise Misconfigured(
                        f"setting storage.cold_url: the store belongs to another node (catalogue {found}); "
                        "give each node a prefix of its own"
                    ) from None

    def put(self, key: str, file: Path) -> str:
        """Store a local file under a new key, durably; returns its SHA-256. Nobody sees a part of it."""
        import obstore

        digest = _sha256(file)
        with map_store_errors(f"write {key}"):
            obstore.put(
                self._store, key, file,
                use_multipart=file.stat().st_size > PART_BYTES, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE,
            )  # fmt: skip
            stored = obstore.head(self._store, key)["size"]
        if stored != file.stat().st_size:
            raise EngineUnavailable(f"the store kept {stored} bytes of {key}, not {file.stat().st_size}")
        if self.folder is not None:
            _sync(self.folder / key, self.folder)
        return digest

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        import obstore
        from obstore.exceptions import NotFoundError

        for key in keys:
            with map_store_errors(f"delete {key}"):
                try:
                    obstore.delete(self._store, key)
                except (NotFoundError, FileNotFoundError):
                    continue

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys of everything below `prefix`, in no order."""
        import obstore

        with map_store_errors("list"):
            for page in obstore.list(self._store, prefix=prefix or None):
                yield from (str(found["path"]) for found in page)


@contextmanager
def map_store_errors(doing: str) -> Iterator[None]:
    """Whatever the library raises inside the block becomes `EngineUnavailable`."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as exc:
        words = " ".join(str(exc).split("\n\nDebug source")[0].split())[:300]
        raise EngineUnavailable(f"the cold tier's store could not {doing}: {words}") from exc


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _sync(file: Path, root: Path) -> None:
    """The file and the folders down to it survive a power cut."""
    path = file
    while True:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path == root:
            return
        path = path.parent
