"""klog and glog: `I1122 10:15:30.123456   12345 server.go:42] message` (Kubernetes, Google C++ and Go programs).

Source: glog "Log line prefix"; klog `header` in klog.go. The date has no year unless glog wrote one.
"""

from __future__ import annotations

from heimdall.ingest.decode.format import Format

FORMATS: tuple[Format, ...] = (
    Format(
        "klog",
        r"^(?P<level>[IWEF])(?P<timestamp>(?:[0-9]{4})?[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?) +"
        r"(?P<tid>[0-9]+) (?P<file>[^ :\]]+):(?P<line_number>[0-9]+)\] ?(?P<message>(?s:.*))$",
    ),
)
