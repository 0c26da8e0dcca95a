import { bootstrap as build } from "../builders/bootstrap.ts";
import { sampleBootstrapOptions, sampleResources } from "./sample.ts";

/** The sample as a module that commands read. */
export const bootstrap = () => build(sampleBootstrapOptions);
export const resources = sampleResources;
