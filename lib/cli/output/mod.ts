/**
 * What commands print and how they read quantities: tables, figures with units, QR codes.
 * @module
 */

export * from "./device_config.ts";
export * from "./human_units.ts";
export * from "./networks_view.ts";
export * from "./peers_view.ts";
export * from "./policy_view.ts";
export * from "./refusal_lines.ts";
export * from "./status_view.ts";
export * from "./table.ts";
export * from "../terminal.ts";
