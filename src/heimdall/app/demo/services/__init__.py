"""What each service says: one module per service, with a `SCRIPT` of lines about calls and of routine lines."""

from __future__ import annotations

from heimdall.app.demo.lines import Script
from heimdall.app.demo.services import (
    auth,
    batch,
    cart,
    catalogue,
    checkout,
    gateway,
    inventory,
    kafka,
    kubelet,
    notification,
    order,
    payment,
    postgres,
    recommendation,
    redis,
    search,
    shipping,
    web,
)

SCRIPTS: dict[str, Script] = {
    "gateway": gateway.SCRIPT,
    "web": web.SCRIPT,
    "auth": auth.SCRIPT,
    "catalogue": catalogue.SCRIPT,
    "search": search.SCRIPT,
    "cart": cart.SCRIPT,
    "checkout": checkout.SCRIPT,
    "payment": payment.SCRIPT,
    "order": order.SCRIPT,
    "inventory": inventory.SCRIPT,
    "shipping": shipping.SCRIPT,
    "notification": notification.SCRIPT,
    "recommendation": recommendation.SCRIPT,
    "postgres": postgres.SCRIPT,
    "redis": redis.SCRIPT,
    "kafka": kafka.SCRIPT,
    "batch": batch.SCRIPT,
    "kubelet": kubelet.SCRIPT,
}
