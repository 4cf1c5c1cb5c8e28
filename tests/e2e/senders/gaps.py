"""What is known to be missing at the doors: rows of docs/reference/conformance.md."""

GAPS: tuple[tuple[str, str, str], ...] = (
    (
        "Elasticsearch",
        "Filebeat, Logstash, Fluent Bit, Vector",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Elasticsearch", "an `_id` sent twice is two records", "ids are kept, not looked up"),
    (
        "Elasticsearch",
        "`filter_path`, `_cat/indices`, ingest pipelines",
        "answers are whole; indices are attributes; pipelines are acknowledged and not run",
    ),
)
