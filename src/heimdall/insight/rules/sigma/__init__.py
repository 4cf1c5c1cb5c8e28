"""Sigma rules as rules of our own: `import_folder` reads files as they are and names what it cannot say.

Sources: the Sigma specification 2.1 (rules, modifiers, correlation). Rules keep their ids and authors, as the Detection
Rule License asks.
"""

from heimdall.insight.rules.sigma.reading import Imported, Unsaid, import_folder, import_text

__all__ = ["Imported", "Unsaid", "import_folder", "import_text"]
