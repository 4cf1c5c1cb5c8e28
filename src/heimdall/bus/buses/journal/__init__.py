"""The embedded bus: segment files of checksummed frames, synced in groups before anything is acknowledged.

A batch's way in: `codec` (Arrow to bytes, in the sender's thread) → `committer` (stamp, write, sync, acknowledge), in
the bytes of `layout`, onto `disk`. Its way out: `reader` over `scan`. After a crash `recovery` decides what stands, and
`quarantine` keeps what is damaged. `docs/durability.md` tells why.
"""

from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.journal import Journal
from heimdall.bus.buses.journal.quarantine import Damage
from heimdall.bus.buses.journal.recovery import RecoveryReport

__all__ = ["Damage", "Journal", "JournalConfig", "RecoveryReport"]
