import { expect, test } from "vitest";
import { detach } from "./detach.ts";
import { layoutOf } from "./layout.ts";

test("a place where nothing can be made is told at once", async () => {
  await expect(detach(layoutOf("/proc/mesh"), "none.ts", [])).rejects.toThrow(
    "cannot use the data directory /proc/mesh",
  );
});
