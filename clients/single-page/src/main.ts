// Accounts on a single page: a cookie that no script can read, and nothing kept in the page.
import { Accounts, AccountsError, type UserRead, type UserUpdate } from "axum-users-client";

/** Where the server is, and which provider it has: what the page's own server says in `settings.json`. */
interface Settings {
  server: string;
  provider?: string;
}

const settings = (await (await fetch("settings.json")).json()) as Settings;
const accounts = new Accounts({ baseUrl: settings.server });

/** The element of this id; the page has all of them. */
function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

function say(text: string, isError = false): void {
  const message = element("message");
  message.textContent = text;
  message.classList.toggle("error", isError);
}

/** Shows one part of the page, according to who is logged in. */
function show(user: UserRead | null): void {
  element("nobody").hidden = user !== null;
  element("somebody").hidden = user === null;
  element("reset").hidden = true;
  element("email").textContent = user?.email ?? "";
  element("verified").textContent = user?.is_verified ? "yes" : "no";
  element("verify").hidden = user?.is_verified ?? true;
}

/** Does something, and says what the server objects to. */
async function attempt(action: () => Promise<void>): Promise<void> {
  say("");
  try {
    await action();
  } catch (error) {
    if (!(error instanceof AccountsError)) throw error;
    say(error.code === "LOGIN_BAD_CREDENTIALS" ? "E-mail or password is wrong." : error.message, true);
  }
}

/** What a form does with its fields. */
function onSubmit(id: string, action: (fields: Record<string, string>) => Promise<void>): void {
  const form = element<HTMLFormElement>(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form)) as Record<string, string>;
    void attempt(async () => {
      await action(fields);
      form.reset();
    });
  });
}

function onClick(id: string, action: () => Promise<void>): void {
  element(id).addEventListener("click", () => void attempt(action));
}

onSubmit("register", async ({ email = "", password = "" }) => {
  await accounts.register({ email, password });
  await accounts.requestVerification(email);
  await accounts.login(email, password);
  show(await accounts.me());
  say("Welcome! A mail with a link to verify your address is on its way.");
});

onSubmit("login", async ({ email = "", password = "" }) => {
  await accounts.login(email, password);
  show(await accounts.me());
});

onSubmit("edit", async ({ email, password }) => {
  const changes: UserUpdate = {};
  if (email) changes.email = email;
  if (password) changes.password = password;
  show(await accounts.updateMe(changes));
  say("Changed.");
});

onClick("logout", async () => {
  await accounts.logout();
  show(null);
});

onClick("verify", async () => {
  await accounts.requestVerification(element("email").textContent ?? "");
  say("A mail is on its way.");
});

onClick("forgot", async () => {
  const email = element<HTMLFormElement>("login")["email"] as HTMLInputElement;
  if (!email.reportValidity()) return;
  await accounts.forgotPassword(email.value);
  say("If somebody has this address, a mail is on its way.");
});

if (settings.provider !== undefined) {
  const { provider } = settings;
  element("provider").hidden = false;
  element("provider").textContent = `Log in with ${provider}`;
  onClick("provider", async () => {
    location.href = await accounts.authorizationUrl(provider, `${location.origin}/`);
  });
}

/** The links of mails end in `#verify=TOKEN` or `#reset=TOKEN`: a fragment is sent to no server. */
async function followLink(): Promise<void> {
  const [kind, token = ""] = location.hash.slice(1).split("=");
  history.replaceState(null, "", location.pathname);
  if (kind === "verify") {
    await attempt(async () => {
      await accounts.verify(token);
      say("Your address is verified.");
    });
  }
  show(await accounts.me());
  if (kind === "reset") {
    element("nobody").hidden = true;
    element("reset").hidden = false;
    onSubmit("reset", async ({ password = "" }) => {
      await accounts.resetPassword(token, password);
      show(null);
      say("The password is set: log in with it.");
    });
  }
}

await followLink();
