/**
 * weft under systemd: the unit that `weft install` writes, what that unit runs and whom it trusts, and what a running
 * agent tells the service manager that started it (sd_notify(3)). It knows no node and asks no agent.
 *
 *     unit_program.ts ── which program ──▶ unit_text.ts ── the unit      service_manager.ts ── READY, STATUS, WATCHDOG
 *
 * @module
 */

export * from "./service_manager.ts";
export * from "./unit_program.ts";
export * from "./unit_text.ts";
