"""From the bus to storage: stages, the runner that owns offsets and retries, the ledger and the dead letters."""
