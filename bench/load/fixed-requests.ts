import type { CreateRequests, LoadRequest } from "./plan.ts";

/** A body in base64 is for what is no text. */
export type FixedRequest = LoadRequest & { readonly base64?: string };

/** The same request over and over. */
export const requests: CreateRequests<FixedRequest> = ({ base64, ...rest }) => {
  const request = base64 === undefined ? rest : { ...rest, body: Buffer.from(base64, "base64") };
  return { next: () => request };
};
