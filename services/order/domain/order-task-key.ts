import { createHash } from "node:crypto";

/** Characters of the key columns; both together stay below the 768 that InnoDB indexes. */
export const longestUserKey = 200;
export const longestShopKey = 400;

/** What makes two user names one user to the 24 hour rule (contracts/ordertracker.md 3.2). */
export function userKey(name: string): string {
  return bounded(normalise(name), longestUserKey);
}

/** What makes two shop names one shop to the 24 hour rule. */
export function shopKey(name: string): string {
  return bounded(normalise(name), longestShopKey);
}

/** NFKC, trim, case-fold. Accents count (7.7). */
function normalise(name: string): string {
  // Folding may leave what NFKC would compose, depending on how the name was spelled.
  return fold(name.normalize("NFKC").trim()).normalize("NFKC");
}

/**
 * Unicode's full case folding, which JavaScript lacks: lower, upper and again lower case (the capital sharp s needs
 * all three), but for the dotless i, which folds to itself, and the final sigma, which folds to the plain one.
 */
function fold(text: string): string {
  return text
    .split("ı")
    .map((part) => part.toLowerCase().toUpperCase().toLowerCase())
    .join("ı")
    .replaceAll("ς", "σ");
}

/** NFKC makes up to 18 characters of one: of a key too long for its column a digest stands for the tail. */
function bounded(key: string, longest: number): string {
  const characters = [...key];
  if (characters.length <= longest) return key;
  const digest = createHash("sha256").update(key).digest("base64url");
  return `${characters.slice(0, longest - digest.length).join("")}${digest}`;
}
