"""Which records a Sigma rule speaks of: its `logsource` as a condition, and its field names as records have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from heimdall.insight.rules.sigma.unsupported import Unsupported
from heimdall.query.ast import And, Compare, Exists, Not, Operator, Or, Predicate, Regex

_SYSMON = ("Microsoft-Windows-Sysmon/Operational",)
_POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")

_WINDOWS_EVENTS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "process_creation": (_SYSMON, (1,)),
    "file_change": (_SYSMON, (2,)),
    "network_connection": (_SYSMON, (3,)),
    "sysmon_status": (_SYSMON, (4, 16)),
    "process_termination": (_SYSMON, (5,)),
    "driver_load": (_SYSMON, (6,)),
    "image_load": (_SYSMON, (7,)),
    "create_remote_thread": (_SYSMON, (8,)),
    "raw_access_thread": (_SYSMON, (9,)),
    "process_access": (_SYSMON, (10,)),
    "file_event": (_SYSMON, (11,)),
    "registry_add": (_SYSMON, (12,)),
    "registry_delete": (_SYSMON, (12,)),
    "registry_set": (_SYSMON, (13,)),
    "registry_rename": (_SYSMON, (14,)),
    "registry_event": (_SYSMON, (12, 13, 14)),
    "create_stream_hash": (_SYSMON, (15,)),
    "pipe_created": (_SYSMON, (17, 18)),
    "wmi_event": (_SYSMON, (19, 20, 21)),
    "dns_query": (_SYSMON, (22,)),
    "file_delete": (_SYSMON, (23, 26)),
    "clipboard_capture": (_SYSMON, (24,)),
    "process_tampering": (_SYSMON, (25,)),
    "file_block": (_SYSMON, (27, 28)),
    "file_executable_detected": (_SYSMON, (29,)),
    "sysmon_error": (_SYSMON, (255,)),
    "ps_script": (_POWERSHELL, (4104,)),
    "ps_module": (_POWERSHELL, (4103,)),
    "ps_classic_start": (("Windows PowerShell",), (400,)),
    "ps_classic_provider_start": (("Windows PowerShell",), (600,)),
    "ps_classic_script": (("Windows PowerShell",), (800,)),
}
"""Category of Windows: channels and event ids. Sysmon's numbers: its documentation."""

_KERNEL_FILE = ("file_access", "file_rename")
"""Events that come from the provider Microsoft-Windows-Kernel-File."""

_WINDOWS_CHANNELS: Mapping[str, tuple[str, ...]] = {
    "application": ("Application",),
    "security": ("Security",),
    "system": ("System",),
    "sysmon": _SYSMON,
    "powershell": _POWERSHELL,
    "powershell-classic": ("Windows PowerShell",),
    "taskscheduler": ("Microsoft-Windows-TaskScheduler/Operational",),
    "wmi": ("Microsoft-Windows-WMI-Activity/Operational",),
    "windefend": ("Microsoft-Windows-Windows Defender/Operational",),
    "firewall-as": ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",),
    "dns-server": ("DNS Server",),
    "dns-server-analytic": ("Microsoft-Windows-DNS-Server/Analytical",),
    "dns-client": ("Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client/Operational"),
    "driver-framework": ("Microsoft-Windows-DriverFrameworks-UserMode/Operational",),
    "ntlm": ("Microsoft-Windows-NTLM/Operational",),
    "dhcp": ("Microsoft-Windows-DHCP-Server/Operational",),
    "msexchange-management": ("MSExchange Management",),
    "printservice-admin": ("Microsoft-Windows-PrintService/Admin",),
    "printservice-operational": ("Microsoft-Windows-PrintService/Operational",),
    "terminalservices-localsessionmanager": ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",),
    "smbclient-security": ("Microsoft-Windows-SmbClient/Security",),
    "smbclient-connectivity": ("Microsoft-Windows-SmbClient/Connectivity",),
    "smbserver-connectivity": ("Microsoft-Windows-SMBServer/Connectivity",),
    "applocker": (
        "Microsoft-Windows-AppLocker/MSI and Script",
        "Microsoft-Windows-AppLocker/EXE and DLL",
        "Microsoft-Windows-AppLocker/Packaged app-Deployment",
        "Microsoft-Windows-AppLocker/Packaged app-Execution",
    ),
    "bits-client": ("Microsoft-Windows-Bits-Client/Operational",),
    "codeintegrity-operational": ("Microsoft-Windows-CodeIntegrity/Operational",),
    "security-mitigations": (
        "Microsoft-Windows-Security-Mitigations/Kernel Mode",
        "Microsoft-Windows-Security-Mitigations/User Mode",
    ),
    "shell-core": ("Microsoft-Windows-Shell-Core/Operational",),
    "openssh": ("OpenSSH/Operational",),
    "ldap": ("Microsoft-Windows-LDAP-Client/Debug",),
    "ldap_debug": ("Microsoft-Windows-LDAP-Client/Debug",),
    "lsa-server": ("Microsoft-Windows-LSA/Operational",),
    "vhdmp": ("Microsoft-Windows-VHDMP/Operational",),
    "appxdeployment-server": ("Microsoft-Windows-AppXDeploymentServer/Operational",),
    "appxpackaging-om": ("Microsoft-Windows-AppxPackaging/Operational",),
    "appmodel-runtime": ("Microsoft-Windows-AppModel-Runtime/Admin",),
    "capi2": ("Microsoft-Windows-CAPI2/Operational",),
    "certificateservicesclient-lifecycle-system": (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
    ),
    "diagnosis-scripted": ("Microsoft-Windows-Diagnosis-Scripted/Operational",),
    "hyper-v-worker": ("Microsoft-Windows-Hyper-V-Worker",),
    "iis-configuration": ("Microsoft-IIS-Configuration/Operational",),
    "kernel-event-tracing": ("Microsoft-Windows-Kernel-EventTracing",),
    "kernel-shimengine": ("Microsoft-Windows-Kernel-ShimEngine/Operational",),
    "microsoft-servicebus-client": ("Microsoft-ServiceBus-Client",),
    "sense": ("Microsoft-Windows-SENSE/Operational",),
    "servicebus": ("Microsoft-ServiceBus-Client",),
}
"""Service of Windows: its channels. Source: Sigma's table of log sources."""

_PROGRAMS: Mapping[tuple[str, str], str] = {
    ("linux", name): pattern
    for name, pattern in (
        ("sshd", "^sshd"), ("sudo", "^sudo"), ("cron", "(?i)^cron"), ("vsftpd", "^vsftpd"), ("clamav", "^(clam|fresh)"),
        ("guacamole", "^guac"),
    )
}  # fmt: skip
"""Services that name a program: its name as syslog has it."""

_WEB = {
    "cs-method": ("method",),
    "cs-uri-query": ("query",),
    "c-uri-query": ("query",),
    "cs-uri-stem": ("path",),
    "cs-uri": ("path", "query"),
    "c-uri": ("path", "query"),
    "sc-status": ("status",),
    "cs-user-agent": ("user_agent",),
    "c-useragent": ("user_agent",),
    "cs-referer": ("referer",),
    "cs-host": ("server",),
    "c-ip": ("client",),
    "cs-username": ("user_id",),
}
"""W3C's names of what Heimdall reads from access logs under other names."""

_CANONICAL = {
    "servicename": "service", "service": "service", "appname": "service", "application": "service", "app": "service",
    "message": "message", "msg": "message", "userid": "user_id", "user_id": "user_id", "sessionid": "session_id",
    "requestid": "request_id", "awsregion": "region", "region": "region",
}  # fmt: skip
"""Names that a door takes for a column of its own, where nothing better stands in the record."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A rule's `logsource`."""

    condition: Predicate | None
    web: bool
    said: Predicate | None = None
    """What records of the source say of themselves. Asked for where a rule's own fields do not tell them from others:
    where it looks for bare words, or for what is missing."""

    def places(self, field: str) -> tuple[str, ...]:
        """Where records may have a Sigma field, the sender's own name first."""
        lower = field.lower()
        if lower == "level":  # the door makes it the record's level, and keeps no number that Windows gave
            return ("attributes.Level",)
        own = _CANONICAL.get(lower)
        if own is not None:
            return (own, f"attributes.{field}")
        return (field, *(_WEB.get(lower, ()) if self.web else ()))


def log_source(given: Mapping[str, object]) -> LogSource:
    """Raises Unsupported: a source of Windows events nobody knows the channel of."""
    product, category, service = (str(given.get(name) or "").lower() for name in ("product", "category", "service"))
    said: Predicate | None = None
    web = category in ("webserver", "proxy") or service in ("apache", "nginx", "iis")
    condition: Predicate | None = None
    if product == "windows":
        condition = _windows(category, service)
    elif (product, service) in _PROGRAMS:
        condition = Regex(_PROGRAMS[product, service], "service")
    elif (product, service) == ("aws", "cloudtrail"):
        condition = Exists("eventSource")
    elif product in ("linux", "macos"):
        condition = Not(Exists("Channel"))  # field names are those of Windows; only its events have a channel
    elif product and product not in _GENERAL:
        said = _named(product, service)
    else:
        said = Not(Exists("Channel"))
    return LogSource(condition, web, said)


_GENERAL = frozenset(
    {"linux", "macos", "jvm", "python", "ruby_on_rails", "spring", "nodejs", "velocity", "sql", "django"}
)
"""Products whose records name no product: anything but Windows events may be theirs."""

_NAMING_FIELDS = ("product", "vendor", "event.module", "observer.vendor", "observer.product", "cef.device_vendor",
                  "leef.vendor", "_path")  # fmt: skip


def _named(product: str, service: str) -> Predicate:
    """Records that name the product, or the kind of log it has, in a field made for that."""
    words = "|".join(re.sub(r"[^a-z0-9]+", ".", name) for name in dict.fromkeys((product, service)) if name)
    pattern = f"(?i)(?:^|[^a-z])(?:{words})(?:[^a-z]|$)"
    return Or(tuple(Regex(pattern, field) for field in ("service", *_NAMING_FIELDS)))


def _windows(category: str, service: str) -> Predicate | None:
    terms: list[Predicate] = []
    if category in _WINDOWS_EVENTS:
        channels, events = _WINDOWS_EVENTS[category]
        terms += [_one_of("Channel", channels), _one_of("EventID", tuple(map(str, events)))]
    elif category in _KERNEL_FILE:
        names = ("Provider_Name", "SourceName")
        terms.append(Or(tuple(Compare(name, Operator.EQ, "Microsoft-Windows-Kernel-File") for name in names)))
    elif category:
        raise Unsupported(f"nobody says which Windows events category {category} means")
    if service in _WINDOWS_CHANNELS:
        terms.append(_one_of("Channel", _WINDOWS_CHANNELS[service]))
    elif service:
        raise Unsupported(f"nobody says which Windows channel service {service} means")
    return terms[0] if len(terms) == 1 else And(tuple(terms)) if terms else None


def _one_of(field: str, values: tuple[str, ...]) -> Predicate:
    tests = tuple(Compare(field, Operator.EQ, value) for value in values)
    return tests[0] if len(tests) == 1 else Or(tests)
