"""A made-up shop whose services log like real ones: for trying Heimdall, and for judging what it notices.

The road of a line: `plan` (what happens when) → `traffic` (who asks for what) → `calls` (which service did what,
how long, how it ended) → `lines` with the scripts of `services/` (what is said about it) → `formats/` (how it is
spelled) → `streams` (in order of time) → `feed` (over HTTP into a node) or `files`. `incidents/` bends the calls and
adds to the lines; `truth` writes down what it did. Everything follows from a seed and a start time.
"""
