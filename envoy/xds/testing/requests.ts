import type { DeltaRequest, SotwRequest } from "../session.ts";

/** A request with what is not given left at its default. */
export function sotwRequest(typeUrl: string, fields: Partial<SotwRequest> = {}): SotwRequest {
  return { typeUrl, versionInfo: "", resourceNames: [], responseNonce: "", ...fields };
}

/** Likewise; `subscribe` and `unsubscribe` are short for what the protocol calls them. */
export function deltaRequest(
  typeUrl: string,
  fields: Partial<DeltaRequest> & {
    readonly subscribe?: readonly string[];
    readonly unsubscribe?: readonly string[];
  } = {},
): DeltaRequest {
  const { subscribe = [], unsubscribe = [], ...rest } = fields;
  return {
    typeUrl,
    resourceNamesSubscribe: subscribe,
    resourceNamesUnsubscribe: unsubscribe,
    initialResourceVersions: {},
    responseNonce: "",
    ...rest,
  };
}
