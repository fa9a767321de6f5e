/**
 * Commands about how this host is reached from elsewhere.
 * @module
 */

export { addNetcheckCommand } from "./netcheck_command.ts";
