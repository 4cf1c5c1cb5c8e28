"""Subjects, versions and ids, on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from heimdall.bus.registry import IncompatibleSchema, Reference, RegistryError, Schema, SchemaRegistry
from heimdall.bus.registry.own import SUBJECT, register_own
from heimdall.bus.registry.schema import Level

ID = Schema('{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}')
NOTE = Schema(
    '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},'
    '{"name":"note","type":"string","default":""}]}'
)
OTHER = Schema('{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}')


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SchemaRegistry]:
    opened = SchemaRegistry(tmp_path / "schemas.db")
    yield opened
    opened.close()


def test_a_schema_has_one_id_and_one_version_however_often_it_is_registered(registry: SchemaRegistry) -> None:
    first = registry.register("orders-value", ID)
    assert registry.register("orders-value", Schema(ID.text.replace(",", " , "))) == first
    assert registry.register("other", ID).id == first.id
    assert registry.places(first.id) == [("orders-value", 1), ("other", 1)]
    assert registry.register("orders-value", NOTE).version == 2
    assert registry.versions("orders-value") == [1, 2]


def test_all_of_it_survives_a_restart(registry: SchemaRegistry, tmp_path: Path) -> None:
    made = registry.register("orders-value", ID)
    registry.set_level(Level.FULL, "orders-value")
    registry.close()
    again = SchemaRegistry(tmp_path / "schemas.db")
    assert again.version("orders-value", None) == made
    assert again.level("orders-value") is Level.FULL
    again.close()


def test_an_incompatible_schema_is_refused_with_the_reason_and_changes_nothing(registry: SchemaRegistry) -> None:
    registry.register("orders-value", ID)
    with pytest.raises(IncompatibleSchema, match=r"/id: string cannot read long"):
        registry.register("orders-value", OTHER)
    assert registry.versions("orders-value") == [1]
    registry.set_level(Level.NONE, "orders-value")
    assert registry.register("orders-value", OTHER).version == 2


def test_a_subjects_level_goes_before_the_one_for_all(registry: SchemaRegistry) -> None:
    assert registry.level("s") is Level.BACKWARD
    registry.set_level(Level.NONE)
    assert registry.level("s") is Level.NONE
    registry.set_level(Level.FORWARD, "s")
    assert registry.level("s") is Level.FORWARD
    registry.set_level(None, "s")
    assert registry.level("s") is Level.NONE
    with pytest.raises(RegistryError):
        registry.level("s", own=True)


def test_a_deleted_version_is_hidden_its_number_not_used_again_and_its_schema_still_read(
    registry: SchemaRegistry,
) -> None:
    made = registry.register("s", ID)
    registry.register("s", NOTE)
    assert registry.delete("s", None) == [1, 2]
    with pytest.raises(RegistryError, match="not found"):
        registry.versions("s")
    assert registry.versions("s", deleted=True) == [1, 2]
    assert registry.schema(made.id) == ID
    assert registry.register("s", OTHER).version == 3
    assert registry.delete("s", 1, permanent=True) == [1]
    with pytest.raises(RegistryError, match="softly first"):
        registry.delete("s", 3, permanent=True)


def test_a_schema_others_build_on_is_not_deleted(registry: SchemaRegistry) -> None:
    registry.register("money", Schema('{"type":"record","name":"Money","fields":[]}'))
    builds = '{"type":"record","name":"Bill","fields":[{"name":"paid","type":"Money"}]}'
    registry.register("bill", Schema(builds, references=(Reference("Money", "money", 1),)))
    with pytest.raises(RegistryError, match="build on"):
        registry.delete("money", None)


def test_a_reference_that_is_not_there_is_named(registry: SchemaRegistry) -> None:
    with pytest.raises(RegistryError, match="subject nowhere not found"):
        registry.register("s", Schema('"int"', references=(Reference("X", "nowhere", 1),)))


def test_the_records_own_schema_is_registered_once(registry: SchemaRegistry) -> None:
    assert register_own(registry).version == 1
    assert register_own(registry).version == 1
    assert registry.subjects() == [SUBJECT]
