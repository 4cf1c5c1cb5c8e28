"""`GET /api/v1/sources`: for every sender the configuration to paste, with this node's own address, and what came in.

The node's address in a snippet is the one the caller reached it by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from heimdall.api.answers import respond_data
from heimdall.api.node import NodeFacts
from heimdall.clock import Clock


@dataclass(frozen=True, slots=True)
class Sender:
    """`door`: where its records are counted. In `snippet` `<url>`, `<host>` and `<port>` are the node's."""

    name: str
    title: str
    door: str
    file: str
    """Where the snippet belongs."""
    snippet: str
    port: str = ""
    """The alias port it uses, by name; the main port where that is not open."""
    source: str = ""
    """The source of this name has to listen, or to read."""
    setting: str = ""
    """What turns that on."""
    path: str = ""
    """What follows the main port's address where the alias port is not open."""
    usual_port: int = 0
    """Where it listens once it is turned on; 0: the main port serves it, too."""


SENDERS: tuple[Sender, ...] = (
    Sender(
        "json", "JSON", "logs", "a shell", 'curl <url>/api/v1/logs \\\n  -d \'{"level":"info","message":"first line"}\''
    ),
    Sender(
        "text",
        "Text lines",
        "logs",
        "a shell",
        "curl <url>/api/v1/logs -H 'Content-Type: text/plain' \\\n  --data-binary @app.log",
    ),
    Sender("files", "Files", "logs", "a shell", "heimdall ingest --follow '/var/log/app/*.log' --url <url>"),
    Sender(
        "kubernetes",
        "Kubernetes containers",
        "logs",
        "a shell on each machine",
        "heimdall ingest --follow '/var/log/pods/*/*/*.log' --url <url>",
    ),
    Sender(
        "docker",
        "Docker containers",
        "logs",
        "a shell",
        "heimdall ingest --follow '/var/lib/docker/containers/*/*-json.log' --url <url>",
    ),
    Sender(
        "otlp",
        "OpenTelemetry over HTTP",
        "otlp",
        "the Collector's configuration",
        "exporters:\n  otlphttp/heimdall:\n    endpoint: <url>\n    compression: gzip\nservice:\n  pipelines:\n"
        "    logs: {receivers: [otlp], exporters: [otlphttp/heimdall]}",
        port="otlp",
    ),
    Sender(
        "otlp-grpc",
        "OpenTelemetry over gRPC",
        "otlp_grpc",
        "the Collector's configuration",
        'exporters:\n  otlp/heimdall:\n    endpoint: "<host>:<port>"\n    tls: {insecure: true}\n'
        "service:\n  pipelines:\n    logs: {receivers: [otlp], exporters: [otlp/heimdall]}",
        port="otlp_grpc",
        setting="server.alias_ports",
        usual_port=4317,
    ),
    Sender(
        "elasticsearch",
        "Elasticsearch (Filebeat)",
        "elasticsearch",
        "filebeat.yml",
        'output.elasticsearch:\n  hosts: ["<url>"]\nsetup.ilm.enabled: false\nsetup.template.enabled: false',
        port="elasticsearch",
        path="/elasticsearch",
    ),
    Sender(
        "loki",
        "Loki (Alloy)",
        "loki",
        "config.alloy",
        'loki.write "heimdall" {\n  endpoint { url = "<url>/loki/api/v1/push" }\n}',
        port="loki",
    ),
    Sender(
        "victorialogs",
        "VictoriaLogs (Vector)",
        "victorialogs",
        "vector.yaml",
        "sinks:\n  heimdall:\n    type: http\n    inputs: [app]\n"
        '    uri: "<url>/insert/jsonline?_stream_fields=host,service&_msg_field=message&_time_field=timestamp"\n'
        "    encoding: {codec: json}\n    framing: {method: newline_delimited}\n    compression: gzip",
        port="victorialogs",
    ),
    Sender(
        "splunk",
        "Splunk HEC (Vector)",
        "splunk",
        "vector.yaml",
        'sinks:\n  heimdall:\n    type: splunk_hec_logs\n    inputs: [app]\n    endpoint: "<url>"\n'
        "    default_token: any\n"
        "    encoding: {codec: json}",
        port="splunk",
    ),
    Sender(
        "datadog",
        "Datadog Agent",
        "datadog",
        "datadog.yaml",
        'logs_enabled: true\nlogs_config:\n  force_use_http: true\n  logs_dd_url: "<url>"\n  logs_no_ssl: true',
    ),
    Sender(
        "syslog",
        "Syslog (rsyslog)",
        "syslog",
        "/etc/rsyslog.d/heimdall.conf",
        'action(type="omfwd" target="<host>" port="<port>" protocol="tcp"\n'
        '       template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted"\n'
        '       queue.type="LinkedList" queue.filename="heimdall" queue.saveOnShutdown="on"'
        ' action.resumeRetryCount="-1")',
        source="syslog",
        setting="sources.syslog.ports",
        usual_port=5514,
    ),
    Sender(
        "forward",
        "Fluent Forward (Fluent Bit)",
        "forward",
        "fluent-bit.conf",
        "[OUTPUT]\n    Name                 forward\n    Match                *\n    Host                 <host>\n"
        "    Port                 <port>\n    Require_ack_response true\n    Compress             gzip",
        source="forward",
        setting="sources.forward.ports",
        usual_port=24224,
    ),
    Sender(
        "gelf",
        "GELF (Docker)",
        "gelf",
        "a shell",
        "docker run --log-driver gelf --log-opt gelf-address=udp://<host>:<port> IMAGE",
        source="gelf",
        setting="sources.gelf.ports",
        usual_port=12201,
    ),
    Sender(
        "journald", "journald", "journal", "/etc/systemd/journal-upload.conf, then start systemd-journal-upload",
        "[Upload]\nURL=<url>",
    ),
    Sender(
        "kafka",
        "Kafka topics",
        "kafka",
        "this node's configuration file",
        '[sources.kafka]\nbrokers = ["kafka:9092"]\ntopics = ["app-logs"]\ngroup = "heimdall"\nmember = "heimdall-1"',
        source="kafka",
        setting="sources.kafka.topics",
    ),
    Sender(
        "mqtt",
        "MQTT topics",
        "mqtt",
        "this node's configuration file",
        '[sources.mqtt]\nbroker = "mosquitto:1883"\ntopics = ["plant/{region}/{instance}/{line}/log"]\n'
        'client_id = "heimdall-1"',
        source="mqtt",
        setting="sources.mqtt.topics",
    ),
    Sender(
        "firehose",
        "Amazon Data Firehose",
        "firehose",
        "CloudFormation: the stream's HttpEndpointDestinationConfiguration",
        "EndpointConfiguration:\n  Name: heimdall\n  Url: <url>/aws/firehose\n"
        '  AccessKey: "the secret of ingest.firehose_secret"\nRequestConfiguration: {ContentEncoding: GZIP}',
    ),
    Sender(
        "pubsub",
        "Google Cloud Pub/Sub",
        "pubsub",
        "a shell",
        "gcloud pubsub subscriptions create heimdall --topic=logs --ack-deadline=60 \\\n"
        "  --push-endpoint='<url>/gcp/pubsub?token=THE_SECRET_OF_ingest.pubsub_secret'",
    ),
)  # fmt: skip
"""Who can send, the simplest first; `docs/guides` has more of each."""

Counts = Mapping[tuple[str, str], int]
"""(door, outcome) → records since the node began."""


def sending_routes(facts: NodeFacts, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["node"])

    @router.get("/sources", summary="What to paste into each sender, and what has come from it")
    async def sources(request: Request) -> Response:
        began = clock.monotonic()
        node = await run_in_threadpool(facts.describe)
        rows = told(node, facts.records_by_door(), request.url.scheme, request.url.hostname or "127.0.0.1",
                    request.url.port)  # fmt: skip
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    return router


def told(
    node: Mapping[str, Any], counts: Counts, scheme: str, host: str, port: int | None
) -> Sequence[dict[str, object]]:
    """One row a sender."""
    shown = f"[{host}]" if ":" in host else host
    main = f"{scheme}://{shown}" + ("" if port is None else f":{port}")
    return [_row(sender, node, counts, main, shown) for sender in SENDERS]


def _row(sender: Sender, node: Mapping[str, Any], counts: Counts, main: str, host: str) -> dict[str, object]:
    ports, sources = node["ports"], node["sources"]
    place = ports.get(sender.port)
    url = f"http://{host}:{place}" if place else main + sender.path
    if sender.source:
        place = next((address.rpartition(":")[2] for address in sources.get(sender.source, ())), None)
    why = _why_off(sender, sources, is_open=bool(place))
    return {
        "name": sender.name,
        "title": sender.title,
        "file": sender.file,
        "snippet": sender.snippet.replace("<url>", url)
        .replace("<host>", host)
        .replace("<port>", str(place or sender.usual_port)),
        "on": why is None,
        "why": why,
        "door": sender.door,
        "accepted": counts.get((sender.door, "accepted"), 0),
        "rejected": counts.get((sender.door, "rejected"), 0),
    }


def _why_off(sender: Sender, sources: Mapping[str, Any], *, is_open: bool) -> str | None:
    if is_open or not (sender.usual_port or sender.source):
        return None
    if sender.source not in sources:
        taken = ", or its port is taken" if sender.port else ""
        return f"not turned on: {sender.setting} in the node's configuration{taken}"
    if sender.usual_port:
        return f"no port of {sender.setting} is open: another program has it, as the node's log says"
    return None
