"""The nouns of the log world: what a batch, a level, a tenant, a time range and a template are."""
