/**
 * What `weft doctor` looks at: this host, and what a running agent says of its network.
 * @module
 */

export { examine, type Patient } from "./examine.ts";
