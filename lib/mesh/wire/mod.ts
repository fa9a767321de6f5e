/**
 * The messages of the topic `mesh` and of its handshake, as bytes.
 * @module
 */

export * from "./endpoint_request.ts";
export * from "./introduction.ts";
export * from "./join_message.ts";
export * from "./member_request.ts";
export * from "./mesh_message.ts";
export * from "./protocols.ts";
