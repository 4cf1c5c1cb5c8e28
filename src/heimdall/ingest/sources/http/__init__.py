"""Doors over HTTP. `door.py` is what they share; one module per protocol, each with `routes`."""
