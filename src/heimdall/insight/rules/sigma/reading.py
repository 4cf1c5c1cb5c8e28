"""Folders of Sigma files → rules, and the reasons where there are none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from heimdall.errors import InvalidInput
from heimdall.insight.rules.rule import Rule, rule_of
from heimdall.insight.rules.sigma.correlation import correlated
from heimdall.insight.rules.sigma.detection import detection
from heimdall.insight.rules.sigma.logsource import log_source
from heimdall.insight.rules.sigma.unsupported import Unsupported
from heimdall.query.ast import Predicate, Query
from heimdall.query.languages.hql import to_text

MAX_FILE_BYTES = 1024 * 1024
"""Larger files are no Sigma rules."""
_SEVERITIES = {"critical": "P1", "high": "P2"}
_ID = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A rule that was not imported."""

    source: str
    title: str
    reason: str


@dataclass(slots=True)
class Imported:
    rules: list[Rule] = field(default_factory=list)
    unsaid: list[Unsaid] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of all rules read, those that were imported."""
        total = len(self.rules) + len(self.unsaid)
        return len(self.rules) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class _Base:
    """A compiled Sigma rule, as correlations refer to it."""

    document: Mapping[str, Any]
    predicate: Predicate


def import_folder(path: Path) -> Imported:
    """Every `.yml` and `.yaml` file below a folder, or one file. Raises InvalidInput: there is no such path."""
    if not path.exists():
        raise InvalidInput(f"there is no {path}")
    files = sorted(each for each in path.rglob("*") if each.suffix in (".yml", ".yaml")) if path.is_dir() else [path]
    texts: list[tuple[str, str | None]] = []
    for file in files:
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        if file.stat().st_size > MAX_FILE_BYTES:
            texts.append((name, None))
        else:
            texts.append((name, file.read_text(encoding="utf-8", errors="replace")))
    return import_text(texts)


def import_text(files: Sequence[tuple[str, str | None]]) -> Imported:
    """Files by name and text; `None` = too large to be read. Correlation rules may refer to rules of any file."""
    imported = Imported()
    bases: dict[str, _Base] = {}
    correlations: list[tuple[str, Mapping[str, Any]]] = []
    for source, text in files:
        for document in _documents(source, text, imported):
            if "correlation" in document:
                correlations.append((source, document))
                continue
            _import(source, document, imported, bases)
    for source, document in correlations:
        title = str(document.get("title", ""))[:200]
        try:
            kinds = {name: base.predicate for name, base in bases.items()}
            imported.rules.append(rule_of(_about(document) | correlated(document, kinds), source="sigma"))
        except (Unsupported, InvalidInput) as exc:
            imported.unsaid.append(Unsaid(source, title, str(exc)))
    return imported


def _documents(source: str, text: str | None, imported: Imported) -> list[Mapping[str, Any]]:
    if text is None:
        imported.unsaid.append(Unsaid(source, "", "the file is larger than 1 MiB"))
        return []
    try:
        found = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        imported.unsaid.append(Unsaid(source, "", f"not YAML: {str(exc).splitlines()[0][:200]}"))
        return []
    rules = [each for each in found if isinstance(each, Mapping) and ("detection" in each or "correlation" in each)]
    if found and not rules:
        imported.unsaid.append(Unsaid(source, "", "not a Sigma rule: it has no detection"))
    return rules


def _import(source: str, document: Mapping[str, Any], imported: Imported, bases: dict[str, _Base]) -> None:
    title = str(document.get("title", ""))[:200]
    try:
        given, where = document["detection"], document.get("logsource") or {}
        if not isinstance(given, Mapping) or not isinstance(where, Mapping):
            raise Unsupported("its detection or logsource is not a map")
        predicate = detection(given, log_source(where))
        condition = to_text(Query(predicate))
        rule = rule_of(_about(document) | {"kind": "threshold", "condition": condition}, source="sigma")
    except (Unsupported, InvalidInput, RecursionError) as exc:
        imported.unsaid.append(Unsaid(source, title, str(exc) or "nested too deeply"))
        return
    for name in (document.get("id"), document.get("name")):
        if name:
            bases[str(name)] = _Base(document, predicate)
    imported.rules.append(rule)


def _about(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the rule says of itself; id and author stay with every copy."""
    title = str(document.get("title") or "Sigma rule")
    tags = document.get("tags")
    return {
        "id": str(document.get("id") or _ID.sub("-", title).strip("-.").lower())[:128],
        "name": title[:300],
        "severity": _SEVERITIES.get(str(document.get("level", "")).lower(), "P3"),
        "description": str(document.get("description") or "").strip()[:2000],
        "tags": [str(tag)[:100] for tag in tags[:50]] if isinstance(tags, list) else [],
        "author": str(document.get("author") or "")[:500],
    }
