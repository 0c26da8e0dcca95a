import { defineConfig } from "vitest/config";
import { onMysql } from "./test/support/on-mysql.ts";

export default defineConfig({
  test: {
    environment: "node",
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/.cache/**", ...(onMysql ? [] : ["test/mysql/**"])],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    // The first hook that asks for a database waits for its server's first start.
    hookTimeout: 60_000,
    // A poll that succeeds ends at once; a machine that does other things must not fail it.
    expect: { poll: { timeout: 10_000 } },
  },
});
