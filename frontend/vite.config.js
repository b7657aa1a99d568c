import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// Every file in src/entries/ is one entry: a page asks for it by its name through the manifest.
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const entries = Object.fromEntries(
  readdirSync(here("src/entries"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [file.slice(0, -3), here(`src/entries/${file}`)]),
);

export default defineConfig({
  root: here("."),
  base: "./", // chunks find each other wherever STATIC_URL points
  publicDir: false,
  build: {
    outDir: here("../src/zhaoyin/desk/static/dist"),
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    chunkSizeWarningLimit: 1600,
    reportCompressedSize: false,
    rolldownOptions: {
      input: entries,
      output: {
        entryFileNames: "[name]-[hash].js",
        chunkFileNames: "chunk-[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
});
