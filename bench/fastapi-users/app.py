"""FastAPI Users as its documentation sets it up, on the database that DATABASE_URL names."""

import os
import uuid

import redis.asyncio
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import (
    AuthenticationBackend,
    BearerTransport,
    JWTStrategy,
    RedisStrategy,
)
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.db import (
    SQLAlchemyBaseOAuthAccountTableUUID,
    SQLAlchemyBaseUserTableUUID,
    SQLAlchemyUserDatabase,
)
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from httpx_oauth.oauth2 import OAuth2
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

SECRET = os.environ["SECRET"]
PROVIDER = os.environ["OAUTH_PROVIDER"]
engine = create_async_engine(os.environ["DATABASE_URL"])
session_maker = async_sessionmaker(engine, expire_on_commit=False)
redis_client = redis.asyncio.from_url(os.environ["REDIS_URL"], decode_responses=True)


class Base(DeclarativeBase):
    pass


class OAuthAccount(SQLAlchemyBaseOAuthAccountTableUUID, Base):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    oauth_accounts: Mapped[list[OAuthAccount]] = relationship("OAuthAccount", lazy="joined")


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_session():
    async with session_maker() as session:
        yield session


async def get_user_db(session=Depends(get_session)):
    yield SQLAlchemyUserDatabase(session, User, OAuthAccount)


async def get_access_token_db(session=Depends(get_session)):
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


async def get_user_manager(user_db=Depends(get_user_db)):
    yield UserManager(user_db)


def jwt_strategy():
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


def database_strategy(access_token_db=Depends(get_access_token_db)):
    return DatabaseStrategy(access_token_db, lifetime_seconds=3600)


def redis_strategy():
    return RedisStrategy(redis_client, lifetime_seconds=3600)


class Provider(OAuth2):
    async def get_id_email(self, token):
        async with self.get_httpx_client() as client:
            headers = {**self.request_headers, "Authorization": f"Bearer {token}"}
            profile = (await client.get(f"{PROVIDER}/profile", headers=headers)).json()
        return profile["sub"], profile["email"]


provider = Provider("bench", "bench-secret", f"{PROVIDER}/authorize", f"{PROVIDER}/token", name="bench")


def backend(name, strategy):
    transport = BearerTransport(tokenUrl=f"auth/{name}/login")
    return AuthenticationBackend(name=name, transport=transport, get_strategy=strategy)


backends = [
    backend("jwt", jwt_strategy),
    backend("session", database_strategy),
    backend("redis", redis_strategy),
]
fastapi_users = FastAPIUsers[User, uuid.UUID](get_user_manager, backends)
app = FastAPI()
for one in backends:
    app.include_router(fastapi_users.get_auth_router(one), prefix=f"/auth/{one.name}")
app.include_router(fastapi_users.get_register_router(schemas.BaseUser[uuid.UUID], schemas.BaseUserCreate), prefix="/auth")
app.include_router(fastapi_users.get_users_router(schemas.BaseUser[uuid.UUID], schemas.BaseUserUpdate), prefix="/users")
app.include_router(
    fastapi_users.get_oauth_router(provider, backends[0], SECRET, csrf_token_cookie_secure=False), prefix="/auth/bench"
)
