/**
 * Reports of bugs: what is gathered, what is taken out of it, and the archive.
 * @module
 */

export { addBugreportCommand } from "./bugreport_command.ts";
