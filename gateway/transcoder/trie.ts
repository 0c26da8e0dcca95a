import { isDotSegment, type PathSegments, splitVerb } from "./path.ts";
import type { Segment } from "./template.ts";

/** What a path leads to: the trie compares methods and asks `takes`, nothing else. */
export interface TrieEntry {
  /** HTTP method, or `*` for any. */
  readonly httpMethod: string;
  /** A GET entry answers HEAD. */
  readonly headAsGet: boolean;
  /** Whether it matches a path with such oddities (empty segments, encoded slashes). */
  takes(path: PathSegments): boolean;
}

export interface TrieMatch<E> {
  /** Undefined: the path has no entry for the method. */
  readonly entry: E | undefined;
  /** The path's segments as matched: without the verb. */
  readonly path: PathSegments;
  /** Without an entry: those that the path has for other methods, best match first; none: the path is unknown. */
  readonly others: readonly E[];
}

class Node<E> {
  readonly literals = new Map<string, Node<E>>();
  one: Node<E> | undefined;
  /** Entries by verb ("": none) of templates that end here, and of those whose `**` begins here. */
  readonly ends = new Map<string, E[]>();
  readonly rests = new Map<string, E[]>();
}

/**
 * Paths to entries. Literal before `*` before `**`, segment by segment, a verb before none; but a branch without the
 * method never hides another that has it. A lookup visits every node once at most.
 */
export class Trie<E extends TrieEntry> {
  readonly #root = new Node<E>();
  readonly #verbs = new Set<string>();

  /** The entries of one path, to look at and to add to. */
  slot(segments: readonly Segment[], verb = ""): E[] {
    let node = this.#root;
    let slots = node.ends;
    for (const segment of segments) {
      if (segment.kind === "rest") {
        slots = node.rests;
        break;
      }
      node = child(node, segment);
      slots = node.ends;
    }
    if (verb !== "") this.#verbs.add(verb);
    const slot = slots.get(verb) ?? [];
    slots.set(verb, slot);
    return slot;
  }

  match(httpMethod: string, path: PathSegments): TrieMatch<E> {
    const others: E[] = [];
    const split = splitVerb(path);
    if (split !== undefined && this.#verbs.has(split.verb)) {
      const entry = new Walk(httpMethod, split.path, split.verb, others).from(this.#root, 0);
      if (entry !== undefined) return { entry, path: split.path, others };
    }
    return { entry: new Walk(httpMethod, path, "", others).from(this.#root, 0), path, others };
  }
}

function child<E>(node: Node<E>, segment: Segment): Node<E> {
  if (segment.kind !== "literal") {
    node.one ??= new Node();
    return node.one;
  }
  const known = node.literals.get(segment.value);
  if (known !== undefined) return known;
  const made = new Node<E>();
  node.literals.set(segment.value, made);
  return made;
}

/** One lookup. */
class Walk<E extends TrieEntry> {
  readonly #method: string;
  readonly #path: PathSegments;
  readonly #verb: string;
  readonly #others: E[];

  constructor(method: string, path: PathSegments, verb: string, others: E[]) {
    this.#method = method;
    this.#path = path;
    this.#verb = verb;
    this.#others = others;
  }

  from(node: Node<E>, index: number): E | undefined {
    const { raw, decoded } = this.#path;
    if (index === raw.length) return this.#pick(node.ends) ?? this.#pick(node.rests);
    const literal = decoded[index];
    const next = literal === undefined ? undefined : node.literals.get(literal);
    const found = next === undefined ? undefined : this.from(next, index + 1);
    if (found !== undefined) return found;
    if (node.one !== undefined && this.#isValue(index)) {
      const one = this.from(node.one, index + 1);
      if (one !== undefined) return one;
    }
    return node.rests.size > 0 && this.#isRest(index) ? this.#pick(node.rests) : undefined;
  }

  #pick(slots: ReadonlyMap<string, readonly E[]>): E | undefined {
    let fallback: E | undefined;
    for (const entry of slots.get(this.#verb) ?? []) {
      if (!entry.takes(this.#path)) continue;
      if (entry.httpMethod === this.#method) return entry;
      if (entry.httpMethod === "*" || (this.#method === "HEAD" && entry.httpMethod === "GET" && entry.headAsGet)) {
        fallback ??= entry;
      } else {
        this.#others.push(entry);
      }
    }
    return fallback;
  }

  /** An empty segment is a value only between slashes, and only for entries that take it. */
  #isValue(index: number): boolean {
    const { raw, decoded } = this.#path;
    return (raw[index] !== "" || index < raw.length - 1) && !isDotSegment(decoded[index]);
  }

  #isRest(from: number): boolean {
    const { raw, decoded } = this.#path;
    for (let index = from; index < raw.length; index += 1) {
      if (raw[index] === "" || isDotSegment(decoded[index])) return false;
    }
    return true;
  }
}
