"""Commands to be refused, each with what shows its effect, and commands that must pass. Data: a line adds a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SEED: tuple[tuple[str, ...], ...] = (
    ("SET", "s", "hello"), ("SET", "n", "10"), ("SET", "t", "v", "EX", "3000"), ("HSET", "h", "f", "1", "g", "2"),
    ("RPUSH", "l", "3", "1", "2"), ("SADD", "set", "a", "b", "c"), ("SADD", "set2", "b", "c"), ("ZADD", "z", "1", "a", "2", "b"),
    ("XADD", "x", "1-1", "f", "v"), ("XADD", "x", "2-1", "f", "w"), ("XGROUP", "CREATE", "x", "grp", "0"),
    ("PFADD", "hll", "a", "b"), ("GEOADD", "geo", "13.3", "38.1", "p", "15.0", "37.5", "q"), ("SET", "other", "1"),
    ("SET", "bits", "abc"), ("XREADGROUP", "GROUP", "grp", "c1", "COUNT", "1", "STREAMS", "x", ">"),
)  # fmt: skip

Effect = Literal["keys", "probe", "session", "waits", "shows"]


@dataclass(frozen=True, slots=True)
class Hostile:
    """A command and how its effect shows.

    Attributes:
        effect: `keys` the data's digest changes; `probe` another command answers differently afterwards; `session` the
            connection's own state does; `waits` no answer comes; `shows` the answer holds what it must not (`sign`).
    """

    arguments: tuple[str, ...]
    effect: Effect = "keys"
    probe: tuple[str, ...] = ()
    sign: str = ""


def _h(line: str, effect: Effect = "keys", probe: str = "", sign: str = "") -> Hostile:
    return Hostile(tuple(line.split(" ")), effect, tuple(probe.split(" ")) if probe else (), sign)


HOSTILE: tuple[Hostile, ...] = (
    _h("SET s x"), _h("set s x"), _h("SeT s x GET"), _h("SETEX s 10 x"), _h("GETSET s x"), _h("GETDEL s"), _h("GETEX t PERSIST"),
    _h("GETEX s EX 10"), _h("APPEND s x"), _h("INCR n"), _h("INCRBYFLOAT n 1.5"), _h("SETRANGE s 0 J"), _h("SETBIT bits 1 0"),
    _h("MSET s 1 n 2"), _h("DEL s"), _h("UNLINK s n"), _h("EXPIRE s 100"), _h("PERSIST t"), _h("RENAME s s2"), _h("COPY s s2"),
    _h("MOVE s 9"), _h("HSET h f 9"), _h("HDEL h f"), _h("HINCRBY h f 1"), _h("LPUSH l 9"), _h("LPOP l"), _h("RPOPLPUSH l l2"),
    _h("LTRIM l 0 0"), _h("LMOVE l l2 LEFT RIGHT"), _h("LMPOP 1 l LEFT"), _h("SADD set z"), _h("SPOP set"), _h("SMOVE set set2 a"),
    _h("SUNIONSTORE d set set2"), _h("SINTERSTORE d set set2"), _h("SDIFFSTORE d set set2"), _h("ZADD z 3 c"), _h("ZPOPMIN z"),
    _h("ZRANGESTORE d z 0 -1"), _h("ZUNIONSTORE d 1 z"), _h("ZREMRANGEBYRANK z 0 0"), _h("ZMPOP 1 z MIN"), _h("XADD x * f v"),
    _h("XDEL x 1-1"), _h("XTRIM x MAXLEN 0"), _h("XREADGROUP GROUP grp c2 STREAMS x >", "probe", "XINFO GROUPS x"),
    _h("XGROUP CREATE x other 0", "probe", "XINFO GROUPS x"), _h("XACK x grp 1-1", "probe", "XPENDING x grp"),
    _h("XCLAIM x grp c9 0 1-1", "probe", "XPENDING x grp"), _h("XAUTOCLAIM x grp c9 0 0", "probe", "XPENDING x grp"),
    _h("XSETID x 99-1", "probe", "XINFO STREAM x"), _h("PFADD hll zz"), _h("PFCOUNT hll"), _h("PFMERGE d hll"),
    _h("SORT l STORE d"), _h("SORT l LIMIT 0 2 STORE d"), _h("GEOADD geo 1 1 r"), _h("GEORADIUS geo 15 37 200 km STORE d"),
    _h("GEORADIUSBYMEMBER geo p 200 km STOREDIST d"), _h("GEOSEARCHSTORE d geo FROMMEMBER p BYRADIUS 200 km"),
    _h("BITFIELD bits SET u8 0 1"), _h("BITFIELD bits INCRBY u8 0 1"), _h("BITOP NOT d bits"), _h("FLUSHALL"), _h("FLUSHDB ASYNC"),
    _h("SWAPDB 0 1"), _h("TOUCH s", "probe", "OBJECT FREQ s"),
    Hostile(("EVAL", "return redis.call('SET','s','evil')", "0")),
    Hostile(("EVAL", "return redis.call('DEL', KEYS[1])", "1", "s")),
    Hostile(("EVAL_RO", "return redis.call('KEYS','*')", "0"), "shows", sign="hll"),
    Hostile(("SCRIPT", "LOAD", "return 42"), "probe", ("SCRIPT", "EXISTS", "1fa00e76656cc152ad327c13fe365858fd7be306")),
    Hostile(("FUNCTION", "LOAD", "#!lua name=evil\nredis.register_function('evil', function() return 1 end)"), "probe",
            ("FUNCTION", "LIST")),
    _h("CONFIG SET timeout 77", "probe", "CONFIG GET timeout"), _h("CONFIG RESETSTAT", "probe", "INFO stats"),
    _h("CONFIG GET *", "shows", sign="masterauth"), _h("CONFIG GET requirepass", "shows", sign="requirepass"),
    _h("config get MASTER*", "shows", sign="masterauth"), _h("ACL SETUSER evil on nopass ~* +@all", "probe", "ACL LIST"),
    _h("ACL LIST", "shows", sign="#"), _h("ACL GETUSER app", "shows", sign="passwords"), _h("ACL GENPASS", "shows"),
    _h("CLIENT LIST", "shows", sign="addr="), _h("CLIENT INFO", "shows", sign="addr="), _h("CLIENT SETNAME evil", "session"),
    _h("CLIENT NO-EVICT on", "session"), _h("CLIENT REPLY OFF", "waits"), _h("CLIENT REPLY SKIP", "waits"),
    _h("CLIENT TRACKING on", "session"), _h("CLIENT PAUSE 300 WRITE", "probe", "INFO clients"), _h("SELECT 3", "session"), _h("MULTI", "session"),
    _h("WATCH s", "session"), _h("SUBSCRIBE c", "session"), _h("PSUBSCRIBE *", "session"), _h("SSUBSCRIBE c", "session"),
    _h("HELLO 2 SETNAME evil", "session"), _h("RESET", "session"), _h("AUTH app wrong", "probe", "ACL LOG"), _h("MONITOR", "session"),
    _h("BLPOP nothing 0", "waits"), _h("BRPOP nothing 0", "waits"), _h("BLMOVE nothing d LEFT LEFT 0", "waits"),
    _h("BLMPOP 0 1 nothing LEFT", "waits"), _h("BZPOPMIN nothing 0", "waits"), _h("BZMPOP 0 1 nothing MIN", "waits"),
    _h("XREAD BLOCK 0 STREAMS x $", "waits"), _h("xread count 1 block 0 streams x $", "waits"),
    _h("XREAD BLOCK 0 COUNT 1 STREAMS x $", "waits"), _h("XREAD COUNT 1 COUNT 2 BLOCK 0 STREAMS x $", "waits"),
    _h("XREAD BLOCK 0 STREAMS BLOCK x $ $", "waits"), _h("XREAD COUNT 0 Block 0 STREAMS nothing 0", "waits"),
 _h("XREADGROUP BLOCK 0 GROUP grp c9 STREAMS nothing >", "shows"), _h("WAIT 1 0", "waits"),
    _h("KEYS *", "shows", sign="hll"), _h("DEBUG JMAP", "shows"), _h("DEBUG SET-ACTIVE-EXPIRE 0", "shows", sign="OK"),
    _h("DEBUG SLEEP 0", "shows", sign="OK"), _h("DEBUG OBJECT s", "shows", sign="encoding"), _h("DEBUG CHANGE-REPL-ID", "probe", "INFO replication"),
    _h("MEMORY PURGE", "shows", sign="OK"), _h("SLOWLOG GET", "shows"), _h("SLOWLOG RESET", "shows", sign="OK"),
    _h("LATENCY RESET", "shows"), _h("LATENCY GRAPH command", "shows"), _h("BGREWRITEAOF", "shows"), _h("SAVE", "probe", "INFO persistence"),
    _h("LASTSAVE extra", "shows"), _h("REPLICAOF 127.0.0.1 1", "probe", "ROLE"), _h("PUBLISH c secret", "shows"), _h("SPUBLISH c secret", "shows"),
    _h("OBJECT HELP", "shows"), _h("MODULE LOADEX nothing", "shows"), _h("CLUSTER RESET", "shows"), _h("FAILOVER ABORT", "shows"),
)  # fmt: skip

BENIGN: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split(" "))
    for line in (
        "GET s|get s|GETRANGE s 0 2|SUBSTR s 0 2|STRLEN s|MGET s n nothing|EXISTS s n|TYPE h|TTL t|PTTL t|EXPIRETIME t|PEXPIRETIME t|"
        "HGET h f|HMGET h f g|HGETALL h|HKEYS h|HVALS h|HLEN h|HEXISTS h f|HSTRLEN h f|HRANDFIELD h|HRANDFIELD h 2 WITHVALUES|"
        "HSCAN h 0|HSCAN h 0 MATCH f* COUNT 10|LRANGE l 0 -1|LRANGE l -2 -1|LINDEX l 0|LLEN l|LPOS l 1|SMEMBERS set|SCARD set|"
        "SISMEMBER set a|SMISMEMBER set a z|SRANDMEMBER set 2|SSCAN set 0|SINTER set set2|SUNION set set2|SDIFF set set2|"
        "SINTERCARD 2 set set2|ZRANGE z 0 -1|ZRANGE z 0 -1 WITHSCORES|ZRANGE z (1 +inf BYSCORE|ZRANGE z - + BYLEX LIMIT 0 1|"
        "ZREVRANGE z 0 0|ZRANGEBYSCORE z -inf +inf WITHSCORES|ZRANGEBYLEX z - +|ZSCORE z a|ZMSCORE z a b|ZRANK z b|ZCARD z|ZCOUNT z 0 5|"
        "ZLEXCOUNT z - +|ZRANDMEMBER z 1 WITHSCORES|ZSCAN z 0|ZUNION 2 z z WITHSCORES|ZINTER 2 z z|ZDIFF 2 z z|XRANGE x - +|"
        "XRANGE x - + COUNT 1|XREAD STREAMS x 0|XREAD COUNT 1 STREAMS x 0|xread count 0 streams x nothing 0 0|XREAD COUNT -1 STREAMS x $|"
        "XREAD STREAMS BLOCK 0|XREAD STREAMS STREAMS COUNT 0 0|XREVRANGE x + -|XLEN x|XINFO STREAM x|XINFO GROUPS x|XPENDING x grp|GEOPOS geo p|GEODIST geo p q km|"
        "GEOHASH geo p|GEOSEARCH geo FROMMEMBER p BYRADIUS 200 km ASC|GEORADIUS_RO geo 15 37 200 km|BITCOUNT bits|BITPOS bits 1|GETBIT bits 1|"
        "BITFIELD_RO bits GET u8 0|LCS s bits|SORT_RO l|SORT_RO l DESC LIMIT 0 2|SCAN 0|SCAN 0 MATCH s* COUNT 100 TYPE string|RANDOMKEY|"
        "DBSIZE|OBJECT ENCODING s|OBJECT REFCOUNT s|MEMORY USAGE s|DUMP s|PING|ECHO hi|TIME|INFO server|ROLE|LASTSAVE|COMMAND COUNT|"
        "CONFIG GET maxmemory|CONFIG GET maxmemory-policy timeout|ACL WHOAMI|CLIENT ID|CLIENT GETNAME|SLOWLOG LEN|LATENCY LATEST|MEMORY STATS"
    ).split("|")
)  # fmt: skip
