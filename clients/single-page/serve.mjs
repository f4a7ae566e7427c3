// Serves the page, and starts the server of the accounts unless ACCOUNTS_URL names one that runs.
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const port = Number(process.env.PORT ?? 5173);
const types = { html: "text/html; charset=utf-8", css: "text/css", js: "text/javascript", map: "application/json" };
const files = ["index.html", "style.css", "dist/main.js", "dist/main.js.map"];
const settings = { server: process.env.ACCOUNTS_URL ?? "http://localhost:8000", provider: process.env.ACCOUNTS_PROVIDER };

createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  if (name === "settings.json") {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(settings));
  } else if (files.includes(name)) {
    const body = await readFile(new URL(name, import.meta.url));
    response.writeHead(200, { "content-type": types[name.split(".").at(-1)] }).end(body);
  } else {
    response.writeHead(404, { "content-type": "text/plain" }).end("not found\n");
  }
}).listen(port, "127.0.0.1", () => console.log(`The page is at http://localhost:${port}`));

if (process.env.ACCOUNTS_URL === undefined) {
  const run = ["run", "--release", "--bin", "axum-users", "--", "--config", "axum-users.toml"];
  const server = spawn("cargo", run, { cwd: import.meta.dirname, stdio: "inherit" });
  server.on("exit", (code) => process.exit(code ?? 1));
}
