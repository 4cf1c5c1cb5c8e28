"""`Archive`: files of the cold tier that S3 has moved to an archive class, and how they come back.

A lifecycle rule, set through the S3 API, lets the store move files to Glacier some days after they were written. Such a
file cannot be read; a query that needs one asks S3 to restore it, goes on without it, and its answer says so.
"""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from heimdall.clock import Clock
from heimdall.errors import EngineUnavailable, Misconfigured
from heimdall.storage.catalogue import Unit
from heimdall.storage.engines.parquet.layout import FOLDER
from heimdall.storage.objects import S3Access
from heimdall.storage.schedule import DAY_NS, nearest
from heimdall.storage.signing import signed_headers

CLASSES = ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR")
"""Storage classes files may move to. `GLACIER_IR` is read like any other, at a price a read."""

STATE_VALID_S = 60.0
"""How long the state of a file is believed; a restore takes hours."""

KNOWN_STATES = 50_000

_XML = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, slots=True)
class _State:
    seen_s: float
    readable: bool
    restoring: bool


class Archive:
    """Safe from several threads."""

    def __init__(self, access: S3Access, clock: Clock, *, days: int, storage_class: str, restore_days: int) -> None:
        """
        Raises:
            Misconfigured: an unknown class, or keys that requests could not be signed with.
        """
        if storage_class not in CLASSES:
            raise Misconfigured(
                f"setting storage.archive_class: {storage_class} is none of {', '.join(CLASSES)}"
                f"{nearest(storage_class, CLASSES)}"
            )
        if not access.access_key_id:
            raise Misconfigured("setting storage.archive_days needs storage.s3_access_key_id and its secret")
        self._access = access
        self._clock = clock
        self._days = days
        self._class = storage_class
        self._restore_days = restore_days
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}
        self._http = httpx.Client(timeout=20.0)

    # ------------------------------------------------------------------ the rule

    @property
    def rule_id(self) -> str:
        return f"heimdall-archive-{self._access.prefix or 'all'}"

    def set_rule(self) -> None:
        """Make the bucket's lifecycle have our rule as it should be; rules of others stay as they are."""
        response = self._ask("GET", "", {"lifecycle": ""}, allow=(200, 404))
        root = ET.fromstring(response.content) if response.status_code == 200 else ET.Element(f"{{{_XML}}}x")
        ours = self._rule()
        rules = [rule for rule in root if rule.tag.endswith("Rule")]
        others = [rule for rule in rules if _text(rule, "ID") != self.rule_id]
        mine = [rule for rule in rules if _text(rule, "ID") == self.rule_id]
        if mine and _text(mine[0], "Days") == str(self._days) and _text(mine[0], "StorageClass") == self._class:
            return
        wanted = ET.Element("LifecycleConfiguration", {"xmlns": _XML})
        for rule in [*others, ours]:
            wanted.append(_without_namespace(rule))
        self._ask("PUT", "", {"lifecycle": ""}, ET.tostring(wanted))

    def _rule(self) -> ET.Element:
        rule = ET.Element("Rule")
        ET.SubElement(rule, "ID").text = self.rule_id
        prefix = f"{self._access.prefix}/{FOLDER}/" if self._access.prefix else f"{FOLDER}/"
        ET.SubElement(ET.SubElement(rule, "Filter"), "Prefix").text = prefix
        ET.SubElement(rule, "Status").text = "Enabled"
        transition = ET.SubElement(rule, "Transition")
        ET.SubElement(transition, "Days").text = str(self._days)
        ET.SubElement(transition, "StorageClass").text = self._class
        return rule

    # ------------------------------------------------------------------ reading

    def readable(self, units: Sequence[Unit]) -> tuple[list[Unit], list[str]]:
        """Those of `units` that can be read now, and a sentence on each day that cannot, whose restore is requested."""
        before_ns = self._clock.time_ns() - self._days * DAY_NS
        found: list[Unit] = []
        missing: dict[str, int] = {}
        for unit in units:
            if unit.made_ns > before_ns or self._class == "GLACIER_IR" or self._is_readable(unit.object):
                found.append(unit)
            else:
                day = unit.object.split("/")[-2]
                missing[day] = missing.get(day, 0) + unit.rows
        said = [
            f"{rows:,} records of {day} are archived ({self._class}) and left out; "
            "their restore is requested, which takes hours: ask again later"
            for day, rows in sorted(missing.items())
        ]
        return found, said

    def _is_readable(self, key: str) -> bool:
        now_s = self._clock.monotonic()
        with self._lock:
            known = self._states.get(key)
        if known is not None and now_s - known.seen_s < STATE_VALID_S:
            return known.readable
        headers = self._ask("HEAD", key, {}).headers
        archived = headers.get("x-amz-storage-class", "STANDARD") in ("GLACIER", "DEEP_ARCHIVE")
        restore = headers.get("x-amz-restore", "")
        readable = not archived or 'ongoing-request="false"' in restore
        restoring = 'ongoing-request="true"' in restore
        if not readable and not restoring:
            self._restore(key)
        with self._lock:
            if len(self._states) >= KNOWN_STATES:
                self._states.clear()
            self._states[key] = _State(now_s, readable, restoring)
        return readable

    def _restore(self, key: str) -> None:
        body = (
            f'<RestoreRequest xmlns="{_XML}"><Days>{self._restore_days}</Days>'
            "<GlacierJobParameters><Tier>Standard</Tier></GlacierJobParameters></RestoreRequest>"
        )
        self._ask("POST", key, {"restore": ""}, body.encode(), allow=(200, 202, 409))

    def close(self) -> None:
        self._http.close()

    # ------------------------------------------------------------------ asking S3

    def _ask(
        self, method: str, key: str, query: dict[str, str], body: bytes = b"", allow: tuple[int, ...] = (200, 204)
    ) -> httpx.Response:
        access = self._access
        path = f"{access.prefix}/{key}" if access.prefix and key else key
        url = access.base_url + (f"/{quote(path, safe='/~-_.')}" if path else "")
        headers = {"content-type": "application/xml"} if body else {}
        signed = signed_headers(
            method, url, body, headers=headers, query=query, region=access.region,
            access_key_id=access.access_key_id, secret_access_key=access.secret_access_key,
            time_ns=self._clock.time_ns(),
        )  # fmt: skip
        address = url + (
            "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else ""
        )
        try:
            response = self._http.request(method, address, content=body, headers=signed)
        except httpx.HTTPError as exc:
            raise EngineUnavailable(
                f"the cold tier's store does not answer {method} {path or 'its bucket'}: {exc}"
            ) from exc
        if response.status_code not in allow:
            raise EngineUnavailable(
                f"the cold tier's store answered {method} {path or 'its bucket'} with {response.status_code}: "
                f"{' '.join(response.text.split())[:200]}"
            )
        return response


def _text(element: ET.Element, name: str) -> str:
    for found in element.iter():
        if found.tag.rpartition("}")[2] == name:
            return found.text or ""
    return ""


def _without_namespace(element: ET.Element) -> ET.Element:
    copy = ET.Element(element.tag.rpartition("}")[2], element.attrib)
    copy.text = element.text
    copy.extend(_without_namespace(child) for child in element)
    return copy
