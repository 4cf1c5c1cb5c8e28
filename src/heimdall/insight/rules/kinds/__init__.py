"""What each kind of rule remembers between batches, one module per kind."""
