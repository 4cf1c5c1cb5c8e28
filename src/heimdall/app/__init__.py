"""The one place that knows everyone: configuration, wiring, command line."""
