// What `npm run test:mysql` runs: the tests that write to a database, on Oracle's MySQL and on no other database.
// With arguments, those files only.
import { installMissing, testComponents } from "./components/components.ts";
import { mysql } from "./components/mysql-debian.ts";
import { runTests } from "./test/run.ts";

const folders = [
  "services/runtime/store",
  "services/order/store",
  "services/order/events",
  "services/order/rpc",
  "tools/ops/backup",
  "test/mysql",
  "test/crash",
  "test/e2e/mesh.test.ts",
  "test/support/components.test.ts",
];
const chosen = process.argv.slice(2);

if (await installMissing([...testComponents, mysql], "npm run test:mysql")) {
  process.env.TEST_ON_MYSQL = "true";
  await runTests(chosen.length > 0 ? chosen : folders);
} else {
  process.exitCode = 1;
}
