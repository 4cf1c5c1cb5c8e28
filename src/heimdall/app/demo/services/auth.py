"""Sign-in and sessions, in Python: who came in, who did not, from where."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_STACK = (
    "Traceback (most recent call last):\n"
    '  File "/app/auth/login.py", line 71, in login\n'
    "    account = await accounts.by_email(email)\n"
    '  File "/app/auth/accounts.py", line 38, in by_email\n'
    "    async with pool.acquire(timeout=3) as connection:\n"
    '  File "/usr/lib/python3.12/asyncio/tasks.py", line 520, in wait_for\n'
    "    return await fut\n"
    "TimeoutError: no connection to accounts database within 3 s"
)

SCRIPT = Script(
    lines=(
        Line(op="verify", level="debug", logger="auth.session", message="session accepted", share=0.5),
        Line(
            op="login", level="info", logger="auth.login",
            message="login succeeded for {email} from {ip} in {took_ms} ms",
        ),
        Line(
            op="login", level="warn", logger="auth.login", outcomes=(Outcome.PASSWORD,),
            message="login failed for {email} from {ip}: wrong password",
        ),
        Line(
            op="login", level="warn", logger="auth.lockout", outcomes=(Outcome.LOCKED,),
            message="account {email} locked for {minutes} minutes after {tries} failed logins, last from {ip}",
            draws=(Draw("minutes", 10, 31), Draw("tries", 5, 9)),
        ),
        Line(op="login", level="error", logger="auth.login", outcomes=BROKEN, stack=_STACK,
             message="login could not be checked for {email}"),
        Line(op="verify", level="error", logger="auth.session", outcomes=BROKEN,
             message="session store did not answer, request refused"),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="auth.runtime", jitter=0.05,
                message="cpu={cpu_pct}% memory={mem_mib}MiB of {limit_mib}MiB open_sessions={open}",
                draws=(Draw("open", 900, 5200),)),
        Routine(period_s=900, level="info", logger="auth.tokens",
                message="removed {removed} expired sessions in {ms} ms",
                draws=(Draw("removed", 40, 800), Draw("ms", 3, 60))),
        Routine(period_s=21_600, level="info", logger="auth.keys", message="signing key rotated, key id k{key}",
                draws=(Draw("key", 1000, 9999),)),
    ),
)  # fmt: skip
