"""The schema registry: schemas by subject, version and id, and the rules by which a subject may change."""

from heimdall.bus.registry.schema import IncompatibleSchema, Reference, RegistryError, Schema, Version
from heimdall.bus.registry.store import SchemaRegistry

__all__ = ["IncompatibleSchema", "Reference", "RegistryError", "Schema", "SchemaRegistry", "Version"]
