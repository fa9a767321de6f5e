/**
 * The learning switch: where a frame goes that came in at a port. It moves no bytes itself.
 * @module
 */

export * from "./frame_switch.ts";
