import { describe, expect, test } from "vitest";
import { Repository } from "./testing/repository.ts";

describe("platform 5 release:feature", () => {
  test("commits open changes, pushes and tests the feature, merges it into dev, tests and pushes that, and returns", () => {
    const repository = new Repository();
    repository.write("open", "not yet committed");
    repository.commitElsewhere("dev", "theirs", "1");
    const { code, smokes } = repository.run("release-feature", []);
    expect(code).toBe(0);
    expect(smokes).toEqual([
      { branch: "feature/x", files: ["base", "open", "x"] },
      { branch: "dev", files: ["base", "open", "theirs", "x"] },
    ]);
    expect(repository.onRemote("feature/x")).toBe(repository.git("rev-parse", "feature/x"));
    expect(repository.onRemote("dev")).toBe(repository.git("rev-parse", "dev"));
    expect(repository.git("rev-list", "--merges", "--count", "dev")).toBe("1");
    expect(repository.git("branch", "--show-current")).toBe("feature/x");
  });

  test("takes the branch that is named, from whichever is checked out", () => {
    const repository = new Repository();
    repository.git("checkout", "--quiet", "main");
    const { code, smokes } = repository.run("release-feature", ["--branch", "feature/x"]);
    expect(code).toBe(0);
    expect(smokes.map(({ branch }) => branch)).toEqual(["feature/x", "dev"]);
    expect(repository.git("branch", "--show-current")).toBe("feature/x");
  });

  test("pushes nothing with --no-push", () => {
    const repository = new Repository();
    const dev = repository.onRemote("dev");
    expect(repository.run("release-feature", ["--no-push"]).code).toBe(0);
    expect(repository.onRemote("feature/x")).toBeUndefined();
    expect(repository.onRemote("dev")).toBe(dev);
    expect(repository.filesOn("dev")).toContain("x");
  });

  test.each(["dev", "main"])("refuses to run on %s", (branch) => {
    const repository = new Repository();
    repository.git("checkout", "--quiet", branch);
    const before = repository.state();
    expect(repository.run("release-feature", [])).toMatchObject({ code: 1, smokes: [] });
    expect(repository.run("release-feature", ["--branch", branch]).code).toBe(1);
    expect(repository.state()).toBe(before);
  });

  test("leaves open changes of another branch where they are", () => {
    const repository = new Repository();
    repository.git("checkout", "--quiet", "dev");
    repository.write("open", "of dev");
    const before = repository.state();
    expect(repository.run("release-feature", ["--branch", "feature/x"])).toMatchObject({ code: 1, smokes: [] });
    expect(repository.state()).toBe(before);
  });

  test.each([
    ["the feature cannot be pushed", 2, (it: Repository) => it.refusePushes("feature/x"), ""],
    ["its smoke test fails", 3, () => undefined, "feature/x"],
    [
      "dev has gone another way here",
      4,
      (it: Repository) => {
        it.commitElsewhere("dev", "theirs", "1");
        it.git("checkout", "--quiet", "dev");
        it.commit("mine", "1");
        it.git("checkout", "--quiet", "feature/x");
      },
      "",
    ],
    ["it conflicts", 5, (it: Repository) => it.commitElsewhere("dev", "x", "another x"), ""],
    ["the smoke test fails on dev", 6, (it: Repository) => it.commitElsewhere("dev", "theirs", "1"), "dev"],
    ["dev cannot be pushed", 7, (it: Repository) => it.refusePushes("dev"), ""],
  ])("when %s: exit code %i, dev as it was, back on the feature", (_name, expected, arrange, failsOn) => {
    const repository = new Repository();
    arrange(repository);
    const dev = repository.onRemote("dev");
    const { code, text } = repository.run("release-feature", [], failsOn);
    expect(code, text).toBe(expected);
    expect(repository.onRemote("dev")).toBe(dev);
    if (expected !== 4) expect(repository.git("rev-parse", "dev")).toBe(dev);
    expect(repository.git("branch", "--show-current")).toBe("feature/x");
    expect(repository.git("status", "--porcelain")).toBe("");
  });

  test("dev is remembered after the pull: a failure keeps what others brought", () => {
    const repository = new Repository();
    repository.commitElsewhere("dev", "theirs", "1");
    expect(repository.run("release-feature", [], "dev").code).toBe(6);
    expect(repository.git("rev-parse", "dev")).toBe(repository.onRemote("dev"));
  });

  test("an unknown option is usage", () => {
    const repository = new Repository();
    const before = repository.state();
    expect(repository.run("release-feature", ["--fast"])).toMatchObject({
      code: 64,
      text: expect.stringContaining("usage"),
    });
    expect(repository.state()).toBe(before);
  });
});
