/** What a timer of Node can count (24 days). */
const longestMs = 2 ** 31 - 1;
const longestSeconds = Math.floor(longestMs / 1000);

/** The long units of grpc-timeout (gRPC over HTTP/2, "Timeout"), in seconds; eight digits of the others do not reach the limit. */
const secondsOf: Readonly<Record<string, number>> = { H: 3600, M: 60, S: 1 };

/**
 * Gives a call whose client means "for ever" the longest timeout there is. Connect's handlers would set a timer that Node
 * cannot count, which then fires at once.
 */
export function shortenTimeout(header: Headers): void {
  const connect = header.get("connect-timeout-ms");
  if (connect !== null && /^\d{10}$/.test(connect) && Number(connect) > longestMs)
    header.set("connect-timeout-ms", String(longestMs));

  const [, amount, unit = ""] = /^(\d{1,8})([HMS])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (Number(amount) * (secondsOf[unit] ?? 0) > longestSeconds) header.set("grpc-timeout", `${longestSeconds}S`);
}
