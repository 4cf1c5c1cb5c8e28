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
    (
        "Loki",
        "Alloy, Promtail, Fluent Bit, Vector",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Loki", "`X-Scope-OrgID` chooses no tenant", "there is one tenant"),
    ("OTLP/HTTP", "the OpenTelemetry Collector", "not run yet"),
    ("OTLP/HTTP", "lz4", "gzip, zstd, deflate and snappy are taken"),
    ("OTLP/gRPC", "TLS", "not yet: put it behind a proxy"),
)
