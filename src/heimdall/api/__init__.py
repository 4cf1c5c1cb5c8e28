"""The edge: what people, dashboards and senders meet over HTTP."""
