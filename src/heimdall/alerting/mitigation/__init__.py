"""What Heimdall does about an alert: planned, guarded, recorded step by step, watched, and undone."""
