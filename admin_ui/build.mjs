// Builds ../admin_ui/duly_admin_ui/static from src. The output depends on src and package-lock.json only.
import { build } from "esbuild";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";

const out = "duly_admin_ui/static";
await mkdir(out, { recursive: true });
for (const name of await readdir(out)) await rm(`${out}/${name}`);
await build({
  entryPoints: ["src/shell.js", "src/board.js", "src/editor.js", "src/setup.js", "src/app.css"],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  chunkNames: "shared-[hash]",
  target: ["chrome123", "firefox120", "safari17.5"],
  legalComments: "none",
  logLevel: "warning",
});
await copyFile("src/icon.svg", `${out}/icon.svg`);
await copyFile("src/LICENSES.txt", `${out}/LICENSES.txt`);
