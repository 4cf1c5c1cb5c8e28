"""What differs between two sets of records: templates, values of fields, volume."""
