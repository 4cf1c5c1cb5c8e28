"""Query languages: each turns its text into the one tree of `heimdall.query.ast`."""
