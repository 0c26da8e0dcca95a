/** Whether a subject may be published to: non-empty tokens between dots, no wildcard, nothing invisible. */
export function isSubject(subject: string): boolean {
  return subject.length <= 255 && /^[!-~]+$/.test(subject) && tokens(subject).every((token) => !/^$|[*>]/.test(token));
}

/** Whether a filter is well formed: a subject in which a token may be `*` and the last one `>`. */
export function isSubjectFilter(filter: string): boolean {
  const all = tokens(filter);
  const plain = all.map((token, i) => (token === "*" || (token === ">" && i === all.length - 1) ? "x" : token));
  return isSubject(plain.join("."));
}

/** Compiles filters to a test: `*` stands for one token, `>` for one or more at the end. */
export function subjectMatcher(filters: readonly string[]): (subject: string) => boolean {
  const patterns = filters.map(tokens);
  return (subject) => {
    const parts = tokens(subject);
    return patterns.some((pattern) => matches(pattern, parts));
  };
}

/** Whether some subject matches both filters. */
export function subjectsOverlap(a: string, b: string): boolean {
  const left = tokens(a);
  const right = tokens(b);
  for (let i = 0; ; i++) {
    const l = left[i];
    const r = right[i];
    if (l === undefined || r === undefined) return l === r;
    if (l === ">" || r === ">") return true;
    if (l !== r && l !== "*" && r !== "*") return false;
  }
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === ">") return parts.length > i;
    if (pattern[i] !== "*" && pattern[i] !== parts[i]) return false;
  }
  return pattern.length === parts.length;
}

function tokens(subject: string): string[] {
  return subject.split(".");
}
