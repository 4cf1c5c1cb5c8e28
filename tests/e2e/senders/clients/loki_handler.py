"""A Python logging handler for Loki, as an application sets it up."""

import logging
import sys
import time

from logging_loki import LokiHandler

url, service = sys.argv[1:]
handler = LokiHandler(url=f"{url}/loki/api/v1/push", tags={"service": service}, version="1")
log = logging.getLogger("shop")
log.addHandler(handler)
for n in range(20):
    log.error("card declined %d", n)
time.sleep(0.2)
handler.close()
