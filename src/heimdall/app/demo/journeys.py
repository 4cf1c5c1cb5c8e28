"""What a customer can do, and which services have to work together for it: one tree of calls per kind of request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One service's part in a request, and the calls it makes one after the other."""

    service: str
    operation: str
    self_ms: float
    """Median of the time spent here, without the calls below; log-normal."""
    sigma: float = 0.45
    """Spread of that time's logarithm: 0.45 puts p99 at 2.8 × the median."""
    share: float = 1.0
    """How often this call is needed at all."""
    optional: bool = False
    """The caller goes on without it (and says so) when it fails."""
    afterwards: bool = False
    """Starts when the caller is done: an event on the queue. Same trace, nobody waits."""
    timeout_ms: float = 60_000.0
    """How long the caller waits."""
    attempts: int = 1
    """How often the caller tries."""
    needs: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    name: str
    share: float
    method: str
    path: str
    """With placeholders of the request's own columns."""
    root: Call


def _redis(operation: str) -> Call:
    return Call(service="redis", operation=operation, self_ms=0.6, sigma=0.5)


def _postgres(operation: str, self_ms: float, share: float = 1.0, sigma: float = 0.7) -> Call:
    return Call(service="postgres", operation=operation, self_ms=self_ms, sigma=sigma, share=share)


_VERIFY = Call(service="auth", operation="verify", self_ms=3.0, needs=(_redis("get"),), timeout_ms=2_000)
_SUGGEST = Call(
    service="recommendation", operation="suggest", self_ms=38, sigma=0.5, share=0.6, optional=True, timeout_ms=800
)
_STOCK = Call(service="inventory", operation="stock", self_ms=2.5, needs=(_redis("get"),), timeout_ms=1_500)
_LIST = Call(
    service="catalogue", operation="list", self_ms=9,
    needs=(_redis("get"), _postgres("select", 14, share=0.14)), timeout_ms=4_000, attempts=2,
)  # fmt: skip
_ARTICLE = Call(
    service="catalogue", operation="get", self_ms=5,
    needs=(_redis("get"), _postgres("select", 6, share=0.18)), timeout_ms=4_000,
)  # fmt: skip
_CART = Call(service="cart", operation="get", self_ms=3, needs=(_redis("get"),), timeout_ms=2_000)
_NOTIFY = Call(service="notification", operation="send", self_ms=140, sigma=0.6, afterwards=True)
_SHIP = Call(
    service="shipping", operation="schedule", self_ms=85, sigma=0.6, afterwards=True, needs=(_postgres("insert", 7),)
)
_PAY = Call(
    service="payment", operation="charge", self_ms=210, sigma=0.55,
    needs=(_postgres("insert", 8),), timeout_ms=10_000, attempts=2,
)  # fmt: skip
_ORDER = Call(
    service="order", operation="create", self_ms=14,
    needs=(_postgres("insert", 9), Call(service="kafka", operation="produce", self_ms=4), _SHIP, _NOTIFY),
    timeout_ms=8_000,
)  # fmt: skip
_RESERVE = Call(service="inventory", operation="reserve", self_ms=6, needs=(_postgres("update", 7),), timeout_ms=5_000)
_PLACE = Call(
    service="checkout", operation="place", self_ms=18, needs=(_CART, _RESERVE, _PAY, _ORDER), timeout_ms=15_000
)


def _through_the_door(self_ms: float, *needs: Call) -> Call:
    web = Call(service="web", operation="page", self_ms=self_ms, needs=needs, timeout_ms=20_000)
    return Call(service="gateway", operation="http", self_ms=1.2, needs=(web,))


JOURNEYS: tuple[Journey, ...] = (
    Journey("home", 0.18, "GET", "/", _through_the_door(7, _LIST, _SUGGEST)),
    Journey("browse", 0.17, "GET", "/category/{category}?page={page}", _through_the_door(8, _LIST)),
    Journey("product", 0.25, "GET", "/product/{sku}", _through_the_door(6, _ARTICLE, _STOCK, _SUGGEST)),
    Journey(
        "search", 0.12, "GET", "/search?q={words}",
        _through_the_door(7, Call(service="search", operation="query", self_ms=32, sigma=0.6, timeout_ms=5_000)),
    ),
    Journey(
        "cart_add", 0.08, "POST", "/cart/items",
        _through_the_door(
            5, _VERIFY, _STOCK,
            Call(service="cart", operation="add", self_ms=4, needs=(_redis("set"),), timeout_ms=2_000),
        ),
    ),
    Journey("cart_view", 0.06, "GET", "/cart", _through_the_door(6, _VERIFY, _CART)),
    Journey(
        "login", 0.05, "POST", "/login",
        _through_the_door(
            5,
            Call(
                service="auth", operation="login", self_ms=88, sigma=0.25,
                needs=(_postgres("select", 4), _redis("set")), timeout_ms=5_000,
            ),
        ),
    ),
    Journey("checkout", 0.08, "POST", "/checkout", _through_the_door(9, _VERIFY, _PLACE)),
    Journey(
        "track", 0.03, "GET", "/orders/{order_id}",
        _through_the_door(
            5, _VERIFY,
            Call(service="order", operation="get", self_ms=6, needs=(_postgres("select", 6),), timeout_ms=5_000),
        ),
    ),
)  # fmt: skip

JOURNEY_NUMBER: dict[str, int] = {journey.name: number for number, journey in enumerate(JOURNEYS)}
