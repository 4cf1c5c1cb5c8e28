"""From what was noticed to somebody who knows: alerts, incidents, silences, routes, and the channels they go out by."""
