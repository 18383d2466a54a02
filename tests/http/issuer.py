"""An issuer of JWTs with its keys on loopback, as a real one would serve them."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "https://issuer.example"
AUDIENCE = "https://db.example/mcp"


@dataclass(slots=True)
class Issuer:
    """Signs tokens; `asked` counts how often its keys were fetched."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    asked: int = 0
    url: str = ""

    def token(self, *, key: Any = None, kid: str = "one", algorithm: str = "ES256", **claims: Any) -> str:
        """Return a good token, except for what is given otherwise; a claim that is None is left out."""
        whole = {
            "iss": NAME,
            "aud": AUDIENCE,
            "sub": "zoe",
            "exp": int(time.time()) + 300,
            "scope": "openid read",
            **claims,
        }
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm=algorithm, headers={"kid": kid})

    def write_key(self, folder: Path) -> Path:
        """Write the public key as PEM."""
        file = folder / "issuer.pem"
        file.write_bytes(
            self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return file

    def keys(self) -> bytes:
        """Return its key set."""
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "ES256"}]}).encode()


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Yield an issuer whose keys are served."""
    issuer = Issuer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = issuer.keys()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}/keys"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
