"""Bytes of a wire format → columns. One module per format; each ends in a `Decoded`."""
