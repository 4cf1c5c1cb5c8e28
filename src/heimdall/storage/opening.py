"""From URLs to the engine they name: one tier, or all tiers of a node as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from heimdall.clock import Clock
from heimdall.errors import Misconfigured
from heimdall.storage.catalogue import Catalogue
from heimdall.storage.config import StorageConfig
from heimdall.storage.engine import Engine
from heimdall.storage.schedule import nearest

if TYPE_CHECKING:
    from heimdall.storage.archive import Archive
    from heimdall.storage.engines.clickhouse import ClickHouseEngine
    from heimdall.storage.objects import S3Access
    from heimdall.storage.tiered import TieredEngine

SCHEMES = ("clickhouse+embedded", "memory")


def open_engine(url: str, clock: Clock, *, default_directory: Path | None = None) -> Engine:
    """Open the engine a tier's URL names: `clickhouse+embedded:///directory` or `memory://`.

    A URL without a directory means `default_directory`, where there is one.

    Raises:
        Misconfigured: the URL names no engine, or its directory cannot be used.
        EngineUnavailable: the engine is there but does not start.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "memory":
            from heimdall.storage.engines.memory import MemoryEngine

            return MemoryEngine(clock)
        case "clickhouse+embedded":
            directory = Path(unquote(parts.path)) if parts.path else default_directory
            if parts.netloc or directory is None:
                raise Misconfigured(f"storage url {url}: write clickhouse+embedded:///absolute/directory")
            from heimdall.storage.engines.clickhouse import ClickHouseEngine

            return ClickHouseEngine.embedded(directory, clock)
    hint = nearest(parts.scheme, SCHEMES).removesuffix("?")
    hint = f"{hint}://?" if hint else f"; known: {', '.join(f'{s}://' for s in SCHEMES)}"
    raise Misconfigured(f"storage url {url}: no engine is called {parts.scheme!r}{hint}")


def open_tiers(config: StorageConfig, clock: Clock, *, data: Path) -> tuple[Engine, Catalogue]:
    """All tiers of a node as one engine, and the catalogue its mover works on; what has no URL lies below `data`.

    Raises:
        Misconfigured: as `open_engine`; a store that belongs to another node.
        EngineUnavailable: as `open_engine`; the cold tier's store does not answer.
    """
    hot = open_engine(config.url, clock, default_directory=data / "storage")
    from heimdall.storage.engines.clickhouse import ClickHouseEngine
    from heimdall.storage.engines.clickhouse.presence import OPTIONAL

    if not isinstance(hot, ClickHouseEngine):
        return hot, Catalogue(None)
    try:
        catalogue = Catalogue(data / "tiers" / "catalogue.db")
        if catalogue.snapshot.units and len(hot.unused) == len(OPTIONAL):
            hot.presence.add(OPTIONAL)  # the hot tier was begun anew before older ones
        return spread_behind(hot, catalogue, config, clock, data), catalogue
    except BaseException:
        hot.close()
        raise


def spread_behind(
    hot: ClickHouseEngine, catalogue: Catalogue, config: StorageConfig, clock: Clock, data: Path
) -> TieredEngine:
    """The warm and the cold tier behind an engine that is open."""
    from heimdall.storage.engines.clickhouse.warm import WarmTable
    from heimdall.storage.engines.parquet.files import ColdFiles
    from heimdall.storage.engines.parquet.sketches import Sketches
    from heimdall.storage.objects import Objects
    from heimdall.storage.tiered import TieredEngine

    objects = Objects.open(
        config.cold_url,
        default_folder=data / "cold",
        endpoint=config.s3_endpoint,
        region=config.s3_region,
        key=config.s3_access_key_id,
        secret=config.s3_secret_access_key,
    )
    objects.claim(catalogue.id)
    archive = _archive(objects.s3, config, clock) if objects.s3 is not None else None
    sketches = Sketches(data / "tiers" / "sketches")
    cold = ColdFiles(objects, sketches, hot.driver, data / "tiers" / "scratch", clock)
    return TieredEngine(hot, catalogue, warm=WarmTable(hot.driver), cold=cold, archive=archive)


def _archive(access: S3Access, config: StorageConfig, clock: Clock) -> Archive | None:
    if config.archive_days <= 0:
        return None
    from heimdall.storage.archive import Archive

    archive = Archive(
        access,
        clock,
        days=config.archive_days,
        storage_class=config.archive_class,
        restore_days=config.restore_days,
    )
    archive.set_rule()
    return archive
