"""MQTT topics as a source, for devices: a client of a broker, with a session that the broker keeps while it is away.

Messages are acknowledged when their records are durable on the bus. Until then the broker keeps them, and sends them
again to whoever comes back under the same client id: a node, a broker or a network that fails loses nothing, and what
was durable and not acknowledged yet may come twice (QoS 1 is *at least once*). Over a connection that was only
interrupted it does not: what is durable already is told by its message id, and acknowledged.

While the bus takes nothing, nothing is acknowledged, and the broker stops sending at `max_unacknowledged`.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from prometheus_client import Gauge

from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, Misconfigured, MissingExtra, Overloaded, Refused, Unavailable
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.malformed import malformed
from heimdall.ingest.decode.mqtt import MqttMessages, Subscription, Topics
from heimdall.ingest.decode.payloads import PayloadsDecoded, decode_apart, decode_payloads, together, with_envelopes
from heimdall.ingest.port import Address
from heimdall.ingest.sources.intake import BYTES, RECORDS
from heimdall.ingest.sources.mqtt_loop import MqttLoop
from heimdall.model.batch import DEFAULT_TENANT, LogBatch

_log = logging.getLogger(__name__)

CONNECTED = Gauge("heimdall_ingest_mqtt_connected", "1 while the MQTT source has a connection to its broker.")

_DOOR = "mqtt"
_QUIET_S = 0.01
"""A batch ends after so long a silence: a broker that waits for acknowledgements sends nothing more."""
_DURABLE_WITHIN_S = 60.0
_STOP_WITHIN_S = 20.0
_NEVER_EXPIRES = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSecurityConfig:
    tls: bool = False
    """Whether the broker is spoken to through TLS."""
    username: str = ""
    """Name of the login; empty = none."""
    secret: str = ""
    """Password of the login; best given as an environment variable."""
    authority: Path | None = None
    """PEM file of the authorities that sign the broker's certificate; none = those the system trusts."""
    certificate: Path | None = None
    """PEM file of this node's own certificate, for brokers that ask for one."""
    key: Path | None = None
    """PEM file of that certificate's key."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        if not self.tls and (self.authority or self.certificate):
            raise ValueError("authority and certificate are for tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    broker: str = ""
    """`host:port` of the broker; without a port 1883, with TLS 8883. Empty = off."""
    topics: tuple[str, ...] = ()
    """Topic filters to subscribe to. `{name}` stands for `+` and says what the level is: `service`, `instance`,
    `region`, `environment`, or an attribute. `$share/<group>/<filter>` shares the messages with other nodes."""
    client_id: str = "heimdall"
    """This node's name at the broker, different for each node: the broker keeps the session under it."""
    protocol: Literal["5", "3.1.1"] = "5"
    """Version of MQTT."""
    session_expiry_s: int = 7 * 86_400
    """How long the broker keeps messages for a node that is away (MQTT 5); 0 = as long as it likes."""
    format: Literal["auto", "json", "text"] = "auto"
    """Of the payloads. `auto`: JSON objects as JSON, everything else as a line of text; `json`: objects only."""
    max_unacknowledged: int = 1_000
    """Messages the broker may send before the first of them is durable (MQTT 5; the broker may have a lower limit of
    its own). With `max_message_bytes` it bounds memory."""
    max_message_bytes: int = 256 * 1024
    """Longest message the broker may send (MQTT 5)."""
    max_batch_records: int = 20_000
    """Larger batches cost less a record, up to about this many."""
    max_wait_s: float = 0.1
    """From a batch's first message until it is decoded."""
    keepalive_s: int = 30
    """How soon a connection that died is noticed, on either side."""
    security: MqttSecurityConfig = field(default_factory=MqttSecurityConfig)

    def __post_init__(self) -> None:
        if bool(self.broker) != bool(self.topics):
            raise ValueError("broker and topics belong together")
        for topic in self.topics:
            Subscription.parse(topic)
        if not 0 < self.max_unacknowledged < 65_536:
            raise ValueError("max_unacknowledged is 1 to 65535")

    @property
    def address(self) -> tuple[str, int]:
        host, colon, port = self.broker.rpartition(":")
        if not colon or not port.isdigit():
            return self.broker, 8883 if self.security.tls else 1883
        return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes
    qos: int
    mid: int
    again: bool
    """The broker says that it may have sent it before."""
    connection: int
    """Which of the source's connections it came by: ids of messages hold for one."""

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(self.topic.encode() + b"\0" + self.payload, digest_size=16).digest()


class MqttSource:
    """Satisfies `heimdall.ingest.port.Source`. Listens nowhere: it subscribes."""

    name = _DOOR

    def __init__(self, bus: Bus, clock: Clock, config: MqttConfig) -> None:
        self._bus = bus
        self._clock = clock
        self._config = config
        self._subscriptions = [Subscription.parse(topic) for topic in config.topics]
        self._topics = Topics(self._subscriptions)
        self._schemas = SchemaMemory()
        self._stopping = threading.Event()
        self._queue: queue.Queue[_Message] = queue.Queue(config.max_unacknowledged)
        self._connection = 0
        self._kept: dict[int, bytes] = {}
        """Durable, and their acknowledgement never left: message id → what it was."""
        self._thread = threading.Thread(target=self._run, name="heimdall-mqtt", daemon=True)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return ()

    def start(self) -> None:
        self._client = self._made()
        host, port = self._config.address
        self._client.connect_async(host, port, self._config.keepalive_s, **self._connect_arguments())
        self._loop = MqttLoop(self._client)
        self._loop.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_S)
        self._loop.stop()
        CONNECTED.set(0)

    # -- the connection ---------------------------------------------------------------------------------------------

    def _made(self) -> Any:
        mqtt = _driver()
        config, security = self._config, self._config.security
        five = config.protocol == "5"
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            manual_ack=True,
            **({} if five else {"clean_session": False}),
        )
        try:
            if security.username:
                client.username_pw_set(security.username, security.secret)
            if security.tls:
                client.tls_set(
                    *(str(path) if path else None for path in (security.authority, security.certificate, security.key))
                )
        except (OSError, ValueError) as exc:
            raise Misconfigured(f"sources.mqtt cannot be set up: {exc}") from exc
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_message, client.on_subscribe = self._received, self._subscribed
        return client

    def _connect_arguments(self) -> dict[str, Any]:
        if self._config.protocol != "5":
            return {}
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415  (an extra)
        from paho.mqtt.properties import Properties  # noqa: PLC0415

        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # its own has none
        properties.SessionExpiryInterval = self._config.session_expiry_s or _NEVER_EXPIRES
        properties.ReceiveMaximum = self._config.max_unacknowledged
        properties.MaximumPacketSize = self._config.max_message_bytes + 64 * 1024  # its topic and properties
        return {"clean_start": False, "properties": properties}

    def _connected(self, client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.warning("mqtt: %s refuses: %s", self._config.broker, reason)
            return
        self._connection += 1
        CONNECTED.set(1)
        _log.info("mqtt: connected to %s, session %s", self._config.broker, "kept" if flags.session_present else "new")
        if not flags.session_present:
            self._kept.clear()
        client.subscribe([(each.filter, self._options()) for each in self._subscriptions])

    def _options(self) -> Any:
        """QoS 1; what a topic retains comes once, when the subscription is new (MQTT 5)."""
        if self._config.protocol != "5":
            return 1
        from paho.mqtt.subscribeoptions import SubscribeOptions  # noqa: PLC0415  (an extra)

        return SubscribeOptions(qos=1, retainHandling=1)

    def _subscribed(self, _client: Any, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        for each, reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                _log.error("mqtt: %s does not let %s subscribe: %s", self._config.broker, each.filter, reason)

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        CONNECTED.set(0)
        if not self._stopping.is_set():
            _log.warning("mqtt: the connection to %s ended: %s", self._config.broker, reason)

    def _received(self, _client: Any, _data: Any, message: Any) -> None:
        """In the client's thread. Without room it waits, so that nothing more is read."""
        taken = _Message(message.topic, message.payload, message.qos, message.mid, bool(message.dup), self._connection)
        while not self._stopping.is_set():
            try:
                self._queue.put(taken, timeout=0.5)
            except queue.Full:
                continue
            return

    # -- to the bus -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            batch = self._gathered()
            if not batch:
                if self._stopping.is_set():
                    return
                continue
            try:
                if self._keep(batch):
                    self._acknowledge(batch)
            except Exception:
                _log.exception("mqtt: a batch could not be kept; the broker has it still")

    def _gathered(self) -> list[_Message]:
        """Messages until there are enough, or it was quiet for a moment. Those the broker will send again are left."""
        batch: list[_Message] = []
        wait_s, deadline = 0.2, 0.0
        while len(batch) < self._config.max_batch_records:
            try:
                message = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            if message.qos and message.connection != self._connection:
                continue  # of a connection that ended: it comes again
            if message.again and self._kept.get(message.mid) == message.digest:
                self._client.ack(message.mid, message.qos)
                del self._kept[message.mid]
                continue
            deadline = deadline or self._clock.monotonic() + self._config.max_wait_s
            batch.append(message)
            wait_s = min(_QUIET_S, deadline - self._clock.monotonic())
            if wait_s <= 0:
                break
        return batch

    def _keep(self, batch: list[_Message]) -> bool:
        """Whether the records are durable; False only when the source was stopped first."""
        messages = MqttMessages([each.topic for each in batch], [each.payload for each in batch], self._topics)
        decoded = decode_apart(messages, self._decode)
        if decoded.undecodable:
            bad = messages.at([place for place, _ in decoded.undecodable])
            now_ns = self._clock.time_ns()
            table = with_envelopes(malformed(bad.values, now_ns=now_ns), bad, now_ns=now_ns)
            decoded = PayloadsDecoded(together(decoded.table, table), (), 0)
        if decoded.num_rows and not self._durable(decoded.table):
            return False
        BYTES.labels(_DOOR).inc(sum(len(each.payload) for each in batch))
        return True

    def _decode(self, messages: MqttMessages) -> PayloadsDecoded:
        return decode_payloads(messages, self._config.format, now_ns=self._clock.time_ns(), schemas=self._schemas)

    def _durable(self, table: pa.Table) -> bool:
        """Append until the bus has it. What the bus can never keep is halved, down to the record that it is about."""
        durable: Future[int] | None = None
        while not self._stopping.is_set() or durable is not None:
            try:
                durable = durable or self._bus.append(LogBatch(DEFAULT_TENANT, table))
                durable.result(_DURABLE_WITHIN_S)
            except FutureTimeout:
                _log.warning("mqtt: the bus has not acknowledged for %.0f s", _DURABLE_WITHIN_S)
                if self._stopping.is_set():
                    return False
            except (Overloaded, Unavailable) as exc:
                durable = None
                self._stopping.wait(exc.retry_after_s)
            except (InvalidInput, Refused) as exc:
                return self._refused(table, str(exc))
            else:
                RECORDS.labels(_DOOR, "accepted").inc(table.num_rows)
                return True
        return False

    def _refused(self, table: pa.Table, reason: str) -> bool:
        if table.num_rows > 1:
            middle = table.num_rows // 2
            return self._durable(table.slice(0, middle)) and self._durable(table.slice(middle))
        _log.error("mqtt: a record can never be kept: %s", reason)
        RECORDS.labels(_DOOR, "rejected").inc()
        return True

    def _acknowledge(self, batch: list[_Message]) -> None:
        for message in batch:
            if not message.qos:
                continue
            if message.connection == self._connection and self._client.is_connected():
                self._client.ack(message.mid, message.qos)
                self._kept.pop(message.mid, None)
            else:
                self._kept[message.mid] = message.digest


def _driver() -> Any:
    """`paho.mqtt.client`.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import paho.mqtt.client  # noqa: PLC0415  (an extra)
    except ImportError as exc:
        raise MissingExtra("paho-mqtt", "mqtt") from exc
    return paho.mqtt.client
