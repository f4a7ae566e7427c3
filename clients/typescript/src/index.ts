/**
 * Accounts in a front end.
 *
 * The types of users come from the server's OpenAPI document; where yours has own fields, make them anew with
 * `npx openapi-typescript --default-non-nullable=false http://127.0.0.1:8000/openapi.json --output schema.ts` and name
 * them: `new Accounts<Required<components["schemas"]["UserRead"]>, …>()`.
 *
 * @module
 */
import { AccountsError, errorOf } from "./error.js";
import type { components } from "./schema.js";

export { AccountsError, type FieldError } from "./error.js";
export type { components, paths } from "./schema.js";

type Schemas = components["schemas"];
/** A user as the server shows it: fields that have a default are optional in the document, and always there. */
export type UserRead = Required<Schemas["UserRead"]>;
/** What registers a user. */
export type UserCreate = Schemas["UserCreate"];
/** What changes a user: a field that is absent stays, one that is null is emptied. */
export type UserUpdate = Schemas["UserUpdate"];
/** A session of a user: where and when it began, and whether it is the one that asks. */
export type Session = Required<Schemas["SessionRead"]>;

/** The tokens of a bearer backend. `refresh_token` is there where the backend has refresh tokens. */
export interface Tokens {
  access_token: string;
  refresh_token?: string;
}

/** Where tokens are kept between requests. */
export interface TokenStore {
  get(): Tokens | null;
  set(tokens: Tokens | null): void;
}

/** A store that forgets when the page is left: what a script can read, a script slipped into the page can steal. */
export function memoryStore(): TokenStore {
  let kept: Tokens | null = null;
  return { get: () => kept, set: (tokens) => void (kept = tokens) };
}

/** How to reach the server. */
export interface AccountsOptions {
  /** The server's address, such as `https://accounts.example.com`; the page's own origin where it is left out. */
  baseUrl?: string;
  /** The backend's name, as in `/auth/{backend}/login`: `cookie` where it is left out. */
  backend?: string;
  /** How its token travels: `cookie` where it is left out. */
  transport?: "cookie" | "bearer";
  /** Whether a cookie backend has refresh tokens, so that an ended session is renewed. A bearer backend's login says so. */
  refresh?: boolean;
  /** Where a bearer backend's tokens are kept: in memory where it is left out. */
  tokens?: TokenStore;
  /** What makes requests: the platform's `fetch` where it is left out. */
  fetch?: typeof fetch;
}

/** What a request may carry. */
interface Content {
  json?: unknown;
  form?: Record<string, string>;
}

/** The accounts of a server, through one of its backends. Every method throws an {@link AccountsError} where the server refuses. */
export class Accounts<Read = UserRead, Create = UserCreate, Update = UserUpdate> {
  readonly #baseUrl: string;
  readonly #backend: string;
  readonly #tokens: TokenStore | null;
  readonly #refreshesCookie: boolean;
  readonly #fetch: typeof fetch;
  #refreshing: Promise<boolean> | null = null;

  constructor(options: AccountsOptions = {}) {
    this.#baseUrl = (options.baseUrl ?? "").replace(/\/$/, "");
    this.#backend = options.backend ?? "cookie";
    this.#tokens = options.transport === "bearer" ? (options.tokens ?? memoryStore()) : null;
    this.#refreshesCookie = this.#tokens === null && options.refresh === true;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** Makes a user. `POST /auth/register` */
  register(user: Create): Promise<Read> {
    return this.#json("POST", "/auth/register", { json: user });
  }

  /** Logs in. `POST /auth/{backend}/login` */
  async login(email: string, password: string): Promise<void> {
    const path = `/auth/${this.#backend}/login`;
    this.#keep(await this.#send("POST", path, { form: { username: email, password } }));
  }

  /** Logs out. Somebody whose session has ended already is logged out too. `POST /auth/{backend}/logout` */
  async logout(): Promise<void> {
    try {
      await this.#send("POST", `/auth/${this.#backend}/logout`);
    } catch (error) {
      if (!(error instanceof AccountsError && error.status === 401)) throw error;
    } finally {
      this.#tokens?.set(null);
    }
  }

  /** Who is logged in, or null. `GET /users/me` */
  async me(): Promise<Read | null> {
    try {
      return await this.#json("GET", "/users/me");
    } catch (error) {
      if (error instanceof AccountsError && error.status === 401) return null;
      throw error;
    }
  }

  /** Changes oneself. `PATCH /users/me` */
  updateMe(changes: Update): Promise<Read> {
    return this.#json("PATCH", "/users/me", { json: changes });
  }

  /** Asks for a mail with a reset token. The answer is the same for addresses that nobody has. `POST /auth/forgot-password` */
  async forgotPassword(email: string): Promise<void> {
    await this.#send("POST", "/auth/forgot-password", { json: { email } });
  }

  /** Sets a password with the token of the mail. `POST /auth/reset-password` */
  async resetPassword(token: string, password: string): Promise<void> {
    await this.#send("POST", "/auth/reset-password", { json: { token, password } });
  }

  /** Asks for a mail with a verification token. `POST /auth/request-verify-token` */
  async requestVerification(email: string): Promise<void> {
    await this.#send("POST", "/auth/request-verify-token", { json: { email } });
  }

  /** Verifies the address with the token of the mail. `POST /auth/verify` */
  verify(token: string): Promise<Read> {
    return this.#json("POST", "/auth/verify", { json: { token } });
  }

  /**
   * Where to send the browser to log in at a provider. `GET /auth/{provider}/authorize`
   *
   * @param redirectTo where the browser shall be in the end: one of the server's `redirect_targets`, or a path under one.
   */
  authorizationUrl(provider: string, redirectTo?: string): Promise<string> {
    return this.#authorize(`/auth/${encodeURIComponent(provider)}/authorize`, redirectTo);
  }

  /** Where to send the browser to link an account at a provider. `GET /auth/associate/{provider}/authorize` */
  associationUrl(provider: string, redirectTo?: string): Promise<string> {
    return this.#authorize(`/auth/associate/${encodeURIComponent(provider)}/authorize`, redirectTo);
  }

  /** Takes the code that a provider's login left in the page's address, for a bearer backend. `POST /auth/{backend}/exchange` */
  async exchange(code: string): Promise<void> {
    this.#keep(await this.#send("POST", `/auth/${this.#backend}/exchange`, { json: { code } }));
  }

  /** Unlinks an account at a provider. `DELETE /auth/associate/{provider}/{account_id}` */
  async unlink(provider: string, accountId: string): Promise<void> {
    const [name, account] = [encodeURIComponent(provider), encodeURIComponent(accountId)];
    await this.#send("DELETE", `/auth/associate/${name}/${account}`);
  }

  /** One's sessions, last used first. `GET /users/me/sessions` */
  sessions(): Promise<Session[]> {
    return this.#json("GET", "/users/me/sessions");
  }

  /** Ends one of one's sessions. `DELETE /users/me/sessions/{id}` */
  async endSession(id: string): Promise<void> {
    await this.#send("DELETE", `/users/me/sessions/${encodeURIComponent(id)}`);
  }

  /** Ends all of one's sessions but this one. `DELETE /users/me/sessions` */
  async endOtherSessions(): Promise<void> {
    await this.#send("DELETE", "/users/me/sessions");
  }

  /** A user, for superusers. `GET /users/{id}` */
  user(id: string): Promise<Read> {
    return this.#json("GET", `/users/${encodeURIComponent(id)}`);
  }

  /** Changes a user, for superusers. `PATCH /users/{id}` */
  updateUser(id: string, changes: Update): Promise<Read> {
    return this.#json("PATCH", `/users/${encodeURIComponent(id)}`, { json: changes });
  }

  /** Deletes a user, for superusers. `DELETE /users/{id}` */
  async deleteUser(id: string): Promise<void> {
    await this.#send("DELETE", `/users/${encodeURIComponent(id)}`);
  }

  /**
   * A request of the application's own, as the user: with the cookie or the bearer token, which is renewed once where it
   * has ended and the backend has refresh tokens.
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#once(path, init);
    const canRefresh = this.#refreshesCookie || this.#tokens?.get()?.refresh_token;
    if (response.status !== 401 || !canRefresh) return response;
    return (await this.#refresh()) ? this.#once(path, init) : response;
  }

  #once(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const tokens = this.#tokens?.get();
    if (tokens) headers.set("authorization", `Bearer ${tokens.access_token}`);
    return this.#fetch(this.#baseUrl + path, { ...init, headers, credentials: "include" });
  }

  /** One renewal at a time: requests that find the token ended at once wait for the same one. */
  #refresh(): Promise<boolean> {
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renew(): Promise<boolean> {
    const init: RequestInit = { method: "POST", credentials: "include" };
    if (this.#tokens) {
      init.headers = { "content-type": "application/json" };
      init.body = JSON.stringify({ refresh_token: this.#tokens.get()?.refresh_token });
    }
    const response = await this.#fetch(`${this.#baseUrl}/auth/${this.#backend}/refresh`, init);
    if (response.ok) this.#tokens?.set((await response.json()) as Tokens);
    else if (response.status < 500 && response.status !== 429) this.#tokens?.set(null);
    return response.ok;
  }

  async #authorize(path: string, redirectTo?: string): Promise<string> {
    const query = redirectTo === undefined ? "" : `?${new URLSearchParams({ redirect_to: redirectTo })}`;
    const answer = await this.#json<Schemas["OAuth2AuthorizeResponse"]>("GET", path + query);
    return answer.authorization_url;
  }

  #keep(answer: unknown): void {
    this.#tokens?.set(answer as Tokens);
  }

  #json<T>(method: string, path: string, content?: Content): Promise<T> {
    return this.#send(method, path, content) as Promise<T>;
  }

  async #send(method: string, path: string, content: Content = {}): Promise<unknown> {
    const init: RequestInit = { method };
    if (content.form) init.body = new URLSearchParams(content.form);
    if (content.json !== undefined) {
      init.headers = { "content-type": "application/json" };
      init.body = JSON.stringify(content.json);
    }
    const response = await this.fetch(path, init);
    const text = await response.text();
    if (!response.ok) throw errorOf(response, text);
    return text === "" ? undefined : JSON.parse(text);
  }
}
