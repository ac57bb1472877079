"""What a region says once it is ready: where to look, with lines that work when pasted."""

from config.plan import WILDCARDS, RegionPlan

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
        f"  admin site   {url}/admin/{_sign_in(plan)}",
        f"  API page     {url}/api/v1/docs",
        f"  data         {plan.data}",
        "",
        "Lines to paste into another terminal:",
        "",
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


def _sign_in(plan: RegionPlan) -> str:
    """How to sign in, while the password is still the one made at the first start with the demo."""
    path = plan.data / ADMIN_PASSWORD
    if not path.exists():
        return ""
    return f"   user admin, password {path.read_text().strip()}"
