import { defineConfig } from "@playwright/test";

const vite = "node_modules/.bin/vite";
const executablePath = process.env["DDPM_CHROMIUM"];

export default defineConfig({
  testDir: "tests",
  timeout: 300_000,
  workers: 1,
  reporter: "list",
  forbidOnly: Boolean(process.env["CI"]),
  use: {
    baseURL: "http://localhost:5179",
    launchOptions: { ...(executablePath && { executablePath }), args: ["--enable-unsafe-swiftshader"] },
  },
  webServer: [
    { command: vite, url: "http://localhost:5179", reuseExistingServer: false, timeout: 240_000 },
    {
      command: "node_modules/.bin/ddpm playground --no-open --port 5180",
      url: "http://localhost:5180",
      reuseExistingServer: false,
      timeout: 240_000,
    },
  ],
});
