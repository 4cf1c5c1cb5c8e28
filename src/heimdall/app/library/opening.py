"""`open` and `connect`: from a path or an address to `Logs`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heimdall.app.cli.client import NodeClient
from heimdall.app.config import NodeConfig, load_config
from heimdall.app.library.index import Index, index_folder, is_data_folder
from heimdall.app.library.local import LocalBackend
from heimdall.app.library.logfiles import LogFiles
from heimdall.app.library.logs import Logs
from heimdall.app.library.progress import shown
from heimdall.app.library.remote import RemoteBackend
from heimdall.clock import SystemClock
from heimdall.errors import Misconfigured

StrPath = str | os.PathLike[str]


@dataclass(slots=True)
class _Shared:
    """A folder that this process has open, and how often."""

    backend: LocalBackend
    index: Index | None
    users: int = 1


_LOCK = threading.RLock()
_OPEN: dict[Path, _Shared] = {}


def open(
    path: StrPath | Sequence[StrPath],
    *,
    index: StrPath | None = None,
    rebuild: bool = False,
    progress: bool | None = None,
    config: StrPath | None = None,
    time_zone: str | None = None,
    service: str | None = None,
    time_field: str | None = None,
    message_field: str | None = None,
    level_field: str | None = None,
    service_field: str | None = None,
) -> Logs:
    """Open log files, or the data folder of a node that does not run.

    `path`: a folder, a file or a glob (or several) of logs in any text format Heimdall knows, compressed or not; what
    was read is kept in an index beside them (`.heimdall-index`, or the user's cache where that cannot be written) and
    only extended the next time. Or a node's data folder, with `config`, its TOML file, where it has one.

    `index`: another folder for the index. `rebuild`: read everything again. `progress`: show a bar; by default where
    someone looks. `time_zone`: IANA zone of times that state none, else UTC. `service`: of records that name none.
    `*_field`: names of JSON fields the usual names would not find.

    Opening what this process has open gives the same records, files read up to now. One other folder can be open in a
    process at a time.

    Raises:
        NotFound: there is no such file.
        Misconfigured: the folder is in use by another process, or another one is open in this one.
    """
    sources = tuple(Path(part).expanduser().absolute() for part in _parts(path))
    reading = {
        "time_zone": time_zone, "service": service, "time_field": time_field, "message_field": message_field,
        "level_field": level_field, "service_field": service_field,
    }  # fmt: skip
    if len(sources) == 1 and is_data_folder(sources[0]):
        file = None if config is None else Path(config)
        return _opened(load_config(file, {"data": sources[0]}), None, rebuild=False, progress=progress)
    files = LogFiles(sources)
    files.find()
    data = index_folder(sources) if index is None else Path(index).expanduser().absolute()
    return _opened(NodeConfig(data=data), Index(data, files, reading), rebuild=rebuild, progress=progress)


def connect(url: str, *, timeout_s: float = 120.0, headers: Mapping[str, str] | None = None) -> Logs:
    """A node by HTTP. `headers` go with every request.

    Raises:
        Unavailable: no node answers there.
    """
    client = NodeClient(url, timeout_s=timeout_s, headers=headers)
    backend = RemoteBackend(client, client.url)
    return Logs(backend, backend.close)


def _parts(path: StrPath | Sequence[StrPath]) -> Sequence[StrPath]:
    return [path] if isinstance(path, str | os.PathLike) else list(path)


def _opened(config: NodeConfig, index: Index | None, *, rebuild: bool, progress: bool | None) -> Logs:
    data = config.data.resolve()
    with _LOCK:
        shared = _OPEN.get(data)
        if shared is not None:
            if rebuild or shared.index != index:
                raise Misconfigured(f"{data} is open in this process, read in another way; close it first")
            shared.backend.refresh()
            shared.users += 1
        else:
            if _OPEN:
                raise Misconfigured(_ONE_AT_A_TIME.format(next(iter(_OPEN))))
            shared = _OPEN[data] = _Shared(_start(config, index, rebuild=rebuild, progress=progress), index)
        return Logs(shared.backend, _releaser(data))


_ONE_AT_A_TIME = (
    "this process has {} open, and the engine keeps one folder a process; close() that one first, or serve the other "
    "with 'heimdall up --data FOLDER' and use heimdall.connect"
)


def _start(config: NodeConfig, index: Index | None, *, rebuild: bool, progress: bool | None) -> LocalBackend:
    total_bytes = 0 if index is None else sum(size for size, _ in index.looks(index.files.find()[0]).values())
    with shown(progress, total_bytes) as show:
        return LocalBackend(config, SystemClock(), index, rebuild=rebuild, on_progress=show)


def _releaser(data: Path) -> Callable[[], None]:
    def release() -> None:
        with _LOCK:
            shared = _OPEN[data]
            shared.users -= 1
            if shared.users == 0:
                del _OPEN[data]
                shared.backend.close()

    return release
