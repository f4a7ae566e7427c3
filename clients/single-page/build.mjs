// One file for the browser.
import { build } from "esbuild";

await build({ entryPoints: ["src/main.ts"], bundle: true, format: "esm", target: "es2022", outdir: "dist", minify: true, sourcemap: true });
