"""FastAPI Users itself, configured as the application whose answers are recorded in transcripts.jsonl.

The tests start it for two purposes: to prove the replayer (the original must answer every recorded line
alike), and to work on one database file side by side with axum-users.

    python app.py --app default --database users.sqlite --secret SECRET --smtp-port 2525 \\
        --discovery http://127.0.0.1:9000/.well-known/openid-configuration \\
        [--redis redis://127.0.0.1:6379] [--port 0]

The database is a SQLite file or a URL of SQLAlchemy. It prints one line, `listening on PORT`, when it is ready. The tables are made if they are missing.
The OpenID provider has to answer already. Without a URL, Redis is stood in for by a dictionary, so that the routes and
the OpenAPI document are the recorded ones.
"""

import argparse
import asyncio
import contextlib
import smtplib
import socket
import uuid
from email.message import EmailMessage

import redis.asyncio
import uvicorn
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, InvalidPasswordException, UUIDIDMixin, schemas
from fastapi_users.authentication import (
    AuthenticationBackend,
    BearerTransport,
    CookieTransport,
    JWTStrategy,
    RedisStrategy,
)
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseOAuthAccountTableUUID, SQLAlchemyBaseUserTableUUID
from fastapi_users_db_sqlalchemy import SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyBaseAccessTokenTableUUID
from httpx_oauth.clients.openid import OpenID
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

parser = argparse.ArgumentParser()
APPS = ["default", "requires-verification", "oauth-in-user", "cookie-options", "no-expiry", "short-lived"]
parser.add_argument("--app", choices=APPS, default="default")
parser.add_argument("--database", required=True)
parser.add_argument("--secret", required=True)
parser.add_argument("--smtp-port", type=int, required=True)
parser.add_argument("--discovery", required=True)
parser.add_argument("--redis")
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()

requires_verification = options.app == "requires-verification"
oauth_in_user = options.app == "oauth-in-user"
lifetime_seconds = {"no-expiry": None, "short-lived": 6}.get(options.app, 3600)


class Base(DeclarativeBase):
    pass


class OAuthAccount(SQLAlchemyBaseOAuthAccountTableUUID, Base):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    oauth_accounts: Mapped[list[OAuthAccount]] = relationship("OAuthAccount", lazy="joined")


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


url = options.database if "://" in options.database else f"sqlite+aiosqlite:///{options.database}"
engine = create_async_engine(url)
new_session = async_sessionmaker(engine, expire_on_commit=False)


async def session():
    async with new_session() as opened:
        yield opened


async def user_database(opened=Depends(session)):
    yield SQLAlchemyUserDatabase(opened, User, OAuthAccount)


async def access_token_database(opened=Depends(session)):
    yield SQLAlchemyAccessTokenDatabase(opened, AccessToken)


def send_mail(to: str, link: str):
    message = EmailMessage()
    message["From"] = "no-reply@example.com"
    message["To"] = to
    message["Subject"] = "Your account"
    message.set_content(f"Follow this link:\n\n{link}\n")
    with smtplib.SMTP("127.0.0.1", options.smtp_port, timeout=10) as connection:
        connection.send_message(message)


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = options.secret
    verification_token_secret = options.secret

    async def validate_password(self, password, user):
        if len(password) < 8:
            raise InvalidPasswordException(reason="Password should be at least 8 characters")

    async def on_after_forgot_password(self, user, token, request=None):
        await asyncio.to_thread(send_mail, user.email, f"https://app.example.com/reset-password?token={token}")

    async def on_after_request_verify(self, user, token, request=None):
        await asyncio.to_thread(send_mail, user.email, f"https://app.example.com/verify?token={token}")


async def user_manager(database=Depends(user_database)):
    yield UserManager(database)


class MemoryRedis:
    """As much of a Redis client as the strategy calls; nothing expires."""

    def __init__(self):
        self.values = {}

    async def get(self, key):
        return self.values.get(key)

    async def set(self, key, value, ex=None):
        self.values[key] = value

    async def delete(self, key):
        self.values.pop(key, None)


if options.redis:
    redis_client = redis.asyncio.from_url(options.redis, decode_responses=True)
else:
    redis_client = MemoryRedis()


def jwt_strategy():
    return JWTStrategy(secret=options.secret, lifetime_seconds=lifetime_seconds)


def database_strategy(database=Depends(access_token_database)):
    return DatabaseStrategy(database, lifetime_seconds=lifetime_seconds)


def redis_strategy():
    return RedisStrategy(redis_client, lifetime_seconds=lifetime_seconds)


if options.app == "cookie-options":
    cookie_transport = CookieTransport(
        cookie_name="sid",
        cookie_max_age=3600,
        cookie_path="/app",
        cookie_domain="example.com",
        cookie_secure=True,
        cookie_httponly=False,
        cookie_samesite="strict",
    )
else:
    cookie_transport = CookieTransport(cookie_secure=False)

backends = [
    AuthenticationBackend("jwt", BearerTransport(tokenUrl="auth/jwt/login"), jwt_strategy),
    AuthenticationBackend("cookie", cookie_transport, database_strategy),
    AuthenticationBackend("redis", BearerTransport(tokenUrl="auth/redis/login"), redis_strategy),
]
users = FastAPIUsers[User, uuid.UUID](user_manager, backends)
provider = OpenID("corp-client", "corp-secret", options.discovery, name="corp")


class UserRead(schemas.BaseUser[uuid.UUID]):
    pass


class UserReadWithAccounts(UserRead, schemas.BaseOAuthAccountMixin):
    pass


Read = UserReadWithAccounts if oauth_in_user else UserRead


class UserCreate(schemas.BaseUserCreate):
    pass


class UserUpdate(schemas.BaseUserUpdate):
    pass


@contextlib.asynccontextmanager
async def lifespan(_):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
for backend in backends:
    app.include_router(
        users.get_auth_router(backend, requires_verification=requires_verification),
        prefix=f"/auth/{backend.name}",
        tags=["auth"],
    )
app.include_router(users.get_register_router(Read, UserCreate), prefix="/auth", tags=["auth"])
app.include_router(users.get_reset_password_router(), prefix="/auth", tags=["auth"])
app.include_router(users.get_verify_router(Read), prefix="/auth", tags=["auth"])
app.include_router(
    users.get_users_router(Read, UserUpdate, requires_verification=requires_verification),
    prefix="/users",
    tags=["users"],
)
cookie_options = options.app == "cookie-options"
app.include_router(
    users.get_oauth_router(
        provider,
        backends[0],
        options.secret,
        redirect_url="https://app.example.com/oauth/corp" if cookie_options else None,
        associate_by_email=oauth_in_user,
        is_verified_by_default=oauth_in_user,
        csrf_token_cookie_secure=not cookie_options,
    ),
    prefix="/auth/corp",
    tags=["auth"],
)
app.include_router(
    users.get_oauth_associate_router(
        provider, Read, options.secret, requires_verification=requires_verification
    ),
    prefix="/auth/associate/corp",
    tags=["auth"],
)

PROBES = {
    "any": {},
    "active": {"active": True},
    "verified": {"active": True, "verified": True},
    "superuser": {"active": True, "superuser": True},
    "optional": {"optional": True},
    "optional-active": {"optional": True, "active": True},
    "optional-verified": {"optional": True, "active": True, "verified": True},
    "optional-superuser": {"optional": True, "active": True, "superuser": True},
}


def add_probe(name, asked_of_the_user):
    @app.get(f"/probe/{name}", include_in_schema=False)
    async def probe(user=Depends(users.current_user(**asked_of_the_user))):
        return {"email": user.email if user else None}


for name, asked_of_the_user in PROBES.items():
    add_probe(name, asked_of_the_user)


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        if self.started:
            print(f"listening on {sockets[0].getsockname()[1]}", flush=True)


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
