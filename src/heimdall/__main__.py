"""`python -m heimdall` is the `heimdall` command."""

from heimdall.app.cli import main

main()
