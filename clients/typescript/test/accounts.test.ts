// Runs against a server whose address is in AXUM_USERS_URL, with a bearer backend `jwt` and a provider `corp`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Accounts, AccountsError, memoryStore } from "../src/index.js";

const baseUrl = process.env["AXUM_USERS_URL"];
if (!baseUrl) throw new Error("AXUM_USERS_URL has to name a server");

const password = "analytical engine";
let people = 0;

/** A registered user's address, and accounts that nobody is logged in to. */
async function registered() {
  const accounts = new Accounts({ baseUrl: `${baseUrl}/`, backend: "jwt", transport: "bearer" });
  const email = `ada.${(people += 1)}@example.com`;
  const user = await accounts.register({ email, password });
  assert.equal(user.email, email);
  return { accounts, email, user };
}

/** The error that a refused request throws. */
async function refused(request: Promise<unknown>): Promise<AccountsError> {
  const error = await request.then(
    () => assert.fail("it was not refused"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof AccountsError, String(error));
  return error;
}

test("somebody registers, logs in, is shown, changes the password and logs out", async () => {
  const { accounts, email, user } = await registered();
  assert.equal(await accounts.me(), null);
  await accounts.login(email, password);
  assert.deepEqual(await accounts.me(), user);

  await accounts.updateMe({ password: "difference engine" });
  await accounts.logout();
  assert.equal(await accounts.me(), null);
  assert.equal((await refused(accounts.login(email, password))).code, "LOGIN_BAD_CREDENTIALS");
  await accounts.login(email, "difference engine");
  assert.equal((await accounts.me())?.id, user.id);
});

test("a refusal has its status, code and reason", async () => {
  const { accounts, email } = await registered();
  const taken = await refused(accounts.register({ email, password }));
  assert.deepEqual([taken.status, taken.code, taken.reason], [400, "REGISTER_USER_ALREADY_EXISTS", null]);

  const short = await refused(accounts.register({ email: "short@example.com", password: "short" }));
  assert.equal(short.code, "REGISTER_INVALID_PASSWORD");
  assert.match(short.reason ?? "", /8 characters/);
  assert.equal(short.message, short.reason);
});

test("every bad field is named", async () => {
  const { accounts } = await registered();
  const error = await refused(accounts.register({ email: "nobody", password: 1 as unknown as string }));
  assert.equal(error.status, 422);
  assert.deepEqual(error.fields.map((field) => field.field).sort(), ["email", "password"]);
});

test("bad tokens of mails are refused, and asking for mails answers alike for nobody", async () => {
  const { accounts } = await registered();
  await accounts.forgotPassword("nobody@example.com");
  await accounts.requestVerification("nobody@example.com");
  assert.equal((await refused(accounts.resetPassword("nonsense", password))).code, "RESET_PASSWORD_BAD_TOKEN");
  assert.equal((await refused(accounts.verify("nonsense"))).code, "VERIFY_USER_BAD_TOKEN");
});

test("other users are for superusers", async () => {
  const { accounts, email, user } = await registered();
  await accounts.login(email, password);
  assert.equal((await refused(accounts.user(user.id))).status, 403);
  assert.equal((await refused(accounts.updateUser(user.id, {}))).status, 403);
  assert.equal((await refused(accounts.deleteUser(user.id))).status, 403);
});

test("a bad code of a provider's login is refused", async () => {
  const { accounts } = await registered();
  assert.equal((await refused(accounts.exchange("nonsense"))).code, "EXCHANGE_BAD_CODE");
});

test("sessions are listed and ended, and an ended one is not renewed", async () => {
  const { accounts, email } = await registered();
  await accounts.login(email, password);
  const elsewhere = new Accounts({ baseUrl, backend: "jwt", transport: "bearer" });
  await elsewhere.login(email, password);

  const sessions = await accounts.sessions();
  assert.deepEqual(sessions.map((session) => session.is_current).sort(), [false, true]);
  await accounts.endOtherSessions();
  assert.equal((await accounts.sessions()).length, 1);
  const own = sessions.find((session) => session.is_current);
  await accounts.endSession(own?.id ?? "");
});

test("a token that the server has given is renewed by the server", async () => {
  const { email } = await registered();
  const tokens = memoryStore();
  const accounts = new Accounts({ baseUrl, backend: "jwt", transport: "bearer", tokens });
  await accounts.login(email, password);
  const refresh_token = tokens.get()?.refresh_token ?? assert.fail("no refresh token");
  tokens.set({ access_token: "ended", refresh_token });
  assert.equal((await accounts.me())?.email, email);
  assert.notEqual(tokens.get()?.refresh_token, refresh_token);
});

test("an ended token is renewed once for all requests that find it ended", async () => {
  let renewals = 0;
  const server: typeof fetch = async (input, init) => {
    if (String(input).endsWith("/auth/jwt/refresh")) {
      renewals += 1;
      return Response.json({ access_token: "new", refresh_token: "next" });
    }
    const fresh = new Headers(init?.headers).get("authorization") === "Bearer new";
    return fresh ? Response.json({ email: "ada@example.com" }) : Response.json({ detail: "Unauthorized" }, { status: 401 });
  };
  const tokens = memoryStore();
  tokens.set({ access_token: "old", refresh_token: "first" });
  const accounts = new Accounts({ backend: "jwt", transport: "bearer", tokens, fetch: server });

  const shown = await Promise.all([accounts.me(), accounts.me(), accounts.me()]);
  assert.deepEqual(shown.map((user) => user?.email), Array(3).fill("ada@example.com"));
  assert.equal(renewals, 1);
  assert.deepEqual(tokens.get(), { access_token: "new", refresh_token: "next" });
});

test("who is refused for a time is told for how long, and an answer that is no JSON has its status", async () => {
  const limited: typeof fetch = async () => Response.json({ detail: "TOO_MANY_REQUESTS" }, { status: 429, headers: { "retry-after": "7" } });
  const error = await refused(new Accounts({ fetch: limited }).login("ada@example.com", password));
  assert.deepEqual([error.status, error.retryAfterSeconds], [429, 7]);

  const broken: typeof fetch = async () => new Response("<h1>Bad Gateway</h1>", { status: 502, statusText: "Bad Gateway" });
  assert.equal((await refused(new Accounts({ fetch: broken }).me())).code, "Bad Gateway");
});
