"""Python: the logging module's usual format strings, Gunicorn, Celery, loguru and oslo.log.

`LAYOUTS` match what follows the time.
"""

from __future__ import annotations

from heimdall.ingest.decode.format import LEVEL, Format

_NAME = r"(?P<logger>[A-Za-z_][A-Za-z0-9_.-]*)"
_LINE = r"(?P<line_number>[0-9]+)"
_MESSAGE = r"(?P<message>(?s:.*))$"

LAYOUTS: tuple[Format, ...] = (
    # %(asctime)s - %(name)s - %(levelname)s - %(message)s
    Format("python_dashes", rf"^{_NAME} - (?:(?P<thread>[A-Za-z0-9_.-]+) - )?{LEVEL} - {_MESSAGE}"),
    # {time} | {level} | {name}:{function}:{line} - {message}
    Format(
        "python_loguru",
        rf"^{LEVEL} *\| (?P<logger>[A-Za-z0-9_.<>]+):(?P<function>[A-Za-z0-9_<>]+):{_LINE} - {_MESSAGE}",
    ),
    # [%(process)d] [%(levelname)s] %(message)s
    Format("python_gunicorn", rf"^\[(?P<pid>[0-9]+)\] \[{LEVEL}\] {_MESSAGE}"),
    # [%(asctime)s: %(levelname)s/%(processName)s] %(message)s
    Format("python_celery", rf"^{LEVEL}/(?P<thread>[A-Za-z0-9_.-]+)\] {_MESSAGE}"),
    # %(process)d %(levelname)s %(name)s [request] %(message)s
    Format(
        "python_oslo",
        rf"^(?P<pid>[0-9]+) {LEVEL} {_NAME} \[(?:(?P<request_id>req-[0-9a-f-]{{36}})[^\]]*|[^\]]*)\] {_MESSAGE}",
    ),
    # %(levelname)s [%(name)s:%(lineno)d] %(message)s, with and without brackets around each
    Format(
        "python_level_name_line",
        rf"^\[?{LEVEL}\]? +\[(?P<logger>[A-Za-z_][A-Za-z0-9_.]*):{_LINE}\]:? {_MESSAGE}",
    ),
    Format(
        "python_level_file_line",
        rf"^\[?{LEVEL}\]? +[\[(]?(?P<file>[A-Za-z0-9_./-]+\.py):{_LINE}[\])]?:?(?: -)? {_MESSAGE}",
    ),
    Format(
        "python_level_name_line", rf"^\[?{LEVEL}\]? +(?P<logger>[A-Za-z_][A-Za-z0-9_.]*):{_LINE}:? (?:- )?{_MESSAGE}"
    ),
)

FORMATS: tuple[Format, ...] = (
    # logging.BASIC_FORMAT: %(levelname)s:%(name)s:%(message)s
    Format(
        "python_basic",
        r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<logger>[A-Za-z_][A-Za-z0-9_.-]*):(?P<message>(?s:.*))$",
    ),
)
