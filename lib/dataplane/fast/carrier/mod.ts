/**
 * The local ends of stream carriers on raw descriptors, on the main thread, where the streams are: a GRO batch of the plane
 * comes in one call, and what comes from a stream leaves as GSO batches. One wait off the event loop is for all of them.
 * @module
 */

export { FastCarrierSockets } from "./fast_carrier_sockets.ts";
