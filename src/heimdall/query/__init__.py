"""Languages → AST → plan → result: how logs are asked.

A text becomes a `Query` (`heimdall.query.languages.hql`); the tree is turned into one statement for engines that
speak SQL (`heimdall.query.sql`) or evaluated over columns in memory (`heimdall.query.frame`). Both are written
independently and compared by `tests/properties/test_engines_agree.py`.
"""
