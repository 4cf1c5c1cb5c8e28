"""Adapters of the `Bus` port: `journal` (durable files) and `memory` (for tests and trials)."""
