import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import { orderBook } from "./0002-order-book.ts";

/** The order service's schema, oldest step first. */
export const orderMigrations: readonly Migration[] = [orderBook];
