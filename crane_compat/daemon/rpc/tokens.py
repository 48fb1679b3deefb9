"""Short-lived signed tokens (JWT, HS256) that say who a caller on another host is.

The claims are those of Slurm's auth/jwt: ``sun`` the user, ``iat`` and ``exp``.
A node daemon's own token names the node in ``node`` instead.
"""

from __future__ import annotations

import time

import jwt

from crane_compat.daemon.rpc.keys import Keys

#: Default life of a token, seconds (auth/jwt: 1800)
LIFESPAN = 1800

#: Life of a node daemon's token, seconds: only needed at the moment of the connect
NODE_LIFESPAN = 60


class BadToken(Exception):
    """The token is no proof of anything: wrong key, expired, or not a token."""


def issue(keys: Keys, user: str, lifespan: int = LIFESPAN) -> str:
    """A token for a user."""
    now = int(time.time())
    return jwt.encode({"sun": user, "iat": now, "exp": now + lifespan}, keys.token_key, algorithm="HS256")


def issue_node(keys: Keys, node: str) -> str:
    """A token for the daemon of a node."""
    now = int(time.time())
    return jwt.encode({"node": node, "iat": now, "exp": now + NODE_LIFESPAN}, keys.token_key, algorithm="HS256")


def verify(keys: Keys, token: str) -> dict[str, object]:
    """The claims of a token made with this cluster's key and not expired; raises BadToken."""
    try:
        claims: dict[str, object] = jwt.decode(
            token, keys.token_key, algorithms=["HS256"], options={"require": ["exp", "iat"]}
        )
    except jwt.PyJWTError as exc:
        raise BadToken(str(exc)) from exc
    return claims
