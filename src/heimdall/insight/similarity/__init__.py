"""What is like a text: templates first, by BM25 over their words and names, then their records."""
