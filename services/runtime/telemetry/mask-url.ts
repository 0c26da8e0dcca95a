/**
 * Replaces the credentials of every URL in a text by `***`: the password of `user:password@`, the whole of a lone token
 * (`nats://token@host`), and query parameters that carry secrets. Works on texts that are no valid URL.
 */
export function maskUrlCredentials(text: string): string {
  if (!text.includes("://")) return text;
  return text
    .replace(userInfo, (_all, scheme: string, info: string) => {
      const colon = info.indexOf(":");
      return colon < 0 && isUserName(scheme) ? `${scheme}${info}@` : `${scheme}${info.slice(0, colon + 1)}***@`;
    })
    .replace(secretParameter, "$1***");
}

/** Up to the last `@` before a space, a quote or a comma: an unescaped `@` or `/` in a password is part of it. */
const userInfo = /([a-z][a-z\d+.-]*:\/\/)([^\s"',]+)@/gi;
const secretParameter = /([?&](?:password|sslpassword|token|secret|api_?key|access_token)=)[^&\s"']*/gi;

/** In a database URL a lone name is the user; elsewhere (NATS) it is a token. */
function isUserName(scheme: string): boolean {
  return /^(mysql|mariadb|postgres|postgresql):/i.test(scheme);
}
