import { describe, expect, test } from "vitest";
import { Repository } from "./testing/repository.ts";

/** A repository whose dev is a commit ahead of main, on the remote too. */
function ahead(): Repository {
  const repository = new Repository();
  repository.git("checkout", "--quiet", "dev");
  repository.commit("news", "1");
  repository.git("push", "--quiet", "origin", "dev");
  repository.git("checkout", "--quiet", "feature/x");
  return repository;
}

describe("platform 5 release:main", () => {
  test("tests dev, merges it into main, tests that, pushes it, and returns to the branch it began on", () => {
    const repository = ahead();
    repository.commitElsewhere("dev", "theirs", "1");
    repository.commitElsewhere("main", "fix", "1");
    const { code, smokes } = repository.run("release-main", ["--run-now"]);
    expect(code).toBe(0);
    expect(smokes).toEqual([
      { branch: "dev", files: ["base", "news", "theirs"] },
      { branch: "main", files: ["base", "fix", "news", "theirs"] },
    ]);
    expect(repository.onRemote("main")).toBe(repository.git("rev-parse", "main"));
    expect(repository.git("rev-list", "--merges", "--count", "main")).toBe("1");
    expect(repository.git("branch", "--show-current")).toBe("feature/x");
  });

  test.each([[[]], [["--dry-run", "--run-now"]], [["--now"]]])("%j is usage and does nothing", (args) => {
    const repository = ahead();
    const before = repository.state();
    expect(repository.run("release-main", args)).toMatchObject({
      code: 64,
      text: expect.stringContaining("usage"),
      smokes: [],
    });
    expect(repository.state()).toBe(before);
  });

  test("a dry run tells what would be released and changes nothing here or on the remote", () => {
    const repository = ahead();
    repository.commitElsewhere("dev", "theirs", "1");
    repository.git("branch", "--quiet", "-D", "main");
    const before = repository.state();
    const { code, text, smokes } = repository.run("release-main", ["--dry-run"]);
    expect(code, text).toBe(0);
    expect(text).toContain("change news");
    expect(text).toContain("theirs");
    expect(smokes).toEqual([]);
    expect(repository.state()).toBe(before);
  });

  test("a dry run tells that dev does not merge", () => {
    const repository = ahead();
    repository.commitElsewhere("main", "news", "other news");
    const before = repository.state();
    expect(repository.run("release-main", ["--dry-run"]).code).toBe(2);
    expect(repository.state()).toBe(before);
  });

  test.each(["--dry-run", "--run-now"])("%s with open changes: exit code 1, nothing done", (option) => {
    const repository = ahead();
    repository.write("open", "not yet committed");
    const before = repository.state();
    expect(repository.run("release-main", [option])).toMatchObject({ code: 1, smokes: [] });
    expect(repository.state()).toBe(before);
  });

  test.each([
    ["the smoke test fails on dev", 3, () => undefined, "dev"],
    ["dev conflicts with main", 2, (it: Repository) => it.commitElsewhere("main", "news", "other news"), ""],
    ["the smoke test fails on main", 3, (it: Repository) => it.commitElsewhere("main", "fix", "1"), "main"],
    ["main cannot be pushed", 4, (it: Repository) => it.refusePushes("main"), ""],
  ])(
    "when %s: exit code %i, main as the remote has it, back on the branch it began on",
    (_name, expected, arrange, failsOn) => {
      const repository = ahead();
      arrange(repository);
      const main = repository.onRemote("main");
      const { code, text } = repository.run("release-main", ["--run-now"], failsOn);
      expect(code, text).toBe(expected);
      expect(repository.onRemote("main")).toBe(main);
      if (failsOn !== "dev") expect(repository.git("rev-parse", "main")).toBe(main);
      expect(repository.git("branch", "--show-current")).toBe("feature/x");
      expect(repository.git("status", "--porcelain")).toBe("");
    },
  );
});
