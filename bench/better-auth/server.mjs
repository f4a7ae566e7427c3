// Better Auth as its documentation sets it up, on SQLite, behind Node's own HTTP server.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { genericOAuth } from "better-auth/plugins";
import Database from "better-sqlite3";

const port = Number(process.env.PORT);
const provider = process.env.OAUTH_PROVIDER;
const database = new Database(process.env.DATABASE_URL.replace(/^sqlite:\/\//, ""));
database.pragma("journal_mode = WAL");
database.pragma("synchronous = NORMAL");
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: process.env.SECRET,
  database,
  emailAndPassword: { enabled: true },
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: "bench",
          clientId: "bench",
          clientSecret: "bench-secret",
          authorizationUrl: `${provider}/authorize`,
          tokenUrl: `${provider}/token`,
          userInfoUrl: `${provider}/profile`,
          accountSubject: ({ profile }) => profile.sub,
          mapProfileToUser: (profile) => ({ name: profile.email }),
        },
      ],
    }),
  ],
  // All requests come from one address.
  rateLimit: { enabled: false },
  logger: { level: "error" },
  telemetry: { enabled: false },
  // The load generator sends no Origin header.
  advanced: { disableOriginCheck: true, disableCSRFCheck: true },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
createServer(toNodeHandler(betterAuth(options))).listen(port, "127.0.0.1");
