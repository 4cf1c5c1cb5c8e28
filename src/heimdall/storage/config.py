"""What an operator may set about where records are kept and how long."""

from __future__ import annotations

from dataclasses import dataclass

from heimdall.errors import Misconfigured
from heimdall.model.batch import TenantId
from heimdall.storage.schedule import Days, Schedule, Tier, parse_days


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    url: str = "clickhouse+embedded://"
    """Engine of the hot and the warm tier. `clickhouse+embedded://` = the `storage` folder below `data`;
    `clickhouse+embedded:///dir` = another folder; `memory://` = one tier, and nothing survives a restart."""
    hot_days: int = 7
    """Days in the hot tier, by a record's own time or when it came in, whichever is later. Moves go by whole days."""
    warm_days: int = 30
    """Age in days at which records leave the warm tier. Not above `hot_days`: there is no warm tier."""
    cold_days: int = 365
    """Age in days at which records are dropped. 0 keeps everything. Not above `warm_days`: there is no cold tier."""
    tenants: tuple[str, ...] = ()
    """Tenants with days of their own, each as `name=hot/warm/cold`: `acme=14/60/730`."""
    policies: tuple[str, ...] = ()
    """Values of the records' field `retention_policy` with days of their own, before those of the tenant:
    `audit=7/30/2555`, `debug=1/0/3`."""
    cold_url: str = "file://"
    """Store of the cold tier's Parquet files. `file://` = the `cold` folder below `data`; `file:///dir` = another
    folder; `s3://bucket/prefix` = S3 or what speaks its protocol. One prefix a node."""
    s3_endpoint: str = ""
    """URL of an S3-compatible store. Empty: Amazon's, by `s3_region`."""
    s3_region: str = "us-east-1"
    """Region that requests are signed for."""
    s3_access_key_id: str = ""
    """Key of the store. Empty: what the environment or the machine's role gives."""
    s3_secret_access_key: str = ""
    """Its secret. Better set as `HEIMDALL_STORAGE__S3_SECRET_ACCESS_KEY` than in a file."""
    archive_days: int = 0
    """Days after which the store moves cold files to `archive_class`, by a lifecycle rule that the node sets. 0: never.
    A query that needs such a file asks for its restore and answers without it, marked `partial`."""
    archive_class: str = "GLACIER"
    """Storage class they move to: GLACIER, DEEP_ARCHIVE or GLACIER_IR (which is read without a restore)."""
    restore_days: int = 7
    """Days a restored file stays readable."""

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return (Tier.HOT,) if self.url.startswith("memory:") else (Tier.HOT, Tier.WARM, Tier.COLD)

    def schedule(self) -> Schedule:
        """
        Raises:
            Misconfigured: days that make no sense, or an entry of another form.
        """
        try:
            default = Days(self.hot_days, self.warm_days, self.cold_days)
        except Misconfigured as exc:
            raise Misconfigured(f"setting storage: hot_days/warm_days/cold_days {exc}") from exc
        tenants = parse_days(self.tenants, "storage.tenants")
        return Schedule(
            default,
            self.tiers,
            tenants={TenantId(name): days for name, days in tenants.items()},
            policies=parse_days(self.policies, "storage.policies"),
        )
