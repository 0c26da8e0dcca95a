/** One row of a contract, and what shows it. */
export interface ContractRow {
  /** Section of the contract, such as `1.3`. */
  readonly section: string;
  /** The row, in a few words that find it in the section. */
  readonly row: string;
  /** Tests that show it: `<file> > <part of a test's title>`. */
  readonly tests?: readonly string[];
  /** Why nothing shows it yet. */
  readonly later?: string;
}

export interface Findings {
  readonly shown: number;
  readonly later: number;
  /** One line each. */
  readonly problems: readonly string[];
}

/** Looks every row's tests up; `read` gives a test file's text, or undefined where there is none. */
export function checkRows(
  contract: string,
  rows: readonly ContractRow[],
  read: (file: string) => string | undefined,
): Findings {
  const problems: string[] = [];
  const seen = new Set<string>();
  let shown = 0;
  let later = 0;
  for (const { section, row, tests = [], later: reason } of rows) {
    const name = `${contract} ${section} ${row}`;
    if (seen.has(name)) problems.push(`${name}: is listed twice`);
    seen.add(name);
    const missing = tests.filter((test) => !exists(test, read));
    for (const test of missing) problems.push(`${name}: there is no test ${test}`);
    if (tests.length > 0 && reason !== undefined) problems.push(`${name}: has tests and is marked later`);
    else if (tests.length > 0) shown += missing.length === 0 ? 1 : 0;
    else if (reason !== undefined) later += 1;
    else problems.push(`${name}: no test shows it`);
  }
  return { shown, later, problems };
}

/** Looks for the title in the file's text: titles of `test.each` are spread over their tables. */
function exists(test: string, read: (file: string) => string | undefined): boolean {
  const [file = "", title = ""] = test.split(" > ", 2);
  return title !== "" && (read(file)?.includes(title) ?? false);
}
