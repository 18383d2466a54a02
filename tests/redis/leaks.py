"""Attempts to get a classified value past the mask on Redis, and plain questions that must stay readable, as data."""

from __future__ import annotations

import json

EMAIL = "ada.lovelace@example.org"
CARD = "4111111111111111"
PIECES = (EMAIL, CARD, "lovelace", "Lovelace", EMAIL.encode().hex(), "ada.", "example.org", "41111111", "411111")
_OTHERS = tuple(f"{name}@example.org" for name in (
    "grace.hopper", "alan.turing", "edsger.dijkstra", "barbara.liskov", "donald.knuth", "frances.allen", "john.backus", "radia.perlman",
    "tony.hoare", "jean.sammet", "ken.thompson", "mary.keller", "niklaus.wirth", "leslie.lamport"))  # fmt: skip
PEOPLE = (EMAIL, *_OTHERS)


def seed() -> list[tuple[str, ...]]:
    """Return the commands that make the data; person number 1 is Ada Lovelace."""
    found: list[tuple[str, ...]] = []
    for n, mail in enumerate(PEOPLE, 1):
        name = mail.partition("@")[0].replace(".", " ").title()
        found += [
            (
                "HSET",
                f"user:{n}",
                "email",
                mail,
                "full_name",
                name,
                "card_number",
                CARD,
                "plan",
                "free",
                "country",
                "UK",
            ),
            ("SET", f"session:{n:032x}", json.dumps({"email": mail, "plan": "free"})),
            ("SET", f"contact:{n}", mail),
            ("SET", f"note:{n}", f"please write to {mail} soon"),
            ("RPUSH", f"outbox:{n}", mail, f"copy {mail}"),
            ("SADD", "subscribers", mail),
            ("ZADD", "rank:people", str(n), mail),
            ("XADD", "signups:1", f"{n}-1", "email", mail),
            ("SET", f"login:{mail}", str(n)),
            ("HSET", "ages", mail, str(n)),
            ("GEOADD", "homes:1", "13.3", "38.1", mail),
            ("HSET", f"product:{n}", "title", f"thing {n}", "price", str(n)),
            ("SET", f"counter:{n}", str(n * 7)),
            ("SADD", "tags:all", f"tag{n}"),
            ("ZADD", "board:games", str(n), f"game{n}"),
            ("RPUSH", "queue:jobs", f"job{n}"),
            ("XADD", "events:1", f"{n}-1", "kind", "click"),
        ]
    return found


_SESSION = f"session:{1:032x}"
LEAKS: tuple[tuple[str, ...], ...] = tuple(tuple(line.split(" ")) for line in (
    "HGET user:1 email|hget user:1 email|HGET user:1 card_number|HGET user:1 full_name|HMGET user:1 email plan|HMGET user:1 plan card_number|HGETALL user:1|"
    "HVALS user:1|HSCAN user:1 0|HSCAN user:1 0 MATCH em*|HRANDFIELD user:1 5 WITHVALUES|HRANDFIELD user:1 -20 WITHVALUES|DUMP user:1|"
    f"GET {_SESSION}|GETRANGE {_SESSION} 0 -1|SUBSTR {_SESSION} 0 60|DUMP {_SESSION}|GET contact:1|GETRANGE contact:1 0 3|GETRANGE contact:1 4 11|"
    "SUBSTR contact:1 0 8|DUMP contact:1|MGET contact:1|MGET counter:1 contact:1|MGET contact:1 counter:1 product:1|LCS contact:1 contact:1|"
    "LCS contact:1 note:1|LCS note:1 note:2|BITFIELD_RO contact:1 GET u8 0 GET u8 8 GET u8 16 GET u8 24|GET note:1|GETRANGE note:1 16 40|LRANGE outbox:1 0 -1|"
    "LRANGE outbox:1 1 1|LINDEX outbox:1 0|LINDEX outbox:1 -1|DUMP outbox:1|SORT_RO outbox:1 ALPHA|SORT_RO outbox:1 ALPHA GET #|SORT_RO counter_ids GET note:*|"
    "SORT_RO counter_ids GET contact:*|SORT_RO counter_ids BY contact:* ALPHA GET user:*->email|SORT_RO counter_ids GET counter:* GET user:*->card_number|"
    "SMEMBERS subscribers|SRANDMEMBER subscribers 20|SSCAN subscribers 0 COUNT 100|SINTER subscribers|SUNION tags:all subscribers|SDIFF subscribers tags:all|"
    "DUMP subscribers|SORT_RO subscribers ALPHA|ZRANGE rank:people 0 -1|ZRANGE rank:people 0 0 WITHSCORES|ZREVRANGE rank:people 0 -1|ZRANGEBYSCORE rank:people 1 1|"
    "ZREVRANGEBYSCORE rank:people 1 1|ZRANGE rank:people 1 1 BYSCORE|ZRANGEBYLEX rank:people - +|ZRANGE rank:people - + BYLEX|ZREVRANGEBYLEX rank:people + -|"
    "ZRANDMEMBER rank:people 20|ZRANDMEMBER rank:people -40 WITHSCORES|ZSCAN rank:people 0|ZUNION 2 board:games rank:people|ZINTER 1 rank:people WITHSCORES|ZDIFF 1 rank:people|"
    "DUMP rank:people|XRANGE signups:1 - +|XRANGE signups:1 1-1 1-1|XREVRANGE signups:1 + -|XREAD STREAMS signups:1 0|XREAD COUNT 3 STREAMS events:1 signups:1 0 0|XINFO STREAM signups:1|XINFO STREAM signups:1 FULL|"
    "SCAN 0 COUNT 1000|SCAN 0 MATCH login:* COUNT 1000|SCAN 0 MATCH login:ada* COUNT 1000|SCAN 0 MATCH *ada* COUNT 1000|SCAN 0 MATCH l[a-z]gin:* COUNT 1000 TYPE string|"
    "HGETALL ages|HKEYS ages|HSCAN ages 0|HRANDFIELD ages 40|HRANDFIELD ages 40 WITHVALUES|GEOSEARCH homes:1 FROMLONLAT 13.3 38.1 BYRADIUS 9 km|"
    "GEORADIUS_RO homes:1 13.3 38.1 9 km|GEOSEARCH homes:1 FROMLONLAT 13.3 38.1 BYRADIUS 9 km WITHDIST|ZRANGE homes:1 0 -1|DUMP ages|LRANGE fresh:1 0 -1|GET unheard_of|HGET user:99 ssn|HGETALL user:99"
).split("|"))  # fmt: skip
LATE: tuple[tuple[str, ...], ...] = (
    ("RPUSH", "fresh:1", EMAIL), ("SET", "unheard_of", EMAIL), ("HSET", "user:99", "ssn", CARD, "plan", "free"),
    ("RPUSH", "counter_ids", "1", "2"),
)  # fmt: skip
"""Written after the model was learnt: groups and fields that nobody has looked at yet."""

BENIGN: tuple[tuple[str, ...], ...] = tuple(tuple(line.split(" ")) for line in (
    "HGET user:1 plan|HMGET user:1 plan country|HLEN user:1|HKEYS user:1|HEXISTS user:1 email|HSTRLEN user:1 email|HGETALL product:1|HGET product:1 title|HMGET product:1 title price|"
    "HSCAN product:1 0|HRANDFIELD product:1 2 WITHVALUES|HRANDFIELD user:1|GET counter:1|MGET counter:1 counter:2|GETRANGE counter:1 0 1|STRLEN contact:1|TTL contact:1|PTTL user:1|"
    "TYPE user:1|EXISTS user:1 user:2|DBSIZE|SMEMBERS tags:all|SCARD subscribers|SSCAN tags:all 0|SRANDMEMBER tags:all 3|SISMEMBER tags:all tag1|ZRANGE board:games 0 -1|"
    "ZRANGE board:games 0 2 WITHSCORES|ZSCORE board:games game1|ZCARD rank:people|ZRANK board:games game2|ZUNION 1 board:games|LRANGE queue:jobs 0 -1|LLEN outbox:1|LINDEX queue:jobs 0|"
    "XLEN signups:1|XRANGE events:1 - +|XREAD STREAMS events:1 0|OBJECT ENCODING user:1|MEMORY USAGE user:1|SCAN 0 MATCH product:* COUNT 1000|SCAN 0 MATCH counter:* COUNT 1000|INFO server|TIME|PING|"
    "CONFIG GET maxmemory|ACL WHOAMI|CLIENT ID|EXPIRETIME user:1|SORT_RO queue:jobs ALPHA|BITCOUNT counter:1|DUMP counter:1|SDIFF tags:all"
).split("|"))  # fmt: skip
