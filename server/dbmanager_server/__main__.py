"""`python -m dbmanager_server` is the `dbmanager` command."""

from dbmanager_server.entry import main

main()
