"""The services that a demo fleet is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

EVERYWHERE = 3  # services at the top of the table that run in every fleet


@dataclass(frozen=True, slots=True)
class ServiceName:
    """One kind of service: its name, the team that owns it, and what is special about it.

    `grpc` adds a second port by that name; `canary` adds an instance of the next version with a low weight;
    `flapping` makes one instance go up and down for ever.
    """

    name: str
    team: str
    tier: str
    grpc: bool = False
    canary: bool = False
    flapping: bool = False


SERVICES = (
    # What is special comes first, so that a small fleet shows it too.
    ServiceName("user-service", "accounts", "core", grpc=True),
    ServiceName("order-service", "orders", "core"),
    ServiceName("payment-service", "payments", "core"),
    ServiceName("cart-service", "storefront", "edge"),
    ServiceName("checkout-service", "storefront", "edge", canary=True),
    ServiceName("recommendation-service", "discovery", "edge", flapping=True),
    ServiceName("inventory-service", "warehouse", "core", grpc=True),
    ServiceName("search-service", "discovery", "edge", canary=True),
    ServiceName("pricing-service", "catalogue", "core", grpc=True),
    ServiceName("product-service", "catalogue", "core"),
    ServiceName("shipping-service", "logistics", "core"),
    ServiceName("notification-service", "messaging", "core"),
    ServiceName("email-service", "messaging", "batch"),
    ServiceName("sms-service", "messaging", "batch"),
    ServiceName("auth-service", "accounts", "edge"),
    ServiceName("session-service", "accounts", "edge"),
    ServiceName("profile-service", "accounts", "core"),
    ServiceName("review-service", "community", "core"),
    ServiceName("rating-service", "community", "core"),
    ServiceName("wishlist-service", "storefront", "core"),
    ServiceName("catalog-service", "catalogue", "core"),
    ServiceName("media-service", "content", "edge"),
    ServiceName("image-service", "content", "batch"),
    ServiceName("content-service", "content", "core"),
    ServiceName("gateway-service", "platform", "edge"),
    ServiceName("billing-service", "payments", "core"),
    ServiceName("invoice-service", "payments", "batch"),
    ServiceName("refund-service", "payments", "core"),
    ServiceName("fraud-service", "risk", "core"),
    ServiceName("tax-service", "payments", "core"),
    ServiceName("currency-service", "payments", "core"),
    ServiceName("discount-service", "marketing", "core"),
    ServiceName("coupon-service", "marketing", "core"),
    ServiceName("loyalty-service", "marketing", "core"),
    ServiceName("campaign-service", "marketing", "batch"),
    ServiceName("analytics-service", "insight", "batch"),
    ServiceName("report-service", "insight", "batch"),
    ServiceName("metrics-service", "insight", "core"),
    ServiceName("audit-service", "risk", "core"),
    ServiceName("warehouse-service", "warehouse", "core"),
    ServiceName("supplier-service", "warehouse", "batch"),
    ServiceName("returns-service", "logistics", "core"),
    ServiceName("tracking-service", "logistics", "edge"),
    ServiceName("address-service", "logistics", "core"),
    ServiceName("geo-service", "platform", "core"),
    ServiceName("config-service", "platform", "core"),
    ServiceName("feature-service", "platform", "core"),
    ServiceName("scheduler-service", "platform", "batch"),
    ServiceName("support-service", "community", "core"),
    ServiceName("chat-service", "community", "edge"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """This fleet is number `number`, from 1, of `fleets` that share the services between them."""

    number: int = 1
    fleets: int = 1

    def runs(self, position: int) -> bool:
        """Whether the service in that row runs here: the first and every fourth run in all fleets, others in all but
        one, and half of them in one alone."""
        if self.fleets == 1 or position < EVERYWHERE or position % 4 == 0:
            return True
        turn = position // 4 % self.fleets == self.number - 1
        return not turn if position % 4 == 3 else turn


ALONE = Share()


def service_names(count: int) -> Iterator[ServiceName]:
    """The first `count` services; past the end of the table the same again as `user-v2-service` and so on."""
    for position in range(count):
        generation, row = divmod(position, len(SERVICES))
        service = SERVICES[row]
        if generation == 0:
            yield service
        else:
            stem = service.name.removesuffix("-service")
            yield replace(service, name=f"{stem}-v{generation + 1}-service")
