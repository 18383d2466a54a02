"""A MongoDB wire gateway over the DocumentDB extension of PostgreSQL.

Every answer about data, users, operations and plans comes from the engine. The gateway's own are: the handshake
(`hello`, `isMaster`, `buildInfo`, `ping`), the login's messages, and the sessions, transactions and cursors that it
ties to PostgreSQL connections. What the engine does not execute is refused with CommandNotFound (59).
"""
