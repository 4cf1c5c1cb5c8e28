"""Java's logging libraries and clients, unchanged, from Maven Central: programs that log send to every door."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from node_process import NodeProcess
from server_process import free_port

from maven import class_path

from .conftest import CLIENTS

_LOG4J = ("log4j-core:2.26.1", "log4j-layout-template-json:2.26.1")
_LOGBACK = (
    "ch.qos.logback:logback-classic:1.5.38",
    "net.logstash.logback:logstash-logback-encoder:8.1",
    "com.github.loki4j:loki-logback-appender:1.6.0",
)
_AGENT = "io.opentelemetry.javaagent:opentelemetry-javaagent:2.31.1"
_RUN_S = 90


@dataclass(frozen=True)
class JavaNode:
    process: NodeProcess
    elasticsearch: str

    def port(self, door: str) -> str:
        addresses = httpx.get(f"{self.process.url}/api/v1/node", timeout=30).json()["sources"][door]
        return str(urlsplit(addresses[0]).port)

    def rows(self, word: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of a program's 21 records one of the plain, and the one with an exception."""
        self.process.wait_for_count(21, word)
        (plain,), (failed,) = (self.process.search(f'"{word} {q}"')["data"] for q in ("declined 7", "failed"))
        assert (plain["level"], failed["level"]) == ("warn", "error")
        assert "declined 7 ün" in plain["message"]
        return plain, failed


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaNode]:
    port = str(free_port())
    settings = {"HEIMDALL_SERVER__ALIAS_PORTS": port, "HEIMDALL_SERVER__ELASTICSEARCH_PORT": port}
    settings |= {f"HEIMDALL_SOURCES__{door}__PORTS": "0" for door in ("SYSLOG", "FORWARD", "GELF")}
    with NodeProcess(tmp_path_factory.mktemp("java") / "data", environment=settings) as process:
        yield JavaNode(process, f"http://127.0.0.1:{port}")


def java(source: str, jars: str, *arguments: str, options: tuple[str, ...] = ()) -> str:
    """What the program of `clients/<source>.java` says."""
    if shutil.which("javac") is None:
        pytest.skip("Java's senders are compiled as they start (apt-get install default-jdk-headless)")
    command = ["java", "-XX:TieredStopAtLevel=1", "-Xmx256m", *options, "-cp", jars, str(CLIENTS / f"{source}.java")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=_RUN_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


LOG4J = {
    "http": """<Http name="a" url="{url}/api/v1/logs"><Property name="Content-Type" value="application/json"/>
        <JsonTemplateLayout eventTemplateUri="classpath:EcsLayout.json"/></Http>""",
    "gelf-tcp": """<Socket name="a" host="127.0.0.1" port="{gelf}" protocol="TCP">
        <GelfLayout host="web01" includeNullDelimiter="true" compressionType="OFF"/></Socket>""",
    "gelf-udp": """<Socket name="a" host="127.0.0.1" port="{gelf}" protocol="UDP">
        <GelfLayout host="web01" compressionType="GZIP" compressionThreshold="100"/></Socket>""",
    "rfc5424": """<Syslog name="a" format="RFC5424" host="127.0.0.1" port="{syslog}" protocol="TCP" newLine="true"
        appName="cart" facility="LOCAL0" includeMDC="true" mdcId="mdc" id="App" enterpriseNumber="18060"/>""",
    "json-lines": """<Socket name="a" host="127.0.0.1" port="{syslog}" protocol="TCP">
        <JsonTemplateLayout eventTemplateUri="classpath:LogstashJsonEventLayoutV1.json"/></Socket>""",
}


@pytest.mark.conformance("JSON lines", "Log4j 2.26", "HTTP appender with its ECS layout")
@pytest.mark.conformance("GELF", "Log4j 2.26", "TCP; UDP, gzip")
@pytest.mark.conformance("syslog", "Log4j 2.26", "RFC 5424 with its context map; JSON lines over TCP")
@pytest.mark.parametrize("appender", LOG4J)
def test_log4j(node: JavaNode, tmp_path: Path, appender: str) -> None:
    to = LOG4J[appender].format(url=node.process.url, gelf=node.port("gelf"), syslog=node.port("syslog"))
    settings = tmp_path / "log4j2.xml"
    root = '<Loggers><Root level="info"><AppenderRef ref="a"/></Root></Loggers>'
    settings.write_text(f"<Configuration><Appenders>{to}</Appenders>{root}</Configuration>")
    jars = class_path("log4j-2.26.1", *(f"org.apache.logging.log4j:{each}" for each in _LOG4J))
    word = f"log4j{appender.replace('-', '')}"
    java("Log4jSend", jars, word, options=(f"-Dlog4j2.configurationFile={settings}",))
    plain, failed = node.rows(word)
    order = {"rfc5424": "syslog.structured_data.mdc@18060.order", "json-lines": "mdc.order"}.get(appender, "order")
    assert plain[order] == "o-7"
    trace = {"http": "error.stack_trace", "json-lines": "exception.stacktrace", "rfc5424": None}
    if (name := trace.get(appender, "full_message")) is not None:
        assert "IllegalStateException: no stock\n\tat " in failed[name]
        assert "Caused by: java.lang.RuntimeException: timeout" in failed[name]
    if appender.startswith("gelf"):
        assert (plain["instance"], plain["logger"]) == ("web01", "shop.Cart")


LOGBACK = {
    "loki": """<appender name="a" class="com.github.loki4j.logback.Loki4jAppender">
        <http><url>{url}/loki/api/v1/push</url></http>
        <format><label><pattern>app=cart,level=%level</pattern></label></format></appender>""",
    "logstash": """<appender name="a" class="net.logstash.logback.appender.LogstashTcpSocketAppender">
        <destination>127.0.0.1:{syslog}</destination>
        <encoder class="net.logstash.logback.encoder.LogstashEncoder"/></appender>""",
    "syslog": """<appender name="a" class="ch.qos.logback.classic.net.SyslogAppender">
        <syslogHost>127.0.0.1</syslogHost><port>{syslog}</port><facility>USER</facility>
        <suffixPattern>cart: %msg</suffixPattern>
        <throwableExcluded>true</throwableExcluded></appender>""",
    "agent": """<appender name="a" class="ch.qos.logback.core.helpers.NOPAppender"/>""",
}


@pytest.mark.conformance("Loki", "loki4j 1.6 (Logback)", "JSON, labels")
@pytest.mark.conformance("syslog", "Logback 1.5", "its syslog appender; logstash-logback-encoder's JSON lines over TCP")
@pytest.mark.conformance("OTLP/HTTP", "OpenTelemetry Java agent 2.31", "what a program logs through Logback")
@pytest.mark.parametrize("appender", LOGBACK)
def test_logback(node: JavaNode, tmp_path: Path, appender: str) -> None:
    """The agent hangs itself into the program; nothing of the program says so."""
    to = LOGBACK[appender].format(url=node.process.url, syslog=node.port("syslog"))
    settings = tmp_path / "logback.xml"
    root = '<root level="info"><appender-ref ref="a"/></root>'
    settings.write_text(f"<configuration>{to}{root}</configuration>")
    options = (f"-Dlogback.configurationFile={settings}",)
    if appender == "agent":
        options += agent(node.process.url)
    word = f"logback{appender}"
    java("LogbackSend", class_path("logback-1.5.38", *_LOGBACK), word, options=options)
    plain, failed = node.rows(word)
    if appender == "loki":
        assert (plain["service"], plain["heimdall.labels"]) == ("cart", "app,level")
        assert "IllegalStateException: no stock\n\tat " in failed["message"]
    elif appender == "logstash":
        assert (plain["order"], plain["logger_name"]) == ("o-7", "shop.Cart")
        assert "Caused by: java.lang.RuntimeException: timeout" in failed["stack_trace"]
    elif appender == "syslog":
        assert plain["service"] == "cart"
    else:
        assert (plain["service"], plain["order"]) == ("cart", "o-7")
        assert failed["exception.type"] == "java.lang.IllegalStateException"
        assert "Caused by: java.lang.RuntimeException: timeout" in failed["exception.stacktrace"]


def agent(url: str) -> tuple[str, ...]:
    folder = Path(class_path("opentelemetry-javaagent-2.31.1", _AGENT)).parent
    settings = {
        "javaagent.enabled": "true",  # also where Java compiles the program as it starts it
        "exporter.otlp.endpoint": url,
        "service.name": "cart",
        "metrics.exporter": "none",
        "traces.exporter": "none",
        "instrumentation.logback-appender.experimental.capture-mdc-attributes": "*",
    }
    (jar,) = folder.glob("opentelemetry-javaagent-*.jar")
    return (f"-javaagent:{jar}", *(f"-Dotel.{name}={value}" for name, value in settings.items()))


@pytest.mark.conformance("Elasticsearch", "elasticsearch-java 9", "banner, bulk helper, single document")
@pytest.mark.conformance("Elasticsearch queries", "elasticsearch-java 9", "search")
def test_the_elasticsearch_client(node: JavaNode) -> None:
    jars = class_path("elasticsearch-java-9.5.6", "co.elastic.clients:elasticsearch-java:9.5.6")
    said = java("ElasticsearchSend", jars, node.elasticsearch, "javabulk").splitlines()
    assert said[-3:] == ["You Know, for Search", "Created", "500"]
    node.process.wait_for_count(501, "javabulk")
    row = node.process.search('"javabulk order 7"')["data"][0]
    assert (row["n"], row["level"], row["_index"]) == (7, "warn", "logs-java-default")


@pytest.mark.conformance("Fluent Forward", "Fluency 2.7 (Java)", "PackedForward with nanoseconds, acknowledged")
def test_fluency(node: JavaNode) -> None:
    jars = class_path("fluency-2.7.3", "org.komamitsu:fluency-fluentd:2.7.3", "org.slf4j:slf4j-nop:1.7.36")
    java("FluencySend", jars, node.port("forward"), "fluency")
    node.process.wait_for_count(20, "fluency")
    row = node.process.search('"fluency order 7"')["data"][0]
    assert (row["fluent.tag"], row["level"], row["n"]) == ("java.cart", "warn", 7)
    assert row["timestamp"] == "2026-11-25T09:46:40.000000007Z"
