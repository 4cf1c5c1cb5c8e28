"""splunk-handler, a Python logging handler for HEC."""

import logging
import sys

from splunk_handler import SplunkHandler, force_flush

host, port, service = sys.argv[1:]
handler = SplunkHandler(
    host=host,
    port=int(port),
    token="00000000-0000-0000-0000-000000000000",
    index="main",
    protocol="http",
    verify=False,
    source=service,
    sourcetype="text",
    flush_interval=0.2,
)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.addHandler(handler)
for n in range(100):
    log.error("ERROR card %d declined", n)
force_flush()
