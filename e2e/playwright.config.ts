import { defineConfig } from "@playwright/test";

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
  webServer: { command: "node_modules/.bin/vite", url: "http://localhost:5179", reuseExistingServer: false },
});
