"""Steps between the bus and storage, one module or package each."""
