/** Cases that connect-node passes and we do not, on purpose; each must really fail. */
export const waived: readonly { readonly cases: RegExp; readonly reason: string }[] = [
  {
    cases: /^(Connect|gRPC|gRPC-Web) Unexpected Requests\/.*\/unexpected-uri$/,
    reason: "every refusal of ours names its reason in an ErrorInfo, and the suite expects no details",
  },
];
