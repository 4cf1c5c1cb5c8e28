"""Why something happened: services, templates and values of fields ranked as causes of what a window shows."""
