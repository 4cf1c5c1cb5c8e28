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
    (
        "Loki",
        "Grafana, Logs Drilldown and logcli, reading",
        "not run: golden transcripts of their calls stand in for them (`tests/e2e/test_loki_face.py`)",
    ),
    ("Loki", "`X-Scope-OrgID` chooses no tenant", "there is one tenant"),
    ("OTLP/HTTP", "the OpenTelemetry Collector", "not run yet"),
    ("OTLP/HTTP", "lz4", "gzip, zstd, deflate and snappy are taken"),
    ("OTLP/gRPC", "TLS", "not yet: put it behind a proxy"),
    (
        "Splunk HEC",
        "Vector, Fluent Bit, Docker's driver",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Splunk HEC", "codes 4 and 14", "every token is taken, and acknowledgements are always there"),
    ("Splunk HEC", "a level or service inside an object under `event.message`", "stays an attribute below `message`"),
    ("Splunk HEC", "envelopes are read one by one", "8.8 µs of CPU a record where JSON lines take 2"),
    (
        "Datadog",
        "the Agent, Vector",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Datadog", "`ddtags` stays one text", "its tags are not taken apart"),
    ("AWS Firehose, GCP Pub/Sub", "the whole door", "not there yet"),
)
