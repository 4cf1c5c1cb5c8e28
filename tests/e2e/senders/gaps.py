"""What is known to be missing at the doors: rows of docs/reference/conformance.md."""

GAPS: tuple[tuple[str, str, str], ...] = (
    (
        "Elasticsearch",
        "Logstash, Fluent Bit, Vector; the Collector's exporters for Elasticsearch, Splunk and syslog",
        "not run: they come from none of the registries the tests install from",
    ),
    (
        "Elasticsearch",
        "Filebeat since 8",
        "not run: 7.17 is the last that is tagged as a Go module",
    ),
    ("Elasticsearch", "an `_id` sent twice is two records", "ids are kept, not looked up"),
    (
        "Elasticsearch",
        "`filter_path` on `_bulk`, ingest pipelines",
        "its answers are whole; pipelines are acknowledged and not run",
    ),
    (
        "Elasticsearch queries",
        "Grafana's data source",
        "not run: golden transcripts of its requests, `tests/golden/grafana`",
    ),
    ("Elasticsearch queries", "Kibana", "not run; it wants indices of its own to write to"),
    (
        "Elasticsearch queries",
        "lists, objects in `exists`, `fuzzy`, scripts, `typed_keys`",
        "named in `docs/guides/elasticsearch-queries.md`",
    ),
    (
        "Loki",
        "Fluent Bit, Vector",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Loki", "Alloy", "not run: it builds in modules of Loki 3, which are under the AGPL"),
    (
        "Loki",
        "Grafana, Logs Drilldown, reading",
        "not run: golden transcripts of their calls stand in for them (`tests/e2e/test_loki_face.py`)",
    ),
    (
        "Loki",
        "logcli and Promtail since 2.3",
        "not run: under the AGPL, which the tests do not install; so `logcli stats` and `volume` are transcripts, too",
    ),
    ("Loki", "`X-Scope-OrgID` chooses no tenant", "there is one tenant"),
    ("OTLP/gRPC", "zstd, snappy", "refused, and the Collector drops such a batch: leave its compression at gzip"),
    ("OTLP/gRPC", "TLS", "not yet: put it behind a proxy"),
    (
        "Splunk HEC",
        "Vector, Fluent Bit",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Splunk HEC", "codes 4 and 14", "every token is taken, and acknowledgements are always there"),
    ("Splunk HEC", "a level or service inside an object under `event.message`", "stays an attribute below `message`"),
    ("Kafka", "Connect with S3, CloudWatch and Pub/Sub", "configurations in `docs/guides/kafka.md`, not run"),
    (
        "Kubernetes, Docker",
        "a real kubelet and Docker daemon",
        "not run: files as they write them; of Docker, its logging drivers as the daemon calls them",
    ),
    ("AWS CloudWatch", "the service itself", "not run: subscriptions as Firehose brings them"),
    ("Prometheus queries", "Grafana's data source", "not run: its requests, `tests/e2e/test_prometheus_face.py`"),
    ("Splunk HEC", "envelopes are read one by one", "8.8 µs of CPU a record where JSON lines take 2"),
    (
        "Datadog",
        "the Agent, Vector",
        "not run: they come from none of the registries the tests install from",
    ),
    ("Datadog", "`ddtags` stays one text", "its tags are not taken apart"),
    (
        "Amazon Data Firehose",
        "the service itself",
        "not run: transcripts written from its protocol, `tests/unit/ingest/sources/http/test_firehose.py`",
    ),
    (
        "Google Cloud Pub/Sub",
        "the service itself",
        "not run: transcripts written from its protocol, `tests/unit/ingest/sources/http/test_pubsub.py`",
    ),
    ("Google Cloud Pub/Sub", "identity tokens of pushes", "not checked: a secret in the address, or a proxy"),
    ("MQTT", "EMQX, HiveMQ, AWS IoT Core", "not run: Mosquitto is the broker of the tests"),
    ("MQTT", "a record twice after a kill", "quality of service 1: what was durable and not acknowledged comes again"),
    (
        "VictoriaLogs",
        "Grafana's data source",
        "not run: the shapes of the documentation stand in for them, `tests/unit/api/victorialogs/test_face.py`",
    ),
    ("VictoriaLogs", "numbers that vlagent sends", "are text, as all of its values are"),
    (
        "VictoriaLogs",
        "`stream_context`, groups by `_stream`",
        "neighbours in a stream are asked for by its id and a range of time",
    ),
    ("VictoriaLogs", "`decolorize_fields`, `preserve_json_keys`", "have no effect"),
    ("VictoriaLogs", "`AccountID`, `ProjectID` choose no tenant", "there is one tenant"),
)
