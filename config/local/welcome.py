"""What regions say once they are ready: where to look, with lines that work when pasted."""

from collections.abc import Sequence

from config.local.plan import BASE_DIR, WILDCARDS, RegionPlan

ADMIN_PASSWORD = "admin-password"  # noqa: S105 - the name of a file


def welcome(plan: RegionPlan) -> str:
    """The text for the terminal."""
    dns_host = WILDCARDS.get(plan.dns.host, plan.dns.host)
    dig = f"dig @{dns_host} -p {plan.dns.port}"
    url = plan.url
    rows = [
        "",
        f"Region {plan.region} is ready. Where to look:",
        "",
        f"  dashboard    {url}/",
        f"  admin site   {url}/admin/{_sign_in(plan)}",
        f"  API page     {url}/api/v1/docs",
        f"  data         {plan.data}",
        "",
        "Lines to paste into another terminal:",
        "",
        *_first_registration(plan),
        f"  curl {url}/services",
        f"  curl {url}/services/user-service",
        f"  curl {url}/services/user-service/explain",
        f"  curl {url}/api/v1/instances/",
        f"  curl {url}/health",
        f"  {dig} user-service.service.consul",
        f"  {dig} user-service.service.consul SRV",
        "",
        "Ctrl-C here stops everything; what is registered is kept.",
        "",
    ]
    return "\n".join(rows)


def welcome_all(plans: Sequence[RegionPlan]) -> str:
    """The text for the terminal, for one region or for a federation."""
    return welcome(plans[0]) if len(plans) == 1 else _federation(plans)


def _federation(plans: Sequence[RegionPlan]) -> str:
    first, second = plans[0], plans[1]
    dig = f"dig @{WILDCARDS.get(first.dns.host, first.dns.host)} -p {first.dns.port}"
    names = ", ".join(plan.region for plan in plans[:-1]) + f" and {plans[-1].region}"
    rows = ["", f"Regions {names} are ready, and every one answers for all of them. Where to look:", ""]
    for plan in plans:
        rows += [f"  {plan.region:<12} {plan.url}/   the dashboard"]
        rows += [f"  {'':<12} {plan.url}/admin/{_sign_in(plan)}", f"  {'':<12} {plan.url}/api/v1/docs"]
        rows += [f"  {'':<12} DNS on port {plan.dns.port}, data in {plan.data}"]
    rows += [
        "",
        f"Lines to paste into another terminal; they ask {first.region}, which answers from its memory:",
        "",
        f"  curl {first.url}/services/user-service",
        f"  curl -i '{first.url}/services/user-service?region={second.region}'",
        f"  curl '{first.url}/services/user-service?region=*'",
        f"  curl '{first.url}/services/user-service?region=nearest'",
        f"  curl {first.url}/services/user-service/explain",
        f"  curl {first.url}/api/v1/federation",
        f"  {dig} user-service.service.consul",
        f"  {dig} user-service.service.{second.region}.consul SRV",
        f"  {dig} _freshness.user-service.service.{second.region}.consul TXT",
        f"  MERIDIAN_DATA={first.data} {BASE_DIR / 'meridian'} peer status",
        "",
        "Ctrl-C here stops everything; what is registered is kept.",
        "",
    ]
    return "\n".join(rows)


def _first_registration(plan: RegionPlan) -> list[str]:
    """Without the demo there is nothing to be found yet."""
    if plan.demo:
        return []
    return [
        f'  curl -X PUT {plan.url}/services/user-service/user-1 -d \'{{"host": "10.0.1.5", "port": 8080}}\'',
    ]


def _sign_in(plan: RegionPlan) -> str:
    """How to sign in, while the password is still the one made at the first start with the demo."""
    path = plan.data / ADMIN_PASSWORD
    if not path.exists():
        command = f"MERIDIAN_DATA={plan.data} {BASE_DIR / 'meridian'} user NAME --role administrator"
        return f"   a user for it: {command}"
    return f"   user admin, password {path.read_text().strip()}"
