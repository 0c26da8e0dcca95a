import { expect, test } from "vitest";
import { isCurrentMysql } from "./mysql.ts";

test.each([
  ["mysqld  Ver 9.7.4-2 for debian-linux-gnu on x86_64 (Debian)", true],
  ["/usr/sbin/mysqld  Ver 8.0.43 for Linux on x86_64 (MySQL Community Server - GPL)", false],
  ["mysqld  Ver 11.8.3-MariaDB-0+deb13u1 from Debian for debian-linux-gnu on x86_64", false],
])("%s is a current MySQL: %s", (version, current) => {
  expect(isCurrentMysql(version)).toBe(current);
});
