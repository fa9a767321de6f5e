/**
 * The command line of weft: starts an agent and stays with it, or asks a running one through its control socket. It parses,
 * calls and prints, and decides nothing about networks. What it is wired to comes in as ports, so that every command runs
 * in tests without a system. Failures are one line and a hint, exit codes 1 (failed) and 2 (wrong use).
 *
 *     main(args, ports) --> --leader, --join, up --> runAgent --> Overlay, servers
 *                       `-> status, token, … -----> ControlClient --> STATE/control.sock
 *
 * @module
 */

export { main } from "./entry.ts";
export * from "./ports.ts";
export { systemProcess } from "./process_port.ts";
export { processTerminal, type Terminal } from "./terminal.ts";
